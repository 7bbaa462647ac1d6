"""Refuse a suite or a selection that cannot be planned, before anything is trained."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from srbench.catalog.catalog import Catalog
from srbench.errors import ConfigError, UnknownNameError, UsageError
from srbench.networks.spec import ArchitectureSpec
from srbench.planning.axes import Axes, find_architecture
from srbench.planning.cells import Cell
from srbench.planning.overrides import Selection
from srbench.planning.suite import Grid, Suite
from srbench.records.row import RowId
from srbench.scales import Scale


def check_selection(selection: Selection, suite: Suite, catalog: Catalog) -> None:
    """Refuse a selection of names and scales that the suite does not have.

    Raises:
        UnknownNameError: The suite does not have a name, and plugins do not either; suggests the nearest name.
        UsageError: The suite does not have a scale, or a name that plugins provide.
    """
    named = {name for grid in suite.grid for name in (*grid.architectures, *grid.distillers)}
    known = named | {name.partition(".")[0] for name in named}
    for name in selection.only:
        if name not in known:
            if name in catalog.networks or name in catalog.distillers:
                raise UsageError(f"Suite {suite.name} has no {name!r}; it has {', '.join(sorted(named))}.")
            raise UnknownNameError.among("architecture or distiller", name, known, f"These are suite {suite.name}'s.")
    scales = {scale for grid in suite.grid for scale in grid.scales}
    for scale in selection.scales:
        if scale not in scales:
            raise UsageError(f"Suite {suite.name} has no scale {scale}; it has {', '.join(map(str, sorted(scales)))}.")
    for kind, names, axes in (
        ("dataset", selection.datasets, [grid.datasets for grid in suite.grid]),
        ("degradation", selection.degradations, [grid.degradations for grid in suite.grid]),
    ):
        known = {name for axis in axes for name in axis}
        for name in names:
            if name not in known:
                raise UnknownNameError.among(f"{kind} in suite {suite.name}", name, known)


def check_suite(suite: Suite, catalog: Catalog) -> None:
    """Refuse a suite with a whole scale that none of its architectures has, or with an unknown control.

    A single architecture may lack a scale; it is omitted there. So are samplers and fits where a network has none, but
    at least one has to have them.

    Raises:
        ConfigError: No architecture has the scale, or what a grid says of samplers or fits.
        UnknownNameError: An architecture or a control is unknown.
    """
    names = dict.fromkeys(name for grid in suite.grid for name in grid.architectures)
    specs = {name: find_architecture(catalog, name).spec for name in names}
    alone = not any(spec.trainable for spec in specs.values())
    for scale in (scale for grid in suite.grid if not grid.resize for scale in grid.scales):
        if isinstance(scale, int) and not any(_counts(spec, scale, alone=alone) for spec in specs.values()):
            have = "; ".join(f"{name} has {', '.join(map(str, sorted(s.scales)))}" for name, s in specs.items())
            raise ConfigError(f"{suite.origin}: no architecture of the suite has the scale {scale}: {have}.")
    _check_drawing(suite, specs.values())
    catalog.distillers.require(suite.controls)


def _check_drawing(suite: Suite, specs: Collection[ArchitectureSpec]) -> None:
    """Refuse keys on samplers where no architecture has any, and keys on fits where none is fitted."""
    sampled, fitted = any(spec.samplers for spec in specs), any(spec.fitting for spec in specs)
    needs = {
        "samplers": sampled, "samples": sampled, "sample_seed": sampled or fitted,
        "fit_steps": fitted, "fit_seconds": fitted,
    }  # fmt: skip
    for key, met in needs.items():
        given = {getattr(grid, key) for grid in suite.grid} - {Grid.model_fields[key].default}
        if given and not met:
            what = "is fitted to images" if key.startswith("fit") else "draws its sr"
            raise ConfigError(
                f"{suite.origin}: {key} is given, and no architecture of the suite {what}; leave it out, or name such "
                "an architecture."
            )


def _counts(spec: ArchitectureSpec, scale: Scale, *, alone: bool) -> bool:
    """Return True if a suite has a reason to measure at ``scale``, which a reference for any scale is only alone."""
    return spec.has_scale(scale) if spec.trainable or alone else scale in spec.scales


def check_grid(axes: Axes) -> None:
    """Refuse a grid with an unknown name, or with two keys that contradict each other.

    Raises:
        UnknownNameError: A name is unknown.
        ConfigError: Two keys contradict each other.
    """
    grid, catalog, where = axes.grid, axes.catalog, axes.where
    catalog.metrics.require(axes.metrics)
    catalog.datasets.require(grid.datasets)
    catalog.distillers.require(grid.distillers)
    _check_tasks(axes)
    if grid.train_degradation and grid.train_degradations:
        raise ConfigError(f"{where}: train_degradation and train_degradations are both given; keep one of them.")
    catalog.degradations.require(grid.trained_on)
    if grid.teacher and grid.teachers:
        raise ConfigError(f"{where}: teacher and teachers are both given; keep one of them.")
    teachers = [axes.architecture(name) for name in grid.taught_by]
    if grid.teacher_weights and len(teachers) > 1:
        raise ConfigError(
            f"{where}: teacher_weights is for one teacher, and {len(teachers)} are named; name checkpoints, such as "
            f'"{teachers[0].spec.name}.tag", or train them.'
        )
    if grid.weights and (others := [d for d in grid.distillers if d != "none"]):
        raise ConfigError(f"{where}: weights are given, so {others[0]} cannot train; remove one of the two.")


def _check_tasks(axes: Axes) -> None:
    """Refuse what serves another task than the suite's."""
    task, catalog = axes.suite.task, axes.catalog
    served: dict[str, dict[str, Collection[str]]] = {
        "architecture": {name: {axes.architecture(name).spec.task} for name in axes.grid.architectures},
        "metric": {name: {catalog.metrics[name].task} for name in axes.metrics},
        "distiller": {name: catalog.distillers[name].tasks for name in axes.grid.distillers},
    }
    for kind, names in served.items():
        for name, tasks in names.items():
            if task not in tasks:
                raise ConfigError(
                    f"{axes.where}: the {kind} {name} is for the task {' and '.join(sorted(tasks))}, and the suite is "
                    f'for {task}; leave it out, or set task = "{min(tasks)}" in the suite.'
                )


