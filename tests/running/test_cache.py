"""The cache is listed whole, and pruned only while nothing uses it."""

import multiprocessing
import os

import pytest

from srbench.errors import StoreError
from srbench.files import atomic_write, locked
from srbench.records.scores import Certification
from srbench.running.cache import cache_in_use, entries_of, prune
from srbench.running.stages import CERTIFY, JobName
from srbench.running.store import Store

NAME = JobName(CERTIFY, "ab12")


@pytest.fixture
def root(tmp_path):
    """A cache with a job, a file, a folder of files, a download and something of another version."""
    Store(tmp_path).write(NAME, Certification(status="certified", detail="x"))
    with Store(tmp_path).claim(NAME):
        pass
    atomic_write(tmp_path / "lr" / "ab" / "abcd.png", b"x" * 5)
    atomic_write(tmp_path / "pixel_rows" / "abcd" / "one.png", b"x" * 3)
    atomic_write(tmp_path / "pixel_rows" / "abcd" / "two.png", b"x" * 4)
    (tmp_path / "pixel_rows" / ".abcd.lock").touch()
    atomic_write(tmp_path / "lpips" / "alexnet.safetensors", b"x")
    atomic_write(tmp_path / "older" / "file", b"xx")
    return tmp_path


def remaining(root):
    return {entry.path.relative_to(root).as_posix() for entry in entries_of(root)}


def test_each_job_file_and_folder_is_an_entry_with_its_size_and_time(root):
    os.utime(root / "pixel_rows" / "abcd" / "one.png", (1e9, 1e9))
    os.utime(root / "pixel_rows" / "abcd" / "two.png", (2e9, 2e9))
    found = {entry.path.relative_to(root).as_posix(): entry for entry in entries_of(root)}
    assert {name: entry.size for name, entry in found.items()} == {
        "certify/ab/ab12": (root / "certify" / "ab" / "ab12" / "result.json").stat().st_size,
        "lr/ab/abcd.png": 5,
        "pixel_rows/abcd": 7,
        "lpips/alexnet.safetensors": 1,
        "older/file": 2,
    }
    assert found["pixel_rows/abcd"].written == 2e9
    assert [entry.part.fetched for entry in found.values()].count(True) == 1
    assert found["older/file"].part.about == "not made by this version"
    assert entries_of(root / "nowhere") == []


def test_pruning_deletes_what_it_is_given_and_nothing_else(root):
    gone = []
    chosen = [entry for entry in entries_of(root) if entry.part.name in {"certify", "pixel_rows", "lr"}]
    assert prune(root, chosen, gone.append) == []
    assert gone == chosen
    assert remaining(root) == {"lpips/alexnet.safetensors", "older/file"}
    assert Store(root).read(NAME) is None
    assert [path.name for path in Store(root).folder(NAME).iterdir()] == ["lock"]


def _use(root, using, release):
    with cache_in_use(root):
        using.set()
        release.wait(20)


def test_nothing_is_pruned_while_another_process_uses_the_cache(root):
    fork = multiprocessing.get_context("fork")
    using, release = fork.Event(), fork.Event()
    other = fork.Process(target=_use, args=(root, using, release))
    other.start()
    before = remaining(root)
    try:
        assert using.wait(20)
        with pytest.raises(StoreError, match=r"is using the cache .*, and nothing was deleted"):
            prune(root, entries_of(root), print)
        assert remaining(root) == before
    finally:
        release.set()
        other.join(20)
    assert prune(root, entries_of(root), lambda _: None) == []
    assert remaining(root) == set()
    assert [path.name for path in (root / ".users").iterdir()] == ["prune"]


def test_a_process_that_was_killed_does_not_use_the_cache(root):
    fork = multiprocessing.get_context("fork")
    using = fork.Event()
    other = fork.Process(target=_use, args=(root, using, fork.Event()))
    other.start()
    assert using.wait(20)
    other.kill()
    other.join(20)
    assert len(list((root / ".users").glob("*.lock"))) == 1
    prune(root, entries_of(root), lambda _: None)
    assert remaining(root) == set()
    assert not list((root / ".users").glob("*.lock"))


def _hold(paths, holding, release):
    with locked(paths[0]), locked(paths[1]):
        holding.set()
        release.wait(20)


def test_what_a_job_is_working_on_is_left(root):
    fork = multiprocessing.get_context("fork")
    holding, release = fork.Event(), fork.Event()
    locks = (Store(root).folder(NAME) / "lock", root / "pixel_rows" / ".abcd.lock")
    other = fork.Process(target=_hold, args=(locks, holding, release))
    other.start()
    try:
        assert holding.wait(20)
        left = prune(root, entries_of(root), lambda _: None)
        assert {entry.part.name for entry in left} == {"certify", "pixel_rows"}
        assert remaining(root) == {"certify/ab/ab12", "pixel_rows/abcd"}
    finally:
        release.set()
        other.join(20)


def test_using_the_cache_leaves_nothing_behind(tmp_path):
    with cache_in_use(tmp_path), cache_in_use(tmp_path):
        assert len(list((tmp_path / ".users").glob("*.lock"))) == 2
    assert [path.name for path in (tmp_path / ".users").iterdir()] == ["prune"]


def test_a_cache_that_cannot_be_written_is_used_as_it_is(tmp_path):
    (tmp_path / "file").touch()
    with cache_in_use(tmp_path / "file"):
        pass
