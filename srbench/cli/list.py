"""``srbench list``: the names of all things."""

from __future__ import annotations

import json as json_
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srbench.cli.console import warn
from srbench.cli.options import Long, PluginFiles, Strict
from srbench.cli.tables import print_table

if TYPE_CHECKING:
    from srbench.catalog.kinds import Kind
    from srbench.catalog.listing import Listing


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
    json: Annotated[bool, typer.Option("--json", help="Print the names as JSON.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Load the plugins even if nothing has changed.")] = False,
) -> None:
    """List names; a PATTERN alone searches every kind.

    The listing is cached until a plugin, srbench or the environment changes.

    Examples:
      srbench list architectures
      srbench list recipes
      srbench list '*edsr*' --long
    """
    from srbench.catalog.kinds import KINDS
    from srbench.catalog.listing import current_listing
    from srbench.errors import PluginError, UnknownNameError

    if kind is not None and any(mark in kind for mark in "*?["):
        pattern, kind = kind, None
    if kind in ("suite", "suites"):
        _print_files("suites", _about_suites(pattern), json=json, long=long)
        return
    if kind in ("recipe", "recipes"):
        _print_files("recipes", _about_recipes(pattern), json=json, long=long)
        return
    known = {word: k for k in KINDS.values() for word in (k.name, k.plural)}
    if kind is not None and kind not in known:
        hint = "To search names, give a wildcard such as '*net*'."
        raise UnknownNameError.among("kind", kind, [*(k.plural for k in KINDS.values()), "suites", "recipes"], hint)
    listing = current_listing(plugin or (), fresh=fresh)
    if strict_plugins and listing.broken:
        raise PluginError(" ".join(listing.broken))
    kinds = KINDS.values() if kind is None else [known[kind]]
    found = {k: [name for name in listing.kinds[k.name].specs if fnmatchcase(name, pattern)] for k in kinds}
    if json:
        typer.echo(json_.dumps({k.plural: names for k, names in found.items()}, indent=2))
    else:
        _print(listing, found, pattern, long=long)
    for fault in listing.broken:
        warn(fault)


def _about_suites(pattern: str) -> list[dict[str, str]]:
    from srbench.planning.suite import load_suite

    return [{"name": name, "about": load_suite(name).about} for name in _shipped("suites", pattern)]


def _about_recipes(pattern: str) -> list[dict[str, str]]:
    from srbench.planning.recipes import recipe_named

    return [
        {
            "name": name,
            "steps": f"{recipe.steps:,}",
            "batch": str(recipe.batch),
            "datasets": ", ".join(recipe.datasets),
            "source": recipe.source,
        }
        for name in _shipped("recipes", pattern)
        for recipe in [recipe_named(name)]
    ]


def _shipped(folder: str, pattern: str) -> list[str]:
    from srbench.catalog.listing import in_order
    from srbench.files import shipped_tables

    return [name for name in in_order(shipped_tables(folder)) if fnmatchcase(name, pattern)]


def _print_files(plural: str, found: list[dict[str, str]], *, json: bool, long: bool) -> None:
    if json:
        typer.echo(json_.dumps({plural: [facts["name"] for facts in found]}, indent=2))
    elif found:
        rows = [tuple(facts.values()) for facts in found]
        print_table(f"{len(found)} {plural}", tuple(found[0]), rows, long=long, right=("steps", "batch"))
    else:
        warn(f"No name matches the pattern; `srbench list {plural}` lists all.")


def _print(listing: Listing, found: dict[Kind[Any], list[str]], pattern: str, *, long: bool) -> None:
    for kind, names in found.items():
        listed = listing.kinds[kind.name]
        families = [
            (f"{family}:…", makes) for family, makes in listed.families.items() if fnmatchcase(f"{family}:", pattern)
        ]
        if names:
            rows = [(name, *listed.specs[name]) for name in names]
            print_table(f"{len(names)} {kind.plural}", ("name", *kind.columns), rows, long=long)
        if families:
            print_table(f"{kind.plural} made on demand", ("name", "about"), families, long=long)
    if not any(found.values()):
        warn(f"No name matches {pattern!r}.")