def refuse_shared_rows(cells: Iterable[Cell], origin: str) -> None:
    """Refuse different cells that share a row of the leaderboard, since a row has one record.

    Raises:
        ConfigError: The record of one cell would replace that of another.
    """
    known: dict[RowId, Cell] = {}
    for cell in cells:
        other = known.setdefault(cell.row_id, cell)
        if difference := next(_differences(cell, other), None):
            what, remedy = difference
            raise ConfigError(
                f"{origin}: {cell.title} is planned twice, with different {what}, and both would share one row of the "
                f"leaderboard, where one would replace the other; {remedy}."
            )


def _differences(one: Cell, other: Cell) -> Iterator[tuple[str, str]]:
    """Yield how two cells of one row differ, and what to do about it."""
    first, second = one.model, other.model
    apart = "or run two suites with two results folders"
    if first.recipe != second.recipe and first.recipe:
        yield f"recipes named {first.recipe.name!r}", f"give the recipes different names, {apart}"
    if first.teachers != second.teachers:
        yield "trainings of its teacher", f"give the student's recipe another name in one of the grids, {apart}"
    if first.initial != second.initial:
        yield "weights that it starts from", f"give the recipes different names, {apart}"
    if first.files != second.files:
        yield "files of weights", f"let the last three parts of their paths differ, {apart}"
    if set(one.metrics) != set(other.metrics):
        yield "metrics", "give both grids the same metrics"
