"""``srbench plugins``: list plugins and their errors; ``srbench check``: check one against its contract."""

from __future__ import annotations

import json as json_
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srbench.cli.console import plain_console, say, warn
from srbench.cli.options import KindName, Long, PluginFiles, Strict
from srbench.cli.tables import print_table
from srbench.escaping import one_line

if TYPE_CHECKING:
    from srbench.catalog.plugin import Plugin

SECONDS_BETWEEN_ACTS = 10.0
"""A check that is not in a terminal says what it does no more often."""


def plugins(
    *,
    long: Long = False,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Only allow the files of ./plugins, as they are now, to be loaded.")
    ] = False,
) -> None:
    """List plugins with their names, load times and errors.

    Examples:
      srbench plugins
      srbench plugins --trust
    """
    if trust:
        _trust()
        return
    from srbench.catalog.catalog import build_catalog
    from srbench.catalog.discovery import discover
    from srbench.errors import PluginError

    found = discover(plugin or ())
    try:
        build_catalog(found)
        clash = None
    except PluginError as error:
        clash = str(error)
    if json:
        typer.echo(json_.dumps([_facts(p) for p in found], indent=2))
    else:
        _print(found, long=long)
    faults = [p.error for p in found if p.error] + ([clash] if clash else [])
    if clash:
        warn(clash)
    if strict_plugins and faults:
        raise PluginError(" ".join(faults))


def _trust() -> None:
    from srbench.catalog.discovery import local_files
    from srbench.catalog.trust import trust
    from srbench.errors import UsageError

    files = local_files()
    if not files:
        raise UsageError("There are no plugin files in ./plugins to allow; go to the folder that has them.")
    trust(files)
    say(f"allowed {', '.join(path.name for path in files)} of {files[0].parent}, until they change")


def _names(plugin: Plugin) -> dict[str, list[str]]:
    from srbench.catalog.kinds import KINDS
    from srbench.catalog.plugin import Family

    names: dict[str, list[str]] = {}
    for kind, spec in plugin.specs:
        names.setdefault(KINDS[kind].plural, []).append(f"{spec.name}:…" if isinstance(spec, Family) else spec.name)
    return names


def _facts(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "source": plugin.source,
        "version": plugin.version,
        "file": str(plugin.file) if plugin.file else None,
        "provides": _names(plugin),
        "seconds": round(plugin.seconds, 4),
        "error": plugin.error,
        "notices": plugin.notices,
    }


def _print(found: list[Plugin], *, long: bool) -> None:
    from rich.text import Text

    rows = []
    for plugin in found:
        provides = "\n".join(f"{kind}: {', '.join(own)}" for kind, own in _names(plugin).items())
        notices = [Text(one_line(f"it said: {notice}"), "yellow") for notice in plugin.notices]
        state = Text("\n").join([Text(one_line(plugin.error), "red") if plugin.error else Text("ok"), *notices])
        name = plugin.name.removeprefix("srbench_plugins.")
        rows.append((name, plugin.source, f"{plugin.seconds * 1000:.0f} ms", state, provides, plugin.version))
    columns = ("name", "source", "load", "state", "provides", "version")
    print_table(f"{len(found)} plugins", columns, rows, long=long, right=("load",))
    say("Load times include shared imports: the first plugin that imports torch is charged for it.")


def check(
    name: Annotated[str, typer.Argument(help="A name that `srbench list` shows.")],
    *,
    kind: KindName = None,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail if something cannot be checked here.")] = False,
) -> None:
    """Check a plugin against the contract of its kind.

    For a network: shapes, ranges, determinism, gradients, half precision, export. Each violation is one sentence, and
    the exit status is 1 if there is any.

    Examples:
      srbench check espcn
      srbench check my_net --plugin my_net.py --strict
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.errors import UnavailableError, UsageError
    from srbench.testing import contract_of, violations_of

    catalog = load_catalog(plugin or (), strict=strict_plugins)
    kinds = catalog.kinds_of(name, kind)
    if len(kinds) > 1:
        raise UsageError(f"{name} names several things; choose one with --kind {' or --kind '.join(kinds)}.")
    (found,) = kinds
    console = plain_console()
    spec = catalog.shelf(found)[name]
    try:
        with _acts_shown(name):
            violations = violations_of(spec, catalog)
    except UnavailableError as reason:
        console.print(f"? The {found} {name} could not be checked here: {reason}")
        raise typer.Exit(1 if strict else 0) from None
    for violation in violations:
        console.print(f"✗ {violation}")
    if violations:
        console.print(f"The {found} {name} breaks its contract: {len(violations)} violations.")
        raise typer.Exit(1)
    console.print(f"✓ The {found} {name} keeps its contract: {contract_of(found).CHECKED}.")


@contextmanager
def _acts_shown(name: str) -> Iterator[None]:
    """Show what a contract does: the act in a terminal, else at most a line in ten seconds on standard error."""
    from srbench.testing import heard_by

    console, said = plain_console(stderr=True), time.monotonic()
    with console.status(f"checking {name}") as status:

        def hear(act: str) -> None:
            nonlocal said
            status.update(one_line(f"checking {name}: {act}"))
            if not console.is_terminal and time.monotonic() - said > SECONDS_BETWEEN_ACTS:
                console.print(one_line(f"checking {name}: {act}"))
                said = time.monotonic()

        with heard_by(hear):
            yield
