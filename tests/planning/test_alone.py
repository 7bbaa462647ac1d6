"""The suite of one cell gives this cell again, for every cell of every shipped suite."""

from __future__ import annotations

import json

import pytest
import tomlkit

from srbench.files import shipped_tables
from srbench.planning.alone import as_table, recipes_of, suite_of
from srbench.planning.plan import make_plan
from srbench.planning.suite import load_suite

MOST = 12
"""Cells of a suite that are planned again, spread over all of it."""


def planned_again(cell, suite, catalog, folder):
    """Write the suite and the recipes of a cell as files, and plan them."""
    folder.mkdir(exist_ok=True)
    tables = {name: as_table(recipe) for name, recipe in recipes_of(cell).items()} | {"suite": as_table(suite)}
    for name, table in tables.items():
        (folder / f"{name}.toml").write_text(tomlkit.dumps(json.loads(json.dumps(table))), encoding="utf-8")
    return make_plan(load_suite(str(folder / "suite.toml")), catalog)


@pytest.mark.parametrize("name", sorted(shipped_tables("suites")))
def test_a_cell_is_planned_again_from_its_own_suite(name, catalog, tmp_path):
    suite = load_suite(name)
    cells = make_plan(suite, catalog).cells
    for number in range(0, len(cells), -(-len(cells) // MOST)):
        cell = cells[number]
        again = planned_again(cell, suite_of(cell, suite), catalog, tmp_path / str(number))
        assert again.cells[cell.realisation or 0] == cell
        assert len(again.cells) == 1 + (cell.realisation or 0) or len(again.cells) == 2
        assert again.suite.profile == suite.profile
        assert again.suite.task == suite.task
