"""The outline of a schedule: what is to do for each model, and how long each stage takes."""

from __future__ import annotations

from dataclasses import dataclass, field

from srbench.planning.cells import Model
from srbench.records.stored import Stored
from srbench.running.jobs import TrainJob
from srbench.running.schedule import Schedule, ScheduledJob


@dataclass(slots=True)
class Work:
    """Some of the jobs of a run."""

    all: int = 0
    """The number of jobs."""
    to_do: int = 0
    """The number of jobs that a run would do; the others are cached or impossible."""
    impossible: int = 0
    """The number of jobs that cannot be done."""
    seconds: float = 0.0
    """An estimate of what is to do."""


@dataclass(slots=True)
class ModelWork:
    """The work for the models that differ only in their seeds."""

    title: str
    """What plans call them."""
    source: str
    """Where their weights are from: "trained", "checkpoint", "file", "composed" of parts, or "fixed" without any."""
    recipe: str
    """The recipe's name; empty without training."""
    training: Work = field(default_factory=Work)
    """Their trainings."""
    measuring: Work = field(default_factory=Work)
    """Their cells."""
    datasets: list[str] = field(default_factory=list)
    """The datasets on which they are measured, in the order of the suite."""
    drawn: list[str] = field(default_factory=list)
    """How their sr is drawn, or they are fitted to images: "ddim-20,samples=4", "fit=3000"; empty for all others."""
    reasons: list[str] = field(default_factory=list)
    """Why some cells are impossible, each reason once."""

    @property
    def possible(self) -> int:
        """Cells that can be measured."""
        return self.measuring.all - self.measuring.impossible

    @property
    def seconds(self) -> float:
        """Estimate of everything that is to do for them."""
        return self.training.seconds + self.measuring.seconds


@dataclass(frozen=True, slots=True)
class Outline:
    """What a run would do."""

    suite: str
    """The name of the suite."""
    workers: int
    """The number of jobs at once."""
    cells: Work
    """The cells of the suite."""
    models: tuple[ModelWork, ...]
    """The models in the order of the suite; those that only teach come where they are needed first."""
    stages: dict[str, Work]
    """The jobs by stage, in the order of the run."""
    jobs: int
    """The number of jobs that a run would do."""
    seconds: float
    """An estimate of the whole run on this machine."""


def outline_of(schedule: Schedule, workers: int = 1, *, fresh: bool = False) -> Outline:
    """Return what a run of a schedule would do, by as many workers; if ``fresh``, also what is cached."""
    jobs = schedule.open_jobs(fresh=fresh)
    seconds = {job: schedule.estimator.seconds(job.job) for job in jobs}
    models: dict[tuple[str, str], ModelWork] = {}
    stages: dict[str, Work] = {}
    for name, job in schedule.jobs.items():
        works = [stages.setdefault(name.stage.name, Work())]
        if isinstance(job.job, TrainJob):
            works.append(_group(models, job.job.model).training)
        for work in works:
            _count(work, job, seconds)
    cells = Work()
    for cell, own in schedule.cells.items():
        group = _group(models, cell.model)
        if cell.dataset not in group.datasets:
            group.datasets.append(cell.dataset)
        if (drawn := cell.inference.drawn) and drawn not in group.drawn:
            group.drawn.append(drawn)
        for work in (cells, group.measuring):
            _count(work, own.measure, seconds)
            work.impossible += own.measure.reason is not None
        if own.measure.reason and own.measure.reason not in group.reasons:
            group.reasons.append(own.measure.reason)
    order = ("pace", "train", "measure", "certify", "profile")
    return Outline(
        suite=schedule.plan.suite.name,
        workers=workers,
        cells=cells,
        models=tuple(models.values()),
        stages={stage: stages[stage] for stage in order if stage in stages},
        jobs=len(jobs),
        seconds=schedule.estimator.elapsed((job.job for job in jobs), workers),
    )


def _group(models: dict[tuple[str, str], ModelWork], model: Model) -> ModelWork:
    title, recipe = model.title_without_seed, model.recipe.name if model.recipe else ""
    return models.setdefault((title, recipe), ModelWork(title, model.source, recipe))


def _count(work: Work, job: ScheduledJob[Stored], seconds: dict[ScheduledJob[Stored], float]) -> None:
    work.all += 1
    work.to_do += job in seconds
    work.seconds += seconds.get(job, 0.0)
