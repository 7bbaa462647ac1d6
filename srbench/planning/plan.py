"""Plan a suite: the cells to measure, and the models they need. Pure: without torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from srbench.catalog.catalog import Catalog
from srbench.errors import UsageError
from srbench.planning.applying import inference_of, ways_of
from srbench.planning.axes import Axes
from srbench.planning.cells import Cell, Plan
from srbench.planning.checks import check_grid, check_selection, check_suite, refuse_shared_rows
from srbench.planning.models import models_of
from srbench.planning.overrides import EVERYTHING, Selection
from srbench.planning.suite import Suite
from srbench.scales import whole_scale


def make_plan(suite: Suite, catalog: Catalog, selection: Selection = EVERYTHING) -> Plan:
    """Multiply the axes of each grid of ``suite``.

    Args:
        suite: The grids.
        catalog: Looks up their names.
        selection: The part to keep.

    Raises:
        UnknownNameError: The suite or the selection contains an unknown name.
        ConfigError: A grid cannot be planned (a distiller without its teacher, a scale that no architecture has), or
            two different cells would share a row of the leaderboard.
        UsageError: No cell is left.
    """
    check_selection(selection, suite, catalog)
    check_suite(suite, catalog)
    grids = [
        Axes(suite, grid, catalog, f"{suite.origin}, [[grid]] {number}") for number, grid in enumerate(suite.grid, 1)
    ]
    cells = dict.fromkeys(cell for axes in grids for cell in _cells(axes, selection))
    if not cells:
        if picked := str(selection):
            raise UsageError(f"Suite {suite.name} has no cell that matches {picked} together; drop one of them.")
        raise UsageError(f"Suite {suite.name} has no cell to run: none of the weights it names are for its scales.")
    refuse_shared_rows(cells, suite.origin)
    models = dict.fromkeys(model for cell in cells for model in cell.model.lineage)
    return Plan(suite=suite, models=tuple(models), cells=tuple(cells))


def _cells(axes: Axes, selection: Selection) -> Iterator[Cell]:
    grid = axes.grid
    check_grid(axes)
    for name in grid.datasets:
        axes.task.check_dataset(axes.catalog.datasets[name], axes.where)
    datasets = [name for name in grid.datasets if name in (selection.datasets or grid.datasets)]
    for name, degradation, scale in itertools.product(grid.architectures, grid.degradations, grid.scales):
        named = axes.architecture(name)
        axes.check_degradation(degradation, named.spec, scale)
        applied = axes.network_scale(named.spec, scale)
        if applied is None:
            continue
        resize = 0 if applied == scale else whole_scale(applied)
        axes.task.check_inference(inference_of(axes, resize), scale, axes.where)
        numbers = axes.realisations(degradation)
        recipe = partial(axes.recipe, axes.recipe_name, named.spec)
        protocol = axes.task.protocol(grid.protocol or axes.suite.protocol, recipe)
        if scale not in (selection.scales or grid.scales):
            continue
        if degradation not in (selection.degradations or grid.degradations):
            continue
        for distiller in grid.distillers:
            if selection.only and not {name, named.spec.name, distiller} & set(selection.only):
                continue
            models = models_of(axes, named, degradation, applied, distiller)
            ways = [replace(way, resize=resize) for way in ways_of(axes, named.spec)]
            for model, way, dataset, number in itertools.product(models, ways, datasets, numbers):
                int8 = way.backend is not None and way.backend.precision == "int8"
                yield Cell(
                    model=model, dataset=dataset, scale=scale, degradation=degradation, protocol=protocol,
                    inference=way, metrics=axes.metrics, realisation=number,
                    calibrated_on=(model.recipe or recipe()).datasets if int8 else (),
                )  # fmt: skip
