"""Run a plan: jobs in the order of their dependencies, on any executor; finished cells become records at once."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from srbench.catalog.kinds import ExecutorSpec
from srbench.errors import SrbenchError, StoreError
from srbench.running.display import Quiet
from srbench.running.jobs import STAGES, Job, PaceJob, ProfileJob, perform
from srbench.running.recording import Assembler
from srbench.running.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    measured: int
    """Cells that were measured now."""
    cached: int
    """Cells that had been measured before."""
    failed: tuple[tuple[str, str], ...]
    """Title and reason of each cell that could not be measured."""


def run_plan(
    schedule: Schedule, results: Path, executor: ExecutorSpec, workers: int, progress: Quiet, *, fresh: bool = False
) -> Outcome:
    """Do every open job and write a record for every cell.

    Args:
        schedule: The jobs.
        results: Results folder; its ``records/`` receives the records.
        executor: Where jobs run.
        workers: How many at once.
        progress: Display for the jobs; used by executors in this process only.
        fresh: Forget the finished results of this plan first.

    Raises:
        KeyboardInterrupt: The person stopped the run; what was finished stays.
        StoreError: The cache or the results folder cannot be written; what was finished stays.
    """
    if fresh:
        for job in schedule.jobs.values():
            schedule.session.store.forget(STAGES[type(job)], job.key)
    todo = schedule.open_jobs()
    assembler = Assembler(schedule.plan.suite, schedule.session, schedule.keys, results)
    waiting = {name for stages in schedule.cells.values() for name in (stages["measure"],) if name in todo}
    assembler.write(schedule, only_finished=True)
    # Timing wants a machine to itself: paces come first, since trainings wait for them, profiles last, one by one.
    work: dict[str, Job] = {name: job for name, job in todo.items() if not isinstance(job, PaceJob | ProfileJob)}
    paces: dict[str, Job] = {name: job for name, job in todo.items() if isinstance(job, PaceJob)}
    profiles: dict[str, Job] = {name: job for name, job in todo.items() if isinstance(job, ProfileJob)}
    with progress.jobs(len(todo)) as finished:
        for batch, places in ((paces, 1), (work, workers), (profiles, 1)):
            if not batch:
                continue
            with executor.make(places) as pool:
                for name in _perform_all(schedule, batch, pool, None if executor.isolated else progress):
                    finished(schedule.jobs[name].title, schedule.failure(name))
                    assembler.write(schedule, after=name)
    failed = assembler.write(schedule)
    return Outcome(
        measured=sum(schedule.done(name) for name in waiting),
        cached=sum(schedule.done(stages["measure"]) for stages in schedule.cells.values())
        - sum(map(schedule.done, waiting)),
        failed=tuple(failed),
    )


def _perform_all(
    schedule: Schedule, batch: dict[str, Job], pool: concurrent.futures.Executor, progress: Quiet | None
) -> Iterator[str]:
    """Yield the names of jobs as they end, well or not; failures are noted in the schedule."""
    graph = TopologicalSorter({name: [p for p in schedule.needs[name] if p in batch] for name in batch})
    graph.prepare()
    ready: list[str] = []
    running: dict[concurrent.futures.Future[None], str] = {}
    try:
        while graph.is_active():
            ready += graph.get_ready()
            # An executor in this process is done with a job when it has taken it: what follows must not wait for the
            # whole queue.
            while ready and not any(future.done() for future in running):
                name = ready.pop(0)
                if schedule.failure(name):
                    graph.done(name)
                    yield name
                else:
                    running[pool.submit(perform, batch[name], schedule.session, progress)] = name
            if not running:
                continue
            for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                name = running.pop(future)
                try:
                    future.result()
                except StoreError:
                    raise  # the disk is full or not ours to write on: every other job would meet the same
                except Exception as error:  # noqa: BLE001 - a failed job is a reason in its cells; the others go on
                    schedule.failures[name] = _reason(error)
                graph.done(name)
                yield name
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _reason(error: Exception) -> str:
    if isinstance(error, SrbenchError):
        return str(error)
    if isinstance(error, concurrent.futures.BrokenExecutor):
        return "the worker process died (killed, or out of memory); run again to go on"
    return f"{type(error).__name__}: {error}"
