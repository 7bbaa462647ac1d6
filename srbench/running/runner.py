"""Run a plan: jobs in the order of their dependencies, on any executor; finished cells become records at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from srbench.catalog.executors import ExecutorSpec, Needs, Work
from srbench.files import require_locks
from srbench.records.stored import Stored
from srbench.running.dispatch import Dispatch
from srbench.running.events import Listener, Note
from srbench.running.job_progress import JobProgress, JobsProgress
from srbench.running.jobs import MeasureJob, OnnxJob, PaceJob, perform
from srbench.running.needs import needs_by_kind
from srbench.running.pool import Pool
from srbench.running.recording import Recorder
from srbench.running.schedule import Schedule, ScheduledJob
from srbench.running.session import Session
from srbench.running.stages import JobName

ON_THIS_MACHINE = ExecutorSpec(name="this_machine", make=lambda workers, needs: ThreadPoolExecutor(workers))  # noqa: ARG005
"""Where jobs are timed if the others run elsewhere."""
APART = "processes"
"""The executor of backends where others run in this process: a fault in the library of a runtime would end it too."""


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
    if todo:
        require_locks(schedule.session.cache)
    recorder = Recorder(schedule, results)
    waiting = {jobs.measure for jobs in schedule.cells.values()} & set(todo)
    recorder.write_finished()
    needs = needs_by_kind(schedule, todo, estimated=executor.elsewhere)

    def working(scheduled: ScheduledJob[Stored], sent: JobProgress) -> Work[float]:
        name = cast("JobName[Stored]", scheduled.name)  # a job without one is never given out
        return Work(partial(perform, scheduled.job, name, schedule.session, sent), needs[name.stage.name])

    batches = list(_batches(todo, workers, executor, schedule.session))
    shared = schedule.session.cache if any(place.isolated for _, _, place in batches) else None
    with JobsProgress.following(len(todo), listener, shared) as jobs:
        for batch, places, place in batches:
            if place.isolated and schedule.session.device != "cpu":
                _give_back_memory()
            most = Needs.most(needs[scheduled.name.stage.name] for scheduled in batch if scheduled.name)
            with Pool(place, places, most) as pool:
                for scheduled in Dispatch(pool, jobs, working).run(batch):
                    recorder.write_finished(after=scheduled)
    failed = recorder.write_failed()
    for note in recorder.notes:
        listener(Note(text=note))
    measured = sum(map(schedule.done, waiting))
    finished_cells = sum(schedule.done(jobs.measure) for jobs in schedule.cells.values())
    return Outcome(measured=measured, cached=finished_cells - measured, failed=tuple(failed))


def is_script() -> bool:
    """Whether this process runs a person's own script, which a spawned process might run again."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    return file is not None and getattr(main, "__spec__", None) is None and Path(file).stem != "srbench"


def _give_back_memory() -> None:
    """Let other processes have the memory of the GPU that torch keeps here after trainings."""
    import gc

    import torch

    gc.collect()
    torch.accelerator.empty_cache()


def _batches(
    todo: Sequence[ScheduledJob[Stored]], workers: int, executor: ExecutorSpec, session: Session
) -> Iterator[tuple[list[ScheduledJob[Stored]], int, ExecutorSpec]]:
    """Yield jobs that may run at the same time, with the number of workers, and the executor.

    Timing needs the machine for itself: paces come first, since trainings wait for them, and backends and profiles
    last, one by one. It is this machine that is timed, wherever the others run. Backends and conversions for them are
    done in another process than the run.
    """
    timed = ON_THIS_MACHINE if executor.elsewhere else executor
    apart = timed
    if not (timed.isolated or session.given or is_script()):
        apart = session.catalog.executors.get(APART, timed)
    paces = [scheduled for scheduled in todo if isinstance(scheduled.job, PaceJob)]
    backends = [
        scheduled for scheduled in todo
        if (isinstance(scheduled.job, MeasureJob) and scheduled.job.alone)
        or (isinstance(scheduled.job, OnnxJob) and not executor.isolated)
    ]  # fmt: skip
    known = {*paces, *backends}
    costs = [scheduled for scheduled in todo if scheduled.job.alone and scheduled not in known]
    others = [scheduled for scheduled in todo if not scheduled.job.alone and scheduled not in known]
    batches = ((paces, 1, timed), (others, workers, executor), (backends, 1, apart), (costs, 1, timed))
    yield from (batch for batch in batches if batch[0])
