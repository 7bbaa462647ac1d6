"""The models of a suite, and about how long they take from the beginning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from srbench.catalog.catalog import Catalog
from srbench.files import cache_root
from srbench.planning.cells import Model, Plan
from srbench.planning.overrides import RunOptions
from srbench.planning.plan import make_plan
from srbench.planning.suite import load_suite
from srbench.running.estimate import Estimator
from srbench.running.jobs import MeasureJob, TrainJob
from srbench.running.session import Session


@dataclass(frozen=True, slots=True)
class SuiteModel:
    """The models of a suite that differ only in their seeds."""

    title: str
    """What plans call them."""
    recipe: str
    """The name of their recipe; without a training, where their weights are from."""
    seeds: list[int] = field(default_factory=list)
    """The seeds of their trainings."""
    degradations: list[str] = field(default_factory=list)
    """The test degradations under which they are measured."""
    datasets: list[str] = field(default_factory=list)
    """The datasets on which they are measured; those that only teach have none."""
    drawn: list[str] = field(default_factory=list)
    """How their sr is drawn, or they are fitted to images: "ddim-20,samples=4", "fit=3000"; empty for all others."""


@dataclass(frozen=True, slots=True)
class SuiteFacts:
    """What is known about a suite before it runs."""

    name: str
    """Its name, or the path of its file."""
    about: str
    """What it is for."""
    task: str
    """One of "sr" and "recognition"."""
    protocol: str
    """How scores are taken."""
    metrics: tuple[str, ...]
    """The metrics that are computed."""
    seeds: tuple[int, ...]
    """The seeds of its trainings, unless a grid has others."""
    cells: int
    """The number of cells."""
    trainings: int
    """The number of trainings."""
    training_seconds: float
    """An estimate for all trainings on this machine, if nothing is cached."""
    measuring_seconds: float
    """An estimate for measuring all cells on this machine."""
    models: tuple[SuiteModel, ...]
    """Its models, in its order."""


def suite_facts(name: str, catalog: Catalog) -> SuiteFacts:
    """Return what is known about a suite, by its name or file.

    Raises:
        ConfigError: It cannot be understood.
        UnknownNameError: It names something that nothing provides.
    """
    suite = load_suite(name)
    plan, estimator = make_plan(suite, catalog, RunOptions()), Estimator(Session(cache=cache_root()))
    trained = [model for model in plan.models if model.source == "trained"]
    return SuiteFacts(
        name=name,
        about=suite.about,
        task=suite.task,
        protocol=suite.protocol,
        metrics=tuple(suite.metrics),
        seeds=suite.seeds,
        cells=len(plan.cells),
        trainings=len(trained),
        training_seconds=sum(estimator.seconds(TrainJob(model)) for model in trained),
        measuring_seconds=sum(estimator.seconds(MeasureJob(cell, plan.suite.profile)) for cell in plan.cells),
        models=_models(plan),
    )


def _models(plan: Plan) -> tuple[SuiteModel, ...]:
    groups: dict[tuple[str, str], SuiteModel] = {}

    def group(model: Model) -> SuiteModel:
        key = (model.title_without_seed, model.recipe.name if model.recipe else model.source)
        return groups.setdefault(key, SuiteModel(*key))

    for model in plan.models:
        if model.source == "trained":
            _add(group(model).seeds, model.seed)
    for cell in plan.cells:
        own = group(cell.model)
        _add(own.degradations, cell.degradation)
        _add(own.datasets, cell.dataset)
        if cell.inference.drawn:
            _add(own.drawn, cell.inference.drawn)
    return tuple(groups.values())


def _add(items: list[Any], item: object) -> None:
    if item not in items:
        items.append(item)
