"""The jobs of a plan, their dependencies, and which of them are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from srbench.datasets.overlap import assert_disjoint
from srbench.errors import SrbenchError
from srbench.planning.cells import Cell, Model, Plan
from srbench.running.jobs import STAGES, CertifyJob, Job, MeasureJob, PaceJob, ProfileJob, TrainJob
from srbench.running.keys import Keys
from srbench.running.session import Session

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
