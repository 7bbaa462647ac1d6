"""``srbench list`` and ``srbench show``: what there is, and everything that is known of one of them."""

from __future__ import annotations

import json as json_
import os
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srbench.cli import choices

if TYPE_CHECKING:
    from rich.table import Table

    from srbench.catalog import Catalog

KindName = Annotated[str | None, typer.Option("--kind", help="Of several things with this name, the one of this kind.")]

SHOWN = 12
"""How many of a long list `srbench show` prints."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "architecture": ("label", "scales", "paper", "checkpoints", "license"),
    "distiller": ("label", "teacher", "paper", "license"),
    "degradation": ("label", "scales", "random", "paper"),
    "metric": ("label", "unit", "better", "channels"),
    "loss": ("label", "paper"),
    "dataset": ("label", "split", "images", "license"),
    "executor": ("label",),
}
"""What a table of each kind shows beside the name."""


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(help="architectures, distillers, degradations, metrics, losses, datasets, executors, suites."),
    ] = None,
    pattern: Annotated[str, typer.Argument(help="Wildcard on the names, such as 'edsr*'.")] = "*",
    *,
    plugin: choices.PluginFiles = None,
    strict_plugins: choices.Strict = False,
    json: Annotated[bool, typer.Option("--json", help="Print the names as JSON.")] = False,
) -> None:
    """Show the names there are; *PATTERN* alone searches every kind."""
    from srbench.catalog import PLURALS, load_catalog
    from srbench.errors import UnknownNameError

    if kind is not None and any(mark in kind for mark in "*?["):
        pattern, kind = kind, None
    if kind in ("suite", "suites"):
        _list_suites(pattern, json=json)
        return
    known = {word: k for k in PLURALS for word in (k, PLURALS[k])}
    if kind is not None and kind not in known:
        hint = "To search names, give a wildcard such as '*net*'."
        raise UnknownNameError.among("kind", kind, [*PLURALS.values(), "suites"], hint)
    catalog = load_catalog(plugin or (), strict=strict_plugins)
    kinds = list(PLURALS) if kind is None else [known[kind]]
    found = {k: [n for n in names(catalog, k) if fnmatchcase(n, pattern)] for k in kinds}
    if json:
        typer.echo(json_.dumps({PLURALS[k]: of_kind for k, of_kind in found.items()}, indent=2))
    else:
        _print(catalog, found, pattern)
    for broken in catalog.broken:
        choices.warn(str(broken.error))


def show(
    name: Annotated[str, typer.Argument(help="Of an architecture, a distiller, a degradation, a metric, a dataset …")],
    *,
    kind: KindName = None,
    plugin: choices.PluginFiles = None,
    strict_plugins: choices.Strict = False,
) -> None:
    """Show everything that is known of one thing: paper, licence, scales, checkpoints, scores its authors report."""
    from rich.console import Console

    from srbench.catalog import PLURALS, load_catalog

    catalog = load_catalog(plugin or (), strict=strict_plugins)
    console = Console()
    for found in kinds_of(catalog, name, kind):
        shelf = catalog.shelf(found)
        console.print(f"[bold]{name}[/], {found}, from {shelf.provider(name).place}", highlight=False, soft_wrap=True)
        _print_facts(console, shelf[name])
        if found == "architecture":
            console.print(f"  parameters: {_parameters(shelf[name])}", highlight=False, soft_wrap=True)
    typer.echo(f"`srbench list {PLURALS[found]}` shows its neighbours.")


def kinds_of(catalog: Catalog, name: str, kind: str | None = None) -> list[str]:
    """The kinds of thing that ``name`` names, at least one.

    Raises:
        UnknownNameError: Nothing has this name, or ``kind`` is none.
    """
    from srbench.catalog import PLURALS
    from srbench.errors import UnknownNameError

    if kind is not None:
        if kind not in PLURALS:
            raise UnknownNameError.among("kind", kind, PLURALS)
        catalog.shelf(kind).provider(name)
        return [kind]
    prefix = name.partition(":")[0]
    found = [k for k in PLURALS if name in names(catalog, k) or (prefix != name and prefix in _prefixes(catalog, k))]
    if not found:
        known = {n for k in PLURALS for n in names(catalog, k)}
        hint = "`srbench list` shows every name."
        for broken in catalog.broken:
            hint += f" It may be in a plugin that is broken: {broken.error}"
        raise UnknownNameError.among("thing", name, known, hint)
    return found


def names(catalog: Catalog, kind: str) -> list[str]:
    """The names of one kind, x2 before x10."""
    return sorted(catalog.shelf(kind), key=_natural)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _prefixes(catalog: Catalog, kind: str) -> list[str]:
    return [family.name for family in catalog.shelf(kind).families]


def named_table(title: str, *columns: str) -> Table:
    """A table whose first column, the name, is never cut."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_wide(*tables: Table) -> None:
    """Print tables as wide as the terminal; what goes to a file or a pipe is not cut."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(width=240)
    for table in tables:
        console.print(table)


def _list_suites(pattern: str, *, json: bool) -> None:
    from srbench.config import load_suite, shipped_suites

    found = [name for name in sorted(shipped_suites(), key=_natural) if fnmatchcase(name, pattern)]
    if json:
        typer.echo(json_.dumps({"suites": found}, indent=2))
        return
    table = named_table(f"{len(found)} suites", "about")
    for name in found:
        table.add_row(name, load_suite(name).about)
    print_wide(table)


def _print(catalog: Catalog, found: dict[str, list[str]], pattern: str) -> None:
    from srbench.catalog import PLURALS

    for kind, of_kind in found.items():
        families = [f for f in catalog.shelf(kind).families if fnmatchcase(f"{f.name}:", pattern)]
        table = named_table(f"{len(of_kind)} {PLURALS[kind]}", *COLUMNS[kind])
        for name in of_kind:
            spec = catalog.shelf(kind)[name]
            table.add_row(name, *(_cell(spec, column) for column in COLUMNS[kind]))
        for family in families:
            table.add_row(f"{family.name}:…", f"{family.title}, such as {family.example}")
        if table.row_count:
            print_wide(table)
    if not any(found.values()):
        choices.warn(f"No name matches {pattern!r}.")


_CELLS: dict[str, Callable[[Any], str]] = {
    "teacher": lambda spec: "needed" if spec.needs_teacher else "",
    "random": lambda spec: "yes" if spec.stochastic else "",
    "better": lambda spec: "higher" if spec.higher_is_better else "lower",
    "paper": lambda spec: f"{spec.paper.venue} {spec.paper.year}" if spec.paper else "",
    "scales": lambda spec: " ".join(f"x{scale}" for scale in sorted(spec.scales)) if spec.scales else "any",
    "checkpoints": lambda spec: ", ".join(sorted({checkpoint.tag for checkpoint in spec.checkpoints}, key=_natural)),
}
"""How facts that are no plain strings are shown in a table."""


def _cell(spec: Any, column: str) -> str:  # noqa: ANN401 - a spec of any kind
    value = _CELLS[column](spec) if column in _CELLS else getattr(spec, column)
    return "" if value is None else str(value)


def _parameters(spec: Any) -> str:  # noqa: ANN401 - an ArchitectureSpec; its module is imported late
    import torch

    from srbench.profiling.complexity import count_parameters

    counts = []
    for scale in sorted(spec.scales):
        with torch.device("meta"):  # shapes only: the largest network costs no memory
            counts.append((scale, count_parameters(spec.network(scale))))
    return ", ".join(f"x{scale} {count:,}" for scale, count in counts)


def _print_facts(console: Any, spec: Any) -> None:  # noqa: ANN401 - a spec of any kind
    import dataclasses

    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if field.name == "name" or callable(value) or value in (None, "", (), {}):
            continue
        lines = _lines(field.name, value)
        console.print(f"  {field.name}: {lines[0]}", highlight=False, markup=False, soft_wrap=True)
        for line in lines[1:]:
            console.print(f"    {line}", highlight=False, markup=False, soft_wrap=True)


def _lines(name: str, value: Any) -> list[str]:  # noqa: ANN401 - a fact of any type
    """A fact as a first line and, indented, what follows it."""
    import dataclasses

    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return ["", *(f"{key} = {fact}" for key, fact in value if fact not in (None, "", ()))]
    if isinstance(value, Mapping):
        return ["", *(f"{key}: {fact}" for key, fact in value.items())]
    if dataclasses.is_dataclass(value):
        return [_sentence(value)]
    if isinstance(value, frozenset):
        value = tuple(f"x{v}" if name == "scales" else str(v) for v in sorted(value))
    if not isinstance(value, tuple):
        return [str(value)]
    if not dataclasses.is_dataclass(value[0]):
        return [", ".join(map(str, value))]
    more = [f"… and {len(value) - SHOWN} more"] if len(value) > SHOWN else []
    return [str(len(value)), *map(_sentence, value[:SHOWN]), *more]


def _sentence(facts: Any) -> str:  # noqa: ANN401 - Paper, Checkpoint, Reported, ImageEntry, Download
    import dataclasses

    parts = []
    for field in dataclasses.fields(facts):
        value = getattr(facts, field.name)
        if callable(value) or value in (None, "", frozenset()):
            continue
        shown = ", ".join(sorted(value)) if isinstance(value, frozenset) else value
        parts.append(f"{field.name} {shown}")
    return "; ".join(parts)
