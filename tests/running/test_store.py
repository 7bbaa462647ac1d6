"""Artefacts are whole or absent, whatever happens while they are written, and their keys tell all inputs apart."""

import json
import multiprocessing
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.errors import StoreError
from srbench.files import atomic_write, cache_root
from srbench.running.store import STAGE_VERSIONS, Store, content_key, results_lock

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(plain, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8)
inputs = st.dictionaries(st.text(), values, min_size=1)


@settings(max_examples=40, deadline=None)
@given(inputs, st.randoms())
def test_the_order_of_keys_decides_no_key(given_inputs, random):
    items = list(given_inputs.items())
    random.shuffle(items)
    assert content_key("train", dict(items)) == content_key("train", given_inputs)


@settings(max_examples=40, deadline=None)
@given(inputs, st.data())
def test_every_changed_input_changes_the_key(given_inputs, data):
    name = data.draw(st.sampled_from(sorted(given_inputs)))
    other = data.draw(values)
    # The canonical JSON is the oracle: 1 and 1.0 are two texts, True and 1 as well.
    changed = given_inputs | {name: other}
    same = json.dumps(changed, sort_keys=True) == json.dumps(given_inputs, sort_keys=True)
    assert (content_key("train", changed) == content_key("train", given_inputs)) is same


def test_stages_and_their_versions_have_keys_of_their_own(monkeypatch):
    keys = {content_key(stage, {"a": 1}) for stage in STAGE_VERSIONS}
    assert len(keys) == len(STAGE_VERSIONS)
    monkeypatch.setitem(STAGE_VERSIONS, "train", 99)
    assert content_key("train", {"a": 1}) not in keys


def test_a_key_is_the_same_on_every_machine():
    assert content_key("train", {"b": [1, 2.5], "a": "é"}) == (
        "cecb61477da5aa33145d530cc441b5c32a1db89a91d1504f680de40b81271d9e"
    )


def test_a_result_is_there_once_it_is_written(tmp_path):
    mine = Store(tmp_path)
    assert mine.read("train", "ab12") is None
    mine.write("train", "ab12", {"x": 1})
    assert mine.read("train", "ab12") == {"x": 1}
    assert mine.read("measure", "ab12") is None
    assert mine.folder("train", "ab12") == tmp_path / "train" / "ab" / "ab12"


@pytest.mark.parametrize("damage", [b"", b'{"x": 1', b"\xff\xfe", b"[1]", b"null", b"3"])
def test_a_damaged_result_counts_as_none(tmp_path, damage):
    mine = Store(tmp_path)
    mine.write("train", "ab12", {"x": 1})
    (mine.folder("train", "ab12") / "result.json").write_bytes(damage)
    assert mine.read("train", "ab12") is None


def test_forgetting_drops_all_of_a_key_and_nothing_else(tmp_path):
    mine = Store(tmp_path)
    for key in ("ab12", "ab34"):
        mine.write("train", key, {"x": 1})
        atomic_write(mine.folder("train", key) / "work" / "step", "x")
        atomic_write(mine.folder("train", key) / "weights", "x")
    mine.forget("train", "ab12")
    assert mine.read("train", "ab12") is None
    assert [p.name for p in mine.folder("train", "ab12").iterdir()] == ["lock"]
    assert {p.name for p in mine.folder("train", "ab34").iterdir()} == {"result.json", "work", "weights"}
    mine.forget("train", "never")


def test_the_cache_lies_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "mine"))
    assert cache_root() == Store().root == tmp_path / "mine"
    monkeypatch.delenv("SRBENCH_CACHE")
    assert cache_root().name == "srbench"


def _lock(folder, locked, release):
    with results_lock(folder):
        locked.set()
        release.wait(20)


def test_a_second_run_on_a_results_folder_is_refused_until_the_first_ends(tmp_path):
    spawn = multiprocessing.get_context("fork")
    locked, release = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_lock, args=(tmp_path, locked, release))
    other.start()
    try:
        assert locked.wait(20)
        with pytest.raises(StoreError, match=r"Another srbench run is writing to .*--results"), results_lock(tmp_path):
            pass
    finally:
        release.set()
        other.join(20)
    with results_lock(tmp_path):
        assert (tmp_path / ".lock").exists()


def test_a_results_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file could not be written"), results_lock(tmp_path / "file"):
        pass


def test_a_second_claim_of_a_key_waits(tmp_path):
    mine, order = Store(tmp_path), []
    started = threading.Event()

    def second():
        started.set()
        with mine.claim("train", "ab"):
            order.append("second")

    with mine.claim("train", "ab"):
        thread = threading.Thread(target=second)
        thread.start()
        started.wait(5)
        thread.join(0.2)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]
