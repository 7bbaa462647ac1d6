"""The jobs of a plan, what each of them needs, and which of them are done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from srbench.errors import SrbenchError
from srbench.planning.cells import Cell, Model, Plan
from srbench.records import Certification, Profile, Stored
from srbench.running.jobs import CertifyJob, Job, MeasureJob, PaceJob, ProfileJob, TrainJob
from srbench.running.keys import Keys
from srbench.running.session import Session
from srbench.running.stages import JobName, MeasuredCell
from srbench.tasks.table import task_named

R = TypeVar("R", bound=Stored)
R_co = TypeVar("R_co", bound=Stored, covariant=True)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job cannot be done."""

    job: Job[Stored]
    cause: str


@dataclass(eq=False, slots=True)
class Task(Generic[R_co]):
    """A job in a schedule."""

    job: Job[R_co]
    name: JobName[R_co] | None
    """Where its result goes; None if something is missing (a dataset, a checkpoint), and then ``failed`` says what."""
    needs: tuple[Task[Stored], ...] = ()
    failed: Failure | None = None

    @property
    def failure(self) -> Failure | None:
        """Its own failure, or that of a job that it needs, directly or not."""
        return self.failed or next((failure for task in self.needs if (failure := task.failure)), None)

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
class CellTasks:
    """The tasks whose results make the record of a cell."""

    measure: Task[MeasuredCell]
    certify: Task[Certification]
    profile: Task[Profile] | None

    def __iter__(self) -> Iterator[Task[Stored]]:
        yield from (self.measure, self.certify)
        if self.profile is not None:
            yield self.profile


@dataclass(eq=False)
class Schedule:
    """The tasks of a plan."""

    plan: Plan
    session: Session
    keys: Keys = field(init=False)
    tasks: dict[JobName[Stored], Task[Any]] = field(default_factory=dict, init=False)
    """Those that can be done, teachers before their students."""
    cells: dict[Cell, CellTasks] = field(default_factory=dict, init=False)
    _done: set[Task[Stored]] = field(default_factory=set, init=False)
    """Tasks whose results were found once; reading thousands again and again takes minutes."""

    _sound: set[tuple[str | int, ...]] = field(default_factory=set, init=False)
    """Training sets, test set and scale that were checked once."""

    def __post_init__(self) -> None:
        self.keys = Keys(self.session)
        trainings = {model: self._training(model) for model in self.plan.models}
        for cell in self.plan.cells:
            self.cells[cell] = self._cell(cell, trainings[cell.model])

    def _training(self, model: Model) -> tuple[Task[Stored], ...]:
        """Add the training of a model with all that it needs; nothing for weights that are not trained here."""
        if model.source != "trained":
            return ()
        needs = [task for parent in model.parents for task in self._training(parent)]
        if model.budget == "time":
            needs.append(self._task(PaceJob(model)))
        return (self._task(TrainJob(model), needs),)

    def _cell(self, cell: Cell, training: Sequence[Task[Stored]]) -> CellTasks:
        profiling, size = self.plan.suite.profile, cell.protocol.input_size(cell.scale)
        return CellTasks(
            measure=self._task(MeasureJob(cell), training),
            certify=self._task(CertifyJob(self.plan.suite.task, cell.dataset, cell.scale)),
            profile=self._task(ProfileJob(cell.model.architecture, cell.scale, profiling, size))
            if profiling.enabled
            else None,
        )

    def _task(self, job: Job[R], needs: Sequence[Task[Stored]] = ()) -> Task[R]:
        try:
            if isinstance(job, MeasureJob):
                self._check_data(job.cell)
            name = job.name(self.keys)
        except SrbenchError as error:
            return Task(job, None, failed=Failure(job, str(error)))
        return self.tasks.setdefault(name, Task(job, name, tuple(needs)))

    def _check_data(self, cell: Cell) -> None:
        train = cell.model.recipe.datasets if cell.model.recipe else ()
        combination: tuple[str | int, ...] = (*train, cell.dataset, cell.scale)
        if combination in self._sound:
            return
        library, datasets = self.session.library, self.session.catalog.datasets
        task = task_named(self.plan.suite.task)
        task.check_data(library, [datasets[name] for name in train], datasets[cell.dataset], cell.scale)
        self._sound.add(combination)

    def result(self, task: Task[R]) -> R | None:
        """Return the stored result of a task; None if there is none."""
        return None if task.name is None else self.session.store.read(task.name)

    def done(self, task: Task[Stored]) -> bool:
        """Whether the task's result is stored, and readable."""
        if task not in self._done and self.result(task) is not None:
            self._done.add(task)
        return task in self._done

    def _usable(self, task: Task[Stored], name: JobName[Stored]) -> bool:
        """Whether the task's result is stored, and undamaged."""
        if not isinstance(task.job, TrainJob):
            return self.done(task)
        result = self.result(task)
        return result is not None and task.job.intact(result, self.session.store.folder(name))

    def open_tasks(self) -> list[Task[Stored]]:
        """Return what is left to do, without trainings that no open cell needs."""
        wanted: set[Task[Stored]] = set()

        def want(task: Task[Stored]) -> None:
            if task.name is not None and task not in wanted and not self._usable(task, task.name):
                wanted.add(task)
                for parent in task.needs:
                    want(parent)

        for tasks in self.cells.values():
            for task in tasks if tasks.measure.failure is None else ():
                want(task)
        return [task for task in self.tasks.values() if task in wanted]
