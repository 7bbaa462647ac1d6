"""Run a plan: jobs in the order of their dependencies, on any executor; finished cells become records at once."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path

from srbench.catalog.kinds import ExecutorSpec
from srbench.errors import StoreError, reason_of
from srbench.records import Stored
from srbench.running.events import Listener, Note
from srbench.running.job_progress import JobProgress, JobsProgress
from srbench.running.jobs import PaceJob, ProfileJob, perform
from srbench.running.recording import Recorder
from srbench.running.schedule import Failure, Schedule, ScheduledJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    measured: int
    """Cells that were measured now."""
    cached: int
    """Cells that had been measured before."""
    failed: tuple[tuple[str, str], ...]
    """Title and reason of each cell that could not be measured."""

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.measured + self.cached + len(self.failed)


def run_plan(
    schedule: Schedule, results: Path, executor: ExecutorSpec, workers: int, listener: Listener, *,
    fresh: bool = False,
) -> Outcome:  # fmt: skip
    """Do every open job and write a record for every cell.

    Records are written to ``records/`` of the results folder. ``listener`` hears how every job goes, wherever it runs.
    With ``fresh``, the finished results of the plan are forgotten first.

    Raises:
        KeyboardInterrupt: The person stopped the run; what was finished stays.
        StoreError: The cache or the results folder cannot be written; what was finished stays.
    """
    if fresh:
        for name in schedule.jobs:
            schedule.session.store.forget(name)
    todo = schedule.open_jobs()
    recorder = Recorder(schedule, results)
    waiting = {jobs.measure for jobs in schedule.cells.values()} & set(todo)
    recorder.write_finished()
    with JobsProgress.following(len(todo), listener, schedule.session.cache if executor.isolated else None) as jobs:
        for batch, places in _batches(todo, workers):
            with executor.make(places) as pool:
                for scheduled in _perform_all(schedule, batch, pool, jobs):
                    recorder.write_finished(after=scheduled)
    failed = recorder.write_failed()
    for note in recorder.notes:
        listener(Note(text=note))
    measured = sum(map(schedule.done, waiting))
    finished_cells = sum(schedule.done(jobs.measure) for jobs in schedule.cells.values())
    return Outcome(measured=measured, cached=finished_cells - measured, failed=tuple(failed))


def _batches(todo: Sequence[ScheduledJob[Stored]], workers: int) -> Iterator[tuple[list[ScheduledJob[Stored]], int]]:
    """Yield jobs that may run at the same time, with the number of workers.

    Timing needs the machine for itself: paces come first, since trainings wait for them, and profiles last, one by one.
    """
    paces = [scheduled for scheduled in todo if isinstance(scheduled.job, PaceJob)]
    profiles = [scheduled for scheduled in todo if isinstance(scheduled.job, ProfileJob)]
    others = [scheduled for scheduled in todo if not isinstance(scheduled.job, PaceJob | ProfileJob)]
    yield from ((batch, places) for batch, places in ((paces, 1), (others, workers), (profiles, 1)) if batch)


def _perform_all(
    schedule: Schedule,
    batch: Sequence[ScheduledJob[Stored]],
    pool: concurrent.futures.Executor,
    progress: JobsProgress,
) -> Iterator[ScheduledJob[Stored]]:
    """Yield jobs as they end, well or not; failures are noted in them."""
    inside = set(batch)
    graph = TopologicalSorter(
        {scheduled: [parent for parent in scheduled.needs if parent in inside] for scheduled in batch}
    )
    graph.prepare()
    ready: list[ScheduledJob[Stored]] = []
    running: dict[concurrent.futures.Future[float], tuple[ScheduledJob[Stored], JobProgress]] = {}
    try:
        while graph.is_active():
            ready += graph.get_ready()
            # An executor in this process is done with a job when it has taken it: what follows must not wait for the
            # whole queue.
            while ready and not any(future.done() for future in running):
                scheduled = ready.pop(0)
                shown, sent = progress.next(scheduled.job.title)
                if scheduled.name is None or scheduled.failure:
                    shown.fail(scheduled.reason or "")
                    graph.done(scheduled)
                    yield scheduled
                else:
                    work = partial(perform, scheduled.job, scheduled.name, schedule.session, sent)
                    running[_submitted(pool, work)] = scheduled, shown
            if not running:
                continue
            ended = concurrent.futures.wait(running, progress.patience, concurrent.futures.FIRST_COMPLETED).done
            progress.collect()
            for future in ended:
                scheduled, shown = running.pop(future)
                try:
                    shown.finish(future.result())
                except StoreError:
                    raise  # the disk is full or cannot be written: every other job would fail too
                except Exception as error:  # noqa: BLE001 - a failed job is a reason in its cells; the others go on
                    scheduled.failed = Failure(scheduled.job, _reason(error))
                    shown.fail(scheduled.failed.cause)
                graph.done(scheduled)
                yield scheduled
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _submitted(pool: concurrent.futures.Executor, work: Callable[[], float]) -> concurrent.futures.Future[float]:
    """Submit a job; it has failed if a worker has died meanwhile, so that the pool takes no more jobs."""
    try:
        return pool.submit(work)
    except concurrent.futures.BrokenExecutor as error:
        failed: concurrent.futures.Future[float] = concurrent.futures.Future()
        failed.set_exception(error)
        return failed


def _reason(error: Exception) -> str:
    if isinstance(error, concurrent.futures.BrokenExecutor):
        return "a worker process died (killed, or out of memory), which ends all jobs of its pool; run again to go on"
    return reason_of(error)
