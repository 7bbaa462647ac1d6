"""Everything that ``srbench show`` finds under one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainSerializer

from srbench.catalog.catalog import NETWORKS, load_catalog
from srbench.catalog.kinds import KINDS
from srbench.catalog.thing_facts import Thing, plain, thing_of
from srbench.files import shipped_tables
from srbench.planning.recipes import recipe_named
from srbench.profiling.network_facts import NetworkFacts, network_facts
from srbench.recipe import TrainingRecipe
from srbench.records.record import Record
from srbench.report.rows import names_a_row, row_named
from srbench.running.suite_facts import SuiteFacts, suite_facts
from srbench.toml import read_toml


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that has a name."""

    name: str
    """The name that was asked for."""
    things: tuple[Thing, ...] = ()
    """What plugins provide by that name, of each kind."""
    network: NetworkFacts | None = None
    """The modules and parameters of the thing that is a network; null if none is."""
    suite: SuiteFacts | None = None
    """The suite of that name or in that file."""
    recipe: Annotated[TrainingRecipe, PlainSerializer(plain, return_type=dict[str, Any])] | None = None
    """The keys of the recipe of that name or in that file, as docs/recipes.md describes them."""
    row: Record | None = None
    """The record of the row of results, with the fields of `srbench.records.record.Record`."""


def find(name: str, kind: str | None, files: Sequence[Path] = (), *, strict: bool = False) -> Shown:
    """Return everything that has a name.

    Args:
        name: The name of a thing, a suite or a recipe, the file of one of these two, or a row: ``results#edsr_small``.
        kind: Only the thing of this kind.
        files: Plugin files.
        strict: Whether a broken plugin is an error.

    Raises:
        UnknownNameError: Nothing has the name, or there is no such kind.
    """
    if kind is None and names_a_row(name):
        return Shown(name, row=row_named(name, failed=True))
    catalog = load_catalog(files, strict=strict)
    suite = suite_facts(name, catalog) if kind in (None, "suite") and _is_file_of("suite", name) else None
    recipe = recipe_named(name) if kind in (None, "recipe") and _is_file_of("recipe", name) else None
    kinds: list[str] = []
    if not (suite or recipe) or (kind is None and any(catalog.shelf(each).offers(name) for each in KINDS)):
        kinds = catalog.kinds_of(name, kind)
    return Shown(
        name=name,
        things=tuple(thing_of(catalog, found, name) for found in kinds),
        network=network_facts(catalog.networks[name]) if {*kinds} & {*NETWORKS} else None,
        suite=suite,
        recipe=recipe,
    )


def _is_file_of(kind: str, name: str) -> bool:
    """Whether a suite or a recipe has this name, or this file is one: only suites have grids."""
    if name.endswith(".toml") and Path(name).is_file():
        return (kind == "suite") == ("grid" in read_toml(Path(name)).data)
    return name in shipped_tables(f"{kind}s")
