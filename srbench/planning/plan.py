"""Multiply a suite out: which models have to exist, and which cells are measured. Pure: no torch, no disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from srbench.catalog.catalog import Catalog
from srbench.errors import ConfigError, UnknownNameError, UsageError
from srbench.measuring.protocol import Inference, protocol_named
from srbench.naming import Scale
from srbench.networks.spec import ArchitectureSpec
from srbench.planning.cells import Cell, Model, Plan
from srbench.planning.overrides import EVERYTHING, Selection
from srbench.planning.recipes import find_recipe
from srbench.planning.rows import refuse_shared_rows
from srbench.planning.suite import Grid, Suite
from srbench.recipe import Recipe


def make_plan(suite: Suite, catalog: Catalog, selection: Selection = EVERYTHING) -> Plan:
    """Multiply ``suite`` out.

    Args:
        suite: The axes.
        catalog: What the names mean.
        selection: What to keep.

    Raises:
        UnknownNameError: The suite or the selection names something that nothing provides.
        ConfigError: A grid cannot be multiplied out (a distiller without its teacher, no scale an architecture has), or
            two different cells would share a row of the leaderboard.
        UsageError: The selection leaves nothing.
    """
    _check_selection(suite, catalog, selection)
    _check_scales(suite, catalog)
    for name in suite.controls:
        catalog.distillers[name]  # which says so if there is none
    cells: dict[Cell, None] = {}
    for number, grid in enumerate(suite.grid, start=1):
        where = f"{suite.origin}, [[grid]] {number}"
        for cell in _cells(suite, grid, catalog, selection, where):
            cells.setdefault(cell)
    if not cells:
        picked = str(selection)
        why = (
            f"that matches {picked} together; drop one of them"
            if picked
            else "to run: none of the weights that it names are for its scales"
        )
        raise UsageError(f"Suite {suite.name} has no cell {why}.")
    refuse_shared_rows(cells, suite.origin)
    models: dict[Model, None] = {}
    for cell in cells:
        for model in _with_ancestors(cell.model):
            models.setdefault(model)
    return Plan(suite=suite, models=tuple(models), cells=tuple(cells))


def _with_ancestors(model: Model) -> Iterator[Model]:
    for parent in model.parents:
        yield from _with_ancestors(parent)
    yield model


def _check_selection(suite: Suite, catalog: Catalog, chosen: Selection) -> None:
    named = {name for grid in suite.grid for name in (*grid.architectures, *grid.distillers)}
    known = named | {name.partition(".")[0] for name in named}
    for name in chosen.only:
        if name not in known:
            if name in catalog.architectures or name in catalog.distillers:
                raise UsageError(f"Suite {suite.name} has no {name!r}; it has {', '.join(sorted(named))}.")
            raise UnknownNameError.among("architecture or distiller", name, known, f"These are suite {suite.name}'s.")
    scales = {s for grid in suite.grid for s in grid.scales}
    for scale in chosen.scales:
        if scale not in scales:
            raise UsageError(f"Suite {suite.name} has no scale {scale}; it has {', '.join(map(str, sorted(scales)))}.")
    for kind, names, axis in (
        ("dataset", chosen.datasets, "datasets"),
        ("degradation", chosen.degradations, "degradations"),
    ):
        for name in names:
            if name not in {n for grid in suite.grid for n in getattr(grid, axis)}:
                raise UnknownNameError.among(f"{kind} in suite {suite.name}", name, getattr(suite.grid[0], axis))


def _check_scales(suite: Suite, catalog: Catalog) -> None:
    """An architecture sits out a scale that it does not have; a scale that all of them sit out is a mistake."""
    names = dict.fromkeys(name for grid in suite.grid for name in grid.architectures)
    offered = {name: _architecture(catalog, name)[0].scales for name in names}
    for scale in (scale for grid in suite.grid for scale in grid.scales):
        if not any(scale in scales for scales in offered.values()):
            have = "; ".join(f"{name} has {', '.join(map(str, sorted(scales)))}" for name, scales in offered.items())
            raise ConfigError(f"{suite.origin}: no architecture of the suite has the scale {scale}: {have}.")


def _cells(suite: Suite, grid: Grid, catalog: Catalog, chosen: Selection, where: str) -> Iterator[Cell]:
    protocol = protocol_named(grid.protocol or suite.protocol)
    inference = Inference(
        tile=grid.tile, overlap=grid.overlap, self_ensemble=grid.self_ensemble, chop=grid.chop, precision=grid.precision
    )
    metrics = grid.metrics or suite.metrics
    _check_grid(grid, catalog, metrics, where)
    seeds = grid.seeds or suite.seeds
    for name, degradation, scale in itertools.product(grid.architectures, grid.degradations, grid.scales):
        spec, tag = _architecture(catalog, name)
        if not _serves(catalog, spec, degradation, scale, where):
            continue
        numbers = _realisations(grid, catalog, degradation, where)
        for distiller in grid.distillers:
            if chosen.only and not {name, spec.name, distiller} & set(chosen.only):
                continue
            if (chosen.scales and scale not in chosen.scales) or (
                chosen.degradations and degradation not in chosen.degradations
            ):
                continue
            for model in _models(suite, grid, catalog, spec, tag, degradation, scale, distiller, seeds, where):
                for dataset in grid.datasets:
                    if chosen.datasets and dataset not in chosen.datasets:
                        continue
                    for number in numbers:
                        yield Cell(
                            model=model, dataset=dataset, scale=scale, degradation=degradation, protocol=protocol,
                            inference=inference, metrics=metrics, realisation=number,
                        )  # fmt: skip


def _realisations(grid: Grid, catalog: Catalog, degradation: str, where: str) -> Sequence[int | None]:
    """Numbers of the realisations that are measured; None for the only one."""
    spec = catalog.degradations[degradation]
    count = grid.realisations or spec.realisations
    if count > 1 and not spec.stochastic:
        raise ConfigError(
            f"{where}: {count} realisations of {degradation} would all be the same, since nothing is random in it; "
            "leave them out, or give random degradations a grid of their own."
        )
    return range(count) if count > 1 else (None,)


def _check_grid(grid: Grid, catalog: Catalog, metrics: Sequence[str], where: str) -> None:
    """Every name is known before anything is trained."""
    for metric in metrics:
        catalog.metrics[metric]
    for dataset in grid.datasets:
        catalog.datasets[dataset]
    for distiller in grid.distillers:
        catalog.distillers[distiller]
    if grid.train_degradation and grid.train_degradations:
        raise ConfigError(f"{where}: train_degradation and train_degradations are both given; keep one of them.")
    for name in _train_degradations(grid):
        catalog.degradations[name]
    if grid.teacher and grid.teachers:
        raise ConfigError(f"{where}: teacher and teachers are both given; keep one of them.")
    if grid.teacher_weights and len(grid.teachers) > 1:
        raise ConfigError(
            f"{where}: teacher_weights is for one teacher, and {len(grid.teachers)} are named; name checkpoints, such "
            f'as "{grid.teachers[0]}.tag", or train them.'
        )
    for name in _teacher_names(grid):
        _architecture(catalog, name)
    if grid.weights and (others := [d for d in grid.distillers if d != "none"]):
        raise ConfigError(f"{where}: weights are given, so nothing is trained by {others[0]}; drop one of the two.")


def _architecture(catalog: Catalog, name: str) -> tuple[ArchitectureSpec, str | None]:
    if ":" in name:
        return catalog.architectures[name], None
    base, _, tag = name.partition(".")
    spec = catalog.architectures[base]
    if tag and tag not in {c.tag for c in spec.checkpoints}:
        raise UnknownNameError.among(f"checkpoint of {base}", tag, {c.tag for c in spec.checkpoints})
    return spec, tag or None


def _serves(catalog: Catalog, spec: ArchitectureSpec, degradation: str, scale: Scale, where: str) -> bool:
    """Whether the pair exists."""
    if spec.conditions and catalog.degradations[degradation].describe is None:
        raise ConfigError(
            f"{where}: {spec.name} takes the degradation of an image as conditions, which {degradation} does not "
            "describe; give it a grid of its own."
        )
    allowed = catalog.degradations[degradation].scales
    if allowed is not None and scale not in allowed:
        raise ConfigError(f"{where}: the degradation {degradation} has no scale {scale}; it has {sorted(allowed)}.")
    return scale in spec.scales


def _models(
    suite: Suite, grid: Grid, catalog: Catalog, spec: ArchitectureSpec, tag: str | None, degradation: str,
    scale: Scale, distiller: str, seeds: Sequence[int], where: str,
) -> Iterator[Model]:  # fmt: skip
    scales = tuple(sorted(spec.scales)) if spec.multi_scale else (scale,)
    plain = Model(architecture=spec.name, source="fixed", scales=scales)
    if not spec.trainable:
        if distiller == grid.distillers[0]:
            yield plain
    elif tag is not None:
        if distiller == grid.distillers[0] and any(c.tag == tag and c.scale in (scale, None) for c in spec.checkpoints):
            yield replace(plain, source="checkpoint", checkpoint=tag)
    elif grid.weights:
        yield replace(plain, source="file", files=_beside(suite, grid.weights))
    else:
        recipe = _recipe(catalog, grid.recipe or suite.recipe, spec, suite.origin)
        method = catalog.distillers[distiller]
        names = _teacher_names(grid) if method.several_teachers else _teacher_names(grid)[:1]
        for trained_on, seed in itertools.product(_train_degradations(grid) or (degradation,), seeds):
            _serves(catalog, spec, trained_on, scale, where)
            student = replace(plain, source="trained", recipe=recipe, degradation=trained_on, seed=seed)
            student = replace(student, initial=_initial(suite, catalog, student, grid.recipe or suite.recipe))
            teachers: tuple[Model, ...] = ()
            if method.needs_teacher:
                if not names:
                    raise ConfigError(
                        f'{where}: the distiller {distiller} needs a teacher; add teacher = "…" to the grid.'
                    )
                teachers = tuple(_teacher(suite, grid, catalog, name, student, scale) for name in names)
            budget = "steps" if distiller == "none" else grid.budget
            yield replace(student, distiller=distiller, teachers=teachers, budget=budget)


def _teacher_names(grid: Grid) -> tuple[str, ...]:
    return grid.teachers or ((grid.teacher,) if grid.teacher else ())


def _train_degradations(grid: Grid) -> tuple[str, ...]:
    return grid.train_degradations or ((grid.train_degradation,) if grid.train_degradation else ())


def _beside(suite: Suite, names: Sequence[str]) -> tuple[Path, ...]:
    """Files as named, or beside the suite that names them."""
    folder = Path(suite.origin).parent
    return tuple(
        folder / name if not Path(name).is_file() and (folder / name).is_file() else Path(name) for name in names
    )


def _recipe(catalog: Catalog, name: str, spec: ArchitectureSpec, origin: str) -> Recipe:
    recipe = find_recipe(name, spec, origin)
    for dataset in recipe.datasets:
        catalog.datasets[dataset]
    for loss in recipe.losses:
        catalog.losses[loss]
    return recipe


def _teacher(suite: Suite, grid: Grid, catalog: Catalog, name: str, student: Model, scale: Scale) -> Model:
    spec, tag = _architecture(catalog, name)
    if scale not in spec.scales:
        raise ConfigError(
            f"{suite.origin}: the teacher {spec.name} has no scale {scale}; it has {sorted(spec.scales)}."
        )
    scales = tuple(sorted(spec.scales)) if spec.multi_scale else (scale,)
    if tag:
        return Model(architecture=spec.name, source="checkpoint", checkpoint=tag, scales=scales)
    if grid.teacher_weights:
        return Model(architecture=spec.name, source="file", files=_beside(suite, grid.teacher_weights), scales=scales)
    recipe = _recipe(catalog, grid.teacher_recipe or grid.recipe or suite.recipe, spec, suite.origin)
    return Model(
        architecture=spec.name, source="trained", scales=scales, recipe=recipe, degradation=student.degradation,
        seed=student.seed,
    )  # fmt: skip


def _initial(
    suite: Suite, catalog: Catalog, model: Model, recipe_name: str, after: tuple[str, ...] = ()
) -> Model | None:
    """What a training starts from, if its recipe names anything; ``after`` are the architectures that led here."""
    recipe = model.recipe
    if recipe is None:
        return None
    scale, name = recipe.start_from_scale or model.scales[0], recipe.start_from
    if name in (None, model.architecture):  # a recipe file may serve both, and the one that is named starts afresh
        alone = scale == model.scales[0] or len(model.scales) > 1
        return None if alone else replace(model, scales=(scale,))
    spec, tag = _architecture(catalog, str(name))
    where = f"{suite.origin}: the recipe {recipe.name} of {model.architecture} starts from {name}"
    if scale not in spec.scales:
        raise ConfigError(f"{where}, which has no scale {scale}; it has {sorted(spec.scales)}.")
    if spec.name in after:
        raise ConfigError(f"{where}, which starts from {model.architecture} in turn; give one of them another recipe.")
    scales = tuple(sorted(spec.scales)) if spec.multi_scale else (scale,)
    if tag:
        return Model(architecture=spec.name, source="checkpoint", checkpoint=tag, scales=scales)
    own = _recipe(catalog, recipe_name, spec, suite.origin)
    other = replace(model, architecture=spec.name, scales=scales, recipe=own)
    return replace(other, initial=_initial(suite, catalog, other, recipe_name, (*after, model.architecture)))
