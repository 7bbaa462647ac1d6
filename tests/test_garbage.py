import gc

from srbench.garbage import without_collections


def test_nothing_is_collected_inside_and_the_state_before_comes_back():
    assert gc.isenabled()
    with without_collections():
        assert not gc.isenabled()
        with without_collections():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
