"""Any shell can see how a run is going, from the files in its results folder, and stop it."""

import os
import platform
import time

import pytest

from srbench.errors import SrbenchError, UsageError
from srbench.running.events import Done, Failed, Finished, Measuring, Note, Planned, Started, Training, unheard
from srbench.running.run_files import RunFiles
from srbench.running.status import FailedJob, RunningJob, age_of, read_status, stop_run
from srbench.running.store import results_lock

PLANNED = Planned(suite="tiny", cells=5, impossible=1, jobs=4, estimated_seconds=3.0)


def job(kind, number, job, **facts):
    return kind(number=number, jobs=4, job=job, **facts)


@pytest.fixture
def going(tmp_path):
    """A run that is under way, and who hears its events."""
    with results_lock(tmp_path), RunFiles(tmp_path).following("processes", 2, ("srbench", "run"), unheard) as hear:
        yield tmp_path, hear


def test_a_run_that_is_under_way_says_what_runs_where_and_how_far_it_is(going):
    folder, hear = going
    hear(PLANNED)
    for number, title in enumerate(("one", "two", "three"), 1):
        hear(job(Started, number, title, worker=f"node{number}:7"))
    hear(job(Finished, 1, "one", seconds=2.0))
    hear(job(Training, 2, "two", step=0, steps=100, title="two"))
    hear(job(Measuring, 3, "three", image=0, images=5))
    hear(Note(text="two is begun again: its worker died: worker 1 was ended by SIGKILL."))
    hear(Note(text="This machine is busy."))
    hear(job(Failed, 4, "four", reason="gone"))
    status = read_status(folder)
    assert (status.state, status.suite, status.cells, status.jobs, status.finished) == ("running", "tiny", 5, 4, 1)
    assert (status.host, status.pid, status.executor, status.workers) == (platform.node(), os.getpid(), "processes", 2)
    assert status.running == (
        RunningJob(job="two", worker="node2:7", done=0, of=100, seconds_left=None),
        RunningJob(job="three", worker="node3:7", done=0, of=0, seconds_left=None),
    )
    assert status.failed == (FailedJob(job="four", reason="gone"),)
    assert status.begun_again == ("two is begun again: its worker died: worker 1 was ended by SIGKILL.",)
    assert age_of(status.last_event) < 60


def test_a_run_that_ended_is_done_or_stopped(tmp_path):
    done = Done(measured=1, cached=0, failed=0, seconds=1.0, results="results")
    for events, state in (([PLANNED, done], "done"), ([PLANNED, job(Started, 1, "one")], "stopped")):
        with RunFiles(tmp_path).following("here", 1, (), unheard) as hear:
            for event in events:
                hear(event)
        status = read_status(tmp_path)
        assert (status.state, status.running) == (state, ())


def test_half_a_line_and_other_text_in_the_log_are_left_out(going):
    folder, hear = going
    hear(PLANNED)
    with RunFiles(folder).events.open("a") as file:
        file.write('[]\n{"event": "planned"}\n{"event": "fini')
    assert read_status(folder).jobs == 4


def test_a_folder_without_a_run_is_said_in_a_sentence(tmp_path):
    with pytest.raises(SrbenchError, match="There is no run in"):
        read_status(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_run_stops_when_it_is_asked_to(tmp_path):
    heard = []

    def run():
        with results_lock(tmp_path), RunFiles(tmp_path).following("here", 1, (), heard.append) as hear:
            hear(PLANNED)
            heard.append(stop_run(tmp_path).state)
            time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert heard == [PLANNED, "running"]
    with pytest.raises(UsageError, match="does not run any more: it is stopped"):
        stop_run(tmp_path)


def test_the_files_of_a_run_stay_out_of_git(going):
    folder, _ = going
    assert (folder / ".run" / ".gitignore").read_text() == "*\n"
