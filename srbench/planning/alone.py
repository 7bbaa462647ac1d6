"""The suite that has one cell alone: what a record keeps so that its row can be made again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from srbench.planning.cells import Cell, Model
from srbench.planning.suite import Grid, Suite
from srbench.recipe import TrainingRecipe

FROM_SPECS = "paper"
"""The name of a recipe in a suite that stands for the own one of each architecture."""


def suite_of(cell: Cell, suite: Suite) -> Suite:
    """Return the suite whose plan is this cell, and the realisations before it.

    Recipes are named by the files of `recipes_of`, so that the suite does not depend on recipes that may change.

    Args:
        cell: The cell, of the plan of ``suite``.
        suite: Its task, profile and controls are kept.
    """
    model, how = cell.model, cell.inference
    taught = next((m for m in (model, *model.parts) if m.teachers), model)
    grid = Grid(
        architectures=(_name(model),),
        datasets=(cell.dataset,),
        degradations=(cell.degradation,),
        scales=(cell.scale,),
        resize=bool(how.resize),
        distillers=(model.distiller,),
        teachers=tuple(map(_name, taught.teachers)) if len(taught.teachers) > 1 else (),
        teacher=_name(taught.teachers[0]) if len(taught.teachers) == 1 else None,
        teacher_recipe=_file(m.recipe for m in taught.teachers if m.recipe) or None,
        teacher_weights=tuple(str(path) for teacher in taught.teachers for path in teacher.files),
        part_recipe=_file(m.recipe for m in _parts(model, same=False) if m.recipe) or None,
        budget=model.budget,
        weights=tuple(map(str, model.files)),
        train_degradation=model.degradation if model.degradation != cell.degradation else None,
        realisations=None if cell.realisation is None else max(cell.realisation + 1, 2),
        tile=how.tile,
        overlap=how.overlap,
        self_ensemble=how.self_ensemble,
        chop=how.chop,
        precision=how.precision,
        backends=(how.backend.name,) if how.backend else (),
        samplers=(how.sampling.name,) if how.sampling else (),
        samples=how.sampling.samples if how.sampling else 1,
        sample_seed=drawn.seed if (drawn := how.sampling or how.fitting) else 0,
        fit_steps=how.fitting.steps if how.fitting else None,
        fit_seconds=how.fitting.seconds if how.fitting else 0.0,
    )
    return suite.model_copy(
        update={
            "about": "",
            "protocol": cell.protocol.name,
            "metrics": cell.metrics,
            "recipe": _file(m.recipe for m in _mains(model) if m.recipe) or suite.recipe,
            "seeds": (model.seed,),
            "grid": (grid,),
            "search": None,
            "needs": {},
            "origin": "",
        }
    )


def recipes_of(cell: Cell) -> dict[str, TrainingRecipe]:
    """Return the recipes of all trainings that a cell needs, by name."""
    return {model.recipe.name: model.recipe for model in cell.model.lineage if model.recipe is not None}


def as_table(table: Suite | TrainingRecipe) -> dict[str, Any]:
    """Return the keys of a suite's or a recipe's TOML file, without those that have their default."""
    return table.model_dump(mode="json", exclude_defaults=True)


def _name(model: Model) -> str:
    return model.architecture + (f".{model.checkpoint}" if model.checkpoint else "")


def _file(recipes: Iterable[TrainingRecipe]) -> str:
    """Return how a suite names recipes: the file of the only one, or "paper" for several; empty without any."""
    names = {recipe: f"{recipe.name}.toml" for recipe in recipes}
    return next(iter(names.values()), "") if len(names) < 2 else FROM_SPECS


def _mains(model: Model) -> Iterator[Model]:
    """Yield the models that are trained by the suite's recipe: with what they start from, and parts of its task."""
    yield model
    for other in (*_parts(model, same=True), *([model.initial] if model.initial else ())):
        yield from _mains(other)


def _parts(model: Model, *, same: bool) -> Iterator[Model]:
    """Yield the trained parts of a model that are for its own task, or else those that are for another."""
    for part in model.parts:
        if part.recipe is not None and isinstance(model.recipe, type(part.recipe)) == same:
            yield part
