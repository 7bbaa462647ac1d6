"""A result is complete or missing, even if writing it is interrupted."""

import math
import multiprocessing
import threading

import pytest

from srbench.errors import StoreError
from srbench.files import atomic_write, cache_root
from srbench.records.scores import Certification
from srbench.running.stages import CERTIFY, PACE, TRAIN, JobName, Pace
from srbench.running.store import Store, results_lock

NAME = JobName(CERTIFY, "ab12")
RESULT = Certification(status="certified", detail="x")


def test_a_result_is_there_once_it_is_written(tmp_path):
    mine = Store(tmp_path)
    assert mine.read(NAME) is None
    mine.write(NAME, RESULT)
    assert mine.read(NAME) == RESULT
    assert mine.read(JobName(TRAIN, NAME.key)) is None
    assert mine.folder(NAME) == tmp_path / "certify" / "ab" / "ab12"


@pytest.mark.parametrize(
    "damage",
    [b"", b'{"status": "certified"', b"\xff\xfe", b"[1]", b"null", b"3", b"{}", b'{"status": "x", "detail": ""}',
     b'{"status": "certified", "detail": "", "foreign": 1}'],
)  # fmt: skip
def test_a_damaged_or_foreign_result_counts_as_none(tmp_path, damage):
    mine = Store(tmp_path)
    mine.write(NAME, RESULT)
    mine.result_file(NAME).write_bytes(damage)
    assert mine.read(NAME) is None


def test_a_number_that_is_not_finite_is_never_stored(tmp_path):
    mine, name = Store(tmp_path), JobName(PACE, "ab12")
    with pytest.raises(ValueError, match=r"not JSON compliant"):
        mine.write(name, Pace(ratio=math.nan, seconds_per_step=1.0, plain_seconds_per_step=1.0, late_names={}))
    assert not mine.folder(name).exists()


def test_forgetting_drops_all_of_a_job_and_nothing_else(tmp_path):
    mine, other = Store(tmp_path), JobName(CERTIFY, "ab34")
    for name in (NAME, other):
        mine.write(name, RESULT)
        atomic_write(mine.folder(name) / "work" / "step", "x")
        atomic_write(mine.folder(name) / "weights", "x")
    mine.forget(NAME)
    assert mine.read(NAME) is None
    assert [p.name for p in mine.folder(NAME).iterdir()] == ["lock"]
    assert {p.name for p in mine.folder(other).iterdir()} == {"result.json", "work", "weights"}
    mine.forget(JobName(CERTIFY, "never"))


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "mine"))
    assert cache_root() == tmp_path / "mine"
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
        with mine.claim(NAME):
            order.append("second")

    with mine.claim(NAME):
        thread = threading.Thread(target=second)
        thread.start()
        started.wait(5)
        thread.join(0.2)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]
