"""The progress of jobs comes as events, from this process and from others."""

import math
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from srbench.errors import StoreError
from srbench.running import job_progress
from srbench.running.events import Finished, Measuring, Note, Started, Training
from srbench.running.job_progress import JobProgress, JobsProgress
from srbench.running.runner import run_plan


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(job_progress.time, "monotonic", lambda: now[0])
    return now


def test_a_training_says_how_far_it_is_and_how_long_the_rest_takes(clock):
    heard = []
    progress = JobProgress(2, 5, "training dot", heard.append)
    progress.begin("Dot", 100, 20)
    clock[0] += 10
    progress.advance(40, loss=0.5, held_out="30 dB", images_per_second=12.345)
    clock[0] += 0.1
    progress.advance(41, loss=0.5, held_out="", images_per_second=1.0)  # too soon
    progress.advance(100, loss=math.nan, held_out="", images_per_second=1.0)
    begun, going, ended = heard
    assert (begun.step, begun.steps, begun.seconds_left, begun.number, begun.jobs) == (20, 100, None, 2, 5)
    assert (going.step, going.loss, going.held_out, going.images_per_second) == (40, 0.5, "30 dB", 12.35)
    assert going.seconds_left == 30.0  # 20 steps took 10 s, and 60 are left
    assert (ended.step, ended.loss, ended.seconds_left) == (100, None, 0.0)


def test_images_are_counted(clock):
    heard = []
    with JobProgress(1, 1, "measuring", heard.append).images(3) as advance:
        for _ in range(3):
            clock[0] += 1
            advance()
    assert [(event.image, event.images) for event in heard] == [(0, 3), (1, 3), (2, 3), (3, 3)]


def work(progress):
    progress.start()
    progress.begin("Dot", 4, 0)
    progress.note("网络")
    with progress.images(1) as advance:
        advance()


def test_what_happens_in_other_processes_arrives_once_and_in_order(tmp_path):
    heard = []
    with JobsProgress.following(2, heard.append, tmp_path / "cache") as jobs:
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            pairs = [jobs.next(title, isolated=True) for title in ("one", "two")]
            for future in [pool.submit(work, sent) for _, sent in pairs]:
                future.result(100)
                jobs.collect()
        jobs.collect()
        pairs[0][0].finish(1.0)
    for number, title in ((1, "one"), (2, "two")):
        own = [event for event in heard if getattr(event, "number", 0) == number]
        kinds = [Started, Training, Measuring, Measuring]
        assert [type(event) for event in own if not isinstance(event, Finished)] == kinds
        assert {event.job for event in own} == {title}
    assert [event.text for event in heard if isinstance(event, Note)] == ["网络", "网络"]
    assert list((tmp_path / "cache").iterdir()) == []


def test_half_a_line_waits_for_its_other_half(tmp_path):
    heard = []
    with JobsProgress.following(1, heard.append, tmp_path) as jobs:
        _, sent = jobs.next("one", isolated=True)
        sent.note("whole")
        (file,) = tmp_path.rglob("*.jsonl")
        text = file.read_bytes()
        file.write_bytes(text[:-5])
        jobs.collect()
        assert heard == []
        file.write_bytes(text)
        jobs.collect()
        jobs.collect()
    assert heard == [Note(text="whole")]


def test_progress_that_cannot_be_written_fails_no_job(tmp_path):
    with JobsProgress.following(1, [].append, tmp_path) as jobs:
        _, sent = jobs.next("one", isolated=True)
    pickle.loads(pickle.dumps(sent)).note("the folder is gone")


def test_a_cache_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(StoreError, match="could not be written"), JobsProgress.following(1, print, tmp_path / "cache"):
        pass


def test_a_run_in_other_processes_reports_its_trainings(schedule, session, tiny, catalog, tmp_path):
    heard = []
    planned = schedule('architectures = ["dot"]')
    run_plan(planned, tmp_path / "results", catalog.executors["processes"], 1, heard.append)
    steps = [event for event in heard if isinstance(event, Training)]
    assert steps[0].step == 0
    assert steps[-1].step == steps[-1].steps
    ended = [event for event in heard if isinstance(event, Finished)]
    assert [event.number for event in ended] == list(range(1, ended[0].jobs + 1))
    assert all(event.seconds > 0 for event in ended if event.job.startswith("training"))
