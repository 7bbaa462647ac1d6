"""Run a plan: jobs in the order of their dependencies, on any executor; finished cells become records at once."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

from srbench.data.overlap import assert_disjoint
from srbench.errors import SrbenchError, StoreError
from srbench.executors.assemble import Assembler
from srbench.executors.display import Quiet
from srbench.executors.jobs import STAGES, CertifyJob, Job, MeasureJob, PaceJob, ProfileJob, TrainJob, perform
from srbench.executors.keys import Keys
from srbench.executors.session import Session
from srbench.plan import Cell, Model, Plan
from srbench.specs import ExecutorSpec

_NEEDS = "it needs"


@dataclass(eq=False)
class Schedule:
    """The jobs of a plan, which of them are done, and what each cell needs."""

    plan: Plan
    session: Session
    keys: Keys
    machine: str
    jobs: dict[str, Job] = field(default_factory=dict)
    """By a name that is unique within the run: stage and key."""
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cells: dict[Cell, dict[str, str]] = field(default_factory=dict)
    """For each cell, its job of every stage."""
    failures: dict[str, str] = field(default_factory=dict)
    """Job to the reason why it cannot be done."""
    titles: dict[str, str] = field(default_factory=dict)
    """Job to what it is called in messages."""

    def __post_init__(self) -> None:
        models = {model: self._model(model) for model in self.plan.models}
        for cell in self.plan.cells:
            self.cells[cell] = self._cell(cell, models[cell.model])

    def _model(self, model: Model) -> str | None:
        if model.source != "trained":
            return None
        parents = [self._model(parent) for parent in model.parents]
        if model.budget == "time":
            parents.append(self._add(lambda: PaceJob(self.keys.pace(model), model), [], f"timing {model.method}"))
        return self._add(
            lambda: TrainJob(self.keys.model(model), model), [p for p in parents if p], f"training {model.title}"
        )

    def _cell(self, cell: Cell, model: str | None) -> dict[str, str]:
        names = {
            "measure": self._add(lambda: self._measure(cell), [model] if model else [], f"measuring {cell.title}"),
            "certify": self._add(
                lambda: CertifyJob(self.keys.certificate(cell.dataset, cell.scale), cell.dataset, cell.scale),
                [],
                f"certifying {cell.dataset} x{cell.scale}",
            ),
        }
        profiling = self.plan.suite.profile
        if profiling.enabled:
            name = cell.model.architecture
            names["profile"] = self._add(
                lambda: ProfileJob(
                    self.keys.profile(name, cell.scale, profiling, self.machine), name, cell.scale, profiling
                ),
                [],
                f"profiling {name} x{cell.scale}",
            )
        return names

    def _measure(self, cell: Cell) -> MeasureJob:
        recipe, library, datasets = cell.model.recipe, self.session.library, self.session.catalog.datasets
        for name in recipe.datasets if recipe else ():
            assert_disjoint(library.images(datasets[name]), library.images(datasets[cell.dataset]))
        return MeasureJob(self.keys.cell(cell), cell)

    def _add(self, make: Callable[[], Job], needs: Sequence[str], title: str) -> str:
        try:
            job = make()
        except SrbenchError as error:
            # No key, no job: a dataset is missing, a checkpoint is not there. The other cells go on.
            name = f"impossible: {title}"
            self.failures[name], self.titles[name] = str(error), title
            return name
        name = f"{STAGES[type(job)]}:{job.key}"
        self.jobs[name], self.titles[name] = job, title
        self.needs[name] = tuple(needs)
        return name

    def done(self, name: str) -> bool:
        """Whether the job's result is stored."""
        job = self.jobs.get(name)
        return job is not None and self.session.store.read(STAGES[type(job)], job.key) is not None

    def failure(self, name: str) -> str | None:
        """Why a job has failed or can never start."""
        if name in self.failures:
            return self.failures[name]
        for parent in self.needs.get(name, ()):
            if reason := self.failure(parent):
                if reason.startswith(_NEEDS):
                    return reason
                return f"{_NEEDS} {self.titles[parent]}, which failed: {reason}"
        return None

    def open_jobs(self) -> dict[str, Job]:
        """What is left to do, without training that no open cell needs."""
        wanted: set[str] = set()

        def want(name: str) -> None:
            if name in self.jobs and name not in wanted and not self.done(name):
                wanted.add(name)
                for parent in self.needs[name]:
                    want(parent)

        for stages in self.cells.values():
            for name in stages.values() if self.failure(stages["measure"]) is None else ():
                want(name)
        return {name: job for name, job in self.jobs.items() if name in wanted}


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
