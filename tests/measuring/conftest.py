"""What the tests of measuring share."""

import pytest
import torch


@pytest.fixture(scope="module")
def by_itself(tmp_path_factory):
    """A cache of the module's own, and one thread: several wait for each other where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
    torch.set_num_threads(before)
