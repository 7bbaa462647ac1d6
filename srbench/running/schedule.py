"""The jobs of a plan, what each of them needs, and which of them are done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from srbench.errors import SrbenchError
from srbench.planning.cells import Cell, Model, Plan
from srbench.records.costs import Profile
from srbench.records.scores import Certification
from srbench.records.stored import Stored
from srbench.running.estimate import Estimator
from srbench.running.jobs import CertifyJob, Job, MeasureJob, OnnxJob, PaceJob, ProfileJob, TrainJob
from srbench.running.keys import Keys
from srbench.running.programs import program_of
from srbench.running.session import Session
from srbench.running.stages import JobName, MeasuredCell
from srbench.scales import Scale
from srbench.tasks.table import task_of

R = TypeVar("R", bound=Stored)
R_co = TypeVar("R_co", bound=Stored, covariant=True)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job cannot be done."""

    job: Job[Stored]
    cause: str


@dataclass(eq=False, slots=True)
class ScheduledJob(Generic[R_co]):
    """A job in a schedule."""

    job: Job[R_co]
    name: JobName[R_co] | None
    """Where its result goes; None if something is missing (a dataset, a checkpoint), and then ``failed`` says what."""
    needs: tuple[ScheduledJob[Stored], ...] = ()
    failed: Failure | None = None

    @property
    def failure(self) -> Failure | None:
        """Its own failure, or that of a job that it needs, directly or not."""
        return self.failed or next((failure for scheduled in self.needs if (failure := scheduled.failure)), None)

    @property
    def reason(self) -> str | None:
        """The failure in words."""
        failure = self.failure
        if failure is None:
            return None
        if failure is self.failed:
            return failure.cause
        return f"it needs {failure.job.title}, which failed: {failure.cause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellJobs:
    """The jobs whose results make the record of a cell."""

    measure: ScheduledJob[MeasuredCell]
    certify: ScheduledJob[Certification]
    profile: ScheduledJob[Profile] | None

    def __iter__(self) -> Iterator[ScheduledJob[Stored]]:
        yield from (self.measure, self.certify)
        if self.profile is not None:
            yield self.profile


@dataclass(eq=False)
class Schedule:
    """The jobs of a plan."""

    plan: Plan
    session: Session
    keys: Keys = field(init=False)
    estimator: Estimator = field(init=False)
    jobs: dict[JobName[Stored], ScheduledJob[Any]] = field(default_factory=dict, init=False)
    """Those that can be done, teachers before their students."""
    cells: dict[Cell, CellJobs] = field(default_factory=dict, init=False)
    _done: set[ScheduledJob[Stored]] = field(default_factory=set, init=False)
    """Tasks whose results were found once; reading thousands again and again takes minutes."""

    _sound: set[tuple[str | Scale, ...]] = field(default_factory=set, init=False)
    """Training sets, test set and scale that were checked once."""

    def __post_init__(self) -> None:
        self.keys, self.estimator = Keys(self.session), Estimator(self.session)
        trainings = {model: self._training(model) for model in self.plan.models}
        for cell in self.plan.cells:
            self.cells[cell] = self._cell(cell, trainings[cell.model])

    def _training(self, model: Model) -> tuple[ScheduledJob[Stored], ...]:
        """Add the trainings that give a model its weights, and return those that it needs first-hand."""
        needs = [scheduled for parent in model.parents for scheduled in self._training(parent)]
        if model.source != "trained":
            return tuple(needs)
        if model.budget == "time":
            needs.append(self._scheduled(PaceJob(model)))
        return (self._scheduled(TrainJob(model), needs),)

    def _cell(self, cell: Cell, training: Sequence[ScheduledJob[Stored]]) -> CellJobs:
        profiling, scale = self.plan.suite.profile, cell.network_scale
        size = cell.protocol.input_size(scale)
        needs = list(training)
        if cell.inference.backend is not None and (program := program_of(cell, self.session)) is not None:
            needs.append(self._scheduled(OnnxJob(program), training))
        return CellJobs(
            measure=self._scheduled(MeasureJob(cell, profiling), needs),
            certify=self._scheduled(CertifyJob(self.plan.suite.task, cell.dataset, cell.scale)),
            profile=self._scheduled(ProfileJob(cell.model.architecture, scale, profiling, size))
            if profiling.enabled
            else None,
        )

    def _scheduled(self, job: Job[R], needs: Sequence[ScheduledJob[Stored]] = ()) -> ScheduledJob[R]:
        try:
            if isinstance(job, MeasureJob):
                self._check_data(job.cell)
            name = job.name(self.keys)
        except SrbenchError as error:
            return ScheduledJob(job, None, failed=Failure(job, str(error)))
        return self.jobs.setdefault(name, ScheduledJob(job, name, tuple(needs)))

    def _check_data(self, cell: Cell) -> None:
        library, catalog = self.session.library, self.session.catalog
        test = catalog.datasets[cell.dataset]
        for model in (cell.model, *cell.model.parts):
            train = model.recipe.deciding_sets if model.recipe else ()
            combination: tuple[str | Scale, ...] = (*train, cell.dataset, cell.scale)
            if combination not in self._sound:
                task = task_of(catalog.networks[model.architecture])
                task.check_data(library, [catalog.datasets[name] for name in train], test, cell.scale)
                self._sound.add(combination)

    def result(self, scheduled: ScheduledJob[R]) -> R | None:
        """Return the stored result of a job; None if there is none."""
        return None if scheduled.name is None else self.session.store.read(scheduled.name)

    def done(self, scheduled: ScheduledJob[Stored]) -> bool:
        """Whether the result of a job is stored, and readable."""
        if scheduled not in self._done and self.result(scheduled) is not None:
            self._done.add(scheduled)
        return scheduled in self._done

    def _usable(self, scheduled: ScheduledJob[Stored], name: JobName[Stored]) -> bool:
        """Whether the result of a job is stored, and undamaged."""
        if not isinstance(scheduled.job, TrainJob | OnnxJob):
            return self.done(scheduled)
        result = self.result(scheduled)
        return result is not None and scheduled.job.intact(result, self.session.store.folder(name))

    def open_jobs(self, *, fresh: bool = False) -> list[ScheduledJob[Stored]]:
        """Return what is left to do, without trainings that no open cell needs; with ``fresh``, everything is."""
        wanted: set[ScheduledJob[Stored]] = set()

        def want(scheduled: ScheduledJob[Stored]) -> None:
            if scheduled.name is None or scheduled in wanted:
                return
            if fresh or not self._usable(scheduled, scheduled.name):
                wanted.add(scheduled)
                for parent in scheduled.needs:
                    want(parent)

        for jobs in self.cells.values():
            for scheduled in jobs if jobs.measure.failure is None else ():
                want(scheduled)
        return [scheduled for scheduled in self.jobs.values() if scheduled in wanted]
