"""Refuse suites in which two cells share a row of the leaderboard, since a row holds one record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from srbench.errors import ConfigError

if TYPE_CHECKING:
    from srbench.planning.cells import Cell
    from srbench.records import RowId


def refuse_shared_rows(cells: Iterable[Cell], origin: str) -> None:
    """Refuse different cells with one row.

    Args:
        cells: The cells of a plan.
        origin: Origin of the suite, for the message.

    Raises:
        ConfigError: The record of one cell would delete that of another.
    """
    known: dict[RowId, Cell] = {}
    for cell in cells:
        other = known.setdefault(cell.row_id, cell)
        if difference := next(_differences(cell, other), None):
            what, remedy = difference
            raise ConfigError(
                f"{origin}: {cell.title} is planned twice, with different {what}, and both would share one row of the "
                f"leaderboard, where one deletes the other; {remedy}."
            )


def _differences(one: Cell, other: Cell) -> Iterator[tuple[str, str]]:
    """Yield how two cells of one row differ, and what to do about it."""
    first, second = one.model, other.model
    apart = "or run them as two suites into two results folders"
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
