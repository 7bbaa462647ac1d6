"""A job whose worker dies or falls silent is begun again, and then has a reason; the others go on."""

import threading
from concurrent.futures import BrokenExecutor, Executor, Future

import pytest

from srbench.catalog.executors import ExecutorSpec, Needs, Work
from srbench.errors import StoreError, UsageError, WorkerError
from srbench.records.stored import Stored
from srbench.running import dispatch
from srbench.running.dispatch import Dispatch
from srbench.running.events import Failed, Finished, Note
from srbench.running.job_progress import JobsProgress
from srbench.running.pool import Pool
from srbench.running.schedule import ScheduledJob
from srbench.running.stages import Stage

STAGE = Stage("train", 1, Stored)


class Named:
    """A job that is nothing but its title."""

    def __init__(self, title):
        self.title = title


def scheduled(title, *needs):
    return ScheduledJob(Named(title), STAGE.job({"title": title}), tuple(needs))


class Scripted(Executor):
    """Does with each job what the script says: a list of outcomes by title, of which the last one stays."""

    made = 0

    def __init__(self, script):
        self.script, self.begun, self.stopped = script, [], None
        type(self).made += 1

    def submit(self, work):
        title, progress = work.call()
        self.begun.append(title)
        outcomes = self.script.get(title, ["done"])
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, tuple):
            raise outcome[0]
        progress.start()
        future = Future()
        if outcome == "done":
            future.set_result(1.0)
        elif isinstance(outcome, BaseException):
            future.set_exception(outcome)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.stopped = {"wait": wait, "cancel_futures": cancel_futures}


class Ran:
    """Runs jobs on a scripted executor."""

    def __init__(self, folder):
        self.folder, self.events, self.pools = folder, [], []

    def __call__(self, jobs, script, kind=Scripted, silent_minutes=60):
        needs = Needs(silent_minutes=silent_minutes)

        def make(workers, needs):
            self.pools.append(kind(script))
            return self.pools[-1]

        spec = ExecutorSpec(name="scripted", make=make, isolated=True)
        with (
            JobsProgress.following(len(jobs), self.events.append, self.folder) as progress,
            Pool(spec, 2, needs) as pool,
        ):
            working = lambda job, sent: Work(lambda: (job.job.title, sent), needs)  # noqa: E731
            return [job.job.title for job in Dispatch(pool, progress, working).run(jobs)]

    @property
    def begun(self):
        return [title for pool in self.pools for title in pool.begun]

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def ran(tmp_path, monkeypatch):
    monkeypatch.setattr(dispatch, "LOOK_SECONDS", 0.0)
    return Ran(tmp_path)


KILLED = WorkerError("worker 1 (process 7 on node3) was ended by SIGKILL; the last lines of its log are: out of memory")


def test_a_job_whose_worker_died_twice_is_done_by_the_third(ran):
    jobs = [scheduled("a"), scheduled("b")]
    assert sorted(ran(jobs, {"a": [KILLED, KILLED, "done"]})) == ["a", "b"]
    assert [job.failed for job in jobs] == [None, None]
    assert sorted(ran.begun) == ["a", "a", "a", "b"]
    assert [note.text for note in ran.of(Note)] == [f"a is begun again: its worker died: {KILLED}."] * 2
    assert len(ran.of(Finished)) == 2


def test_the_reason_of_a_job_whose_worker_died_thrice_names_worker_signal_and_log(ran):
    teacher = scheduled("teacher")
    student, other = scheduled("student", teacher), scheduled("other")
    assert sorted(ran([teacher, student, other], {"teacher": [KILLED]})) == ["other", "student", "teacher"]
    assert teacher.reason == (
        "its worker died: worker 1 (process 7 on node3) was ended by SIGKILL; the last lines of its log are: out of "
        "memory. It was begun 3 times."
    )
    assert student.reason == f"it needs teacher, which failed: {teacher.reason}"
    assert other.reason is None
    assert ran.begun.count("teacher") == 3
    assert "student" not in ran.begun


def test_a_pool_that_takes_no_more_jobs_is_made_again(ran):
    job = scheduled("a")
    assert ran([job], {"a": [(BrokenExecutor("a child died"),), "done"]}) == ["a"]
    assert job.failed is None
    assert len(ran.pools) == 2
    assert ran.pools[0].stopped == {"wait": False, "cancel_futures": False}


def test_what_submit_itself_raises_is_the_reason_of_the_job_alone(ran):
    refused, other = scheduled("a"), scheduled("b")
    ran([refused, other], {"a": [(UsageError("sbatch: error: invalid partition 'gpus'"),)]})
    assert refused.reason == "sbatch: error: invalid partition 'gpus'"
    assert other.failed is None


def test_of_a_pool_that_breaks_as_a_whole_only_jobs_that_had_begun_are_blamed(ran):
    class Whole(Scripted):
        """As a pool of Python's with one worker: "poison" kills it, while all others wait."""

        def submit(self, work):
            if self.stopped == "broken":
                raise BrokenExecutor("a process in the pool died")
            title, progress = work.call()
            self.begun.append(title)
            self.waiting = [*getattr(self, "waiting", ()), Future()]
            if title == "poison":
                progress.start()
                threading.Timer(0.2, self.die).start()
            elif len(self.waiting) == 1:
                self.waiting[-1].set_result(1.0)
            return self.waiting[-1]

        def die(self):
            self.stopped = "broken"
            for future in filter(lambda future: not future.done(), self.waiting):
                future.set_exception(BrokenExecutor("a process in the pool died"))

    poison, innocent = scheduled("poison"), scheduled("innocent")
    ran([poison, innocent], {}, Whole)
    assert poison.reason == "its worker died: a process in the pool died. It was begun 3 times."
    assert innocent.failed is None


def test_a_silent_job_is_taken_from_its_worker_and_given_to_another(ran):
    class Ending(Scripted):
        def abandon(self, future):
            future.set_exception(KILLED)

    job = scheduled("a")
    assert ran([job], {"a": ["silence", "done"]}, Ending, 1e-4) == ["a"]
    assert job.failed is None
    assert [note.text for note in ran.of(Note)] == [
        "a is begun again: it reported nothing for 0 s, so its worker was ended."
    ]


def test_a_silent_job_fails_where_its_executor_cannot_end_the_worker_and_the_run_does_not_wait(ran):
    job, other = scheduled("a"), scheduled("b")
    ran([job, other], {"a": ["silence"]}, silent_minutes=1e-4)
    assert job.reason == "it reported nothing for 0 s, and its executor cannot end its worker"
    assert other.failed is None
    assert ran.pools[0].stopped == {"wait": False, "cancel_futures": False}


def test_a_job_that_waits_for_a_worker_is_not_silent(ran):
    class Late(Scripted):
        def submit(self, work):
            future = Future()
            threading.Timer(0.8, future.set_result, (1.0,)).start()
            return future

    job = scheduled("a")
    ran([job], {}, Late, 1e-4)
    assert job.failed is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreError("The disk is full")])
def test_what_ends_the_run_cancels_what_is_pending(ran, error):
    with pytest.raises(type(error)):
        ran([scheduled("a"), scheduled("b")], {"a": [error]})
    assert ran.pools[0].stopped is not None
    assert not ran.of(Failed)


def test_an_executor_that_has_no_word_for_cancelling_is_only_shut_down(ran):
    class Plain(Scripted):
        def shutdown(self, wait=True):
            self.stopped = wait

    with pytest.raises(KeyboardInterrupt):
        ran([scheduled("a")], {"a": [KeyboardInterrupt()]}, Plain)
    assert ran.pools[0].stopped is False
