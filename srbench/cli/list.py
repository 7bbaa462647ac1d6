"""``srbench list``: the names of all things."""

from __future__ import annotations

import json as json_
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srbench.cli.console import named_table, print_wide, warn
from srbench.cli.options import PluginFiles, Strict

if TYPE_CHECKING:
    from srbench.catalog.kinds import Kind
    from srbench.catalog.listing import Listing


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(help="A kind of thing, such as architectures, or suites; every kind if absent."),
    ] = None,
    pattern: Annotated[str, typer.Argument(help="Wildcard for names, such as 'edsr*'.")] = "*",
    *,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    json: Annotated[bool, typer.Option("--json", help="Print the names as JSON.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Load the plugins even if nothing has changed.")] = False,
) -> None:
    """List names; a PATTERN alone searches every kind.

    The listing is cached until a plugin, srbench or the environment changes.
    """
    from srbench.catalog.kinds import KINDS
    from srbench.catalog.listing import current_listing
    from srbench.errors import PluginError, UnknownNameError

    if kind is not None and any(mark in kind for mark in "*?["):
        pattern, kind = kind, None
    if kind in ("suite", "suites"):
        _list_suites(pattern, json=json)
        return
    known = {word: k for k in KINDS.values() for word in (k.name, k.plural)}
    if kind is not None and kind not in known:
        hint = "To search names, give a wildcard such as '*net*'."
        raise UnknownNameError.among("kind", kind, [*(k.plural for k in KINDS.values()), "suites"], hint)
    listing = current_listing(plugin or (), fresh=fresh)
    if strict_plugins and listing.broken:
        raise PluginError(" ".join(listing.broken))
    kinds = KINDS.values() if kind is None else [known[kind]]
    found = {k: [name for name in listing.kinds[k.name].specs if fnmatchcase(name, pattern)] for k in kinds}
    if json:
        typer.echo(json_.dumps({k.plural: names for k, names in found.items()}, indent=2))
    else:
        _print(listing, found, pattern)
    for fault in listing.broken:
        warn(fault)


def _list_suites(pattern: str, *, json: bool) -> None:
    from srbench.catalog.listing import in_order
    from srbench.files import shipped_tables
    from srbench.planning.suite import load_suite

    found = [name for name in in_order(shipped_tables("suites")) if fnmatchcase(name, pattern)]
    if json:
        typer.echo(json_.dumps({"suites": found}, indent=2))
        return
    table = named_table(f"{len(found)} suites", "about")
    for name in found:
        table.add_row(name, load_suite(name).about)
    print_wide(table)


def _print(listing: Listing, found: dict[Kind[Any], list[str]], pattern: str) -> None:
    for kind, names in found.items():
        listed = listing.kinds[kind.name]
        table = named_table(f"{len(names)} {kind.plural}", *kind.columns)
        for name in names:
            table.add_row(name, *listed.specs[name])
        for family, makes in listed.families.items():
            if fnmatchcase(f"{family}:", pattern):
                table.add_row(f"{family}:…", makes)
        if table.row_count:
            print_wide(table)
    if not any(found.values()):
        warn(f"No name matches {pattern!r}.")
