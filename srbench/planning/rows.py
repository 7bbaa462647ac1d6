"""A row of the leaderboard holds one record, so no two cells of a suite may share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from srbench.errors import ConfigError

if TYPE_CHECKING:
    from srbench.planning.cells import Cell
    from srbench.records import RowId


def refuse_shared_rows(cells: Iterable[Cell], origin: str) -> None:
    """Refuse cells that differ, and would be one row.

    Args:
        cells: Of a plan.
        origin: The suite's, for the message.

    Raises:
        ConfigError: Of two cells one's record would delete the other's.
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
    """What two cells of one row have not in common, and what to do about it."""
    mine, theirs = one.model, other.model
    apart = "or run them as two suites into two results folders"
    if mine.recipe != theirs.recipe and mine.recipe:
        yield f"recipes named {mine.recipe.name!r}", f"give the recipes different names, {apart}"
    if mine.teachers != theirs.teachers:
        yield "trainings of its teacher", f"give the student's recipe another name in one of the grids, {apart}"
    if mine.initial != theirs.initial:
        yield "weights that it starts from", f"give the recipes different names, {apart}"
    if mine.files != theirs.files:
        yield "files of weights", f"let the last three parts of their paths differ, {apart}"
    if set(one.metrics) != set(other.metrics):
        yield "metrics", "give both grids the same metrics"
