"""``srbench list``: the names of all things."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import warn
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import Long, PluginFiles, Strict
from srbench.cli.tables import print_table

if TYPE_CHECKING:
    from srbench.planning.names import Names


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(help="A kind of thing, such as architectures, suites or recipes; every kind if absent."),
    ] = None,
    pattern: Annotated[str, typer.Argument(help="Wildcard for names, such as 'edsr*'.")] = "*",
    *,
    long: Long = False,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    json: Json = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Load the plugins even if nothing has changed.")] = False,
) -> None:
    """List names; a PATTERN alone searches every kind.

    The listing is cached until a plugin, srbench or the environment changes.

    Examples:
      srbench list architectures
      srbench list recipes
      srbench list '*edsr*' --long
    """
    from srbench.planning.names import find_names

    if kind is not None and any(mark in kind for mark in "*?["):
        pattern, kind = kind, None
    names = find_names(kind, pattern, plugin or (), fresh=fresh, strict=strict_plugins)
    if json:
        print_json("list", names)
    else:
        _print(names, long=long)
        if not names.things:
            warn(f"No name matches {pattern!r}.")
    for fault in names.broken:
        warn(fault)


def _print(names: Names, *, long: bool) -> None:
    """Print a table for each kind, and one for its families."""
    from srbench.catalog.kinds import KINDS

    things = {kind: tuple(own) for kind, own in groupby(names.things, lambda thing: thing.kind)}
    families = {kind: tuple(own) for kind, own in groupby(names.families, lambda family: family.kind)}
    for kind in (*KINDS, "suite", "recipe"):
        plural = KINDS[kind].plural if kind in KINDS else f"{kind}s"
        if own := things.get(kind):
            rows = [(thing.name, *map(_cell, thing.facts.values())) for thing in own]
            columns = ("name", *own[0].facts)
            print_table(f"{len(own)} {plural}", columns, rows, long=long, right=("steps", "batch"))
        if kind in families:
            rows = [(f"{family.name}:…", family.about) for family in families[kind]]
            print_table(f"{plural} made on demand", ("name", "about"), rows, long=long)


def _cell(fact: str | int) -> str:
    return fact if isinstance(fact, str) else f"{fact:,}"
