"""``srbench plugins``: list plugins and their errors; ``srbench check``: check one against its contract."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import plain_console, say, warn
from srbench.cli.json_output import Json, print_json
from srbench.cli.options import KindName, Long, PluginFiles, Strict
from srbench.cli.tables import print_table
from srbench.escaping import one_line

if TYPE_CHECKING:
    from srbench.catalog.plugin_facts import PluginFacts
    from srbench.testing.verdict import Verdict

SECONDS_BETWEEN_ACTS = 10.0
"""A check that is not in a terminal says what it does no more often."""


def plugins(
    *,
    long: Long = False,
    plugin: PluginFiles = None,
    strict_plugins: Strict = False,
    json: Json = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Only allow the files of ./plugins, as they are now, to be loaded.")
    ] = False,
) -> None:
    """List plugins with their names, load times and errors.

    Examples:
      srbench plugins
      srbench plugins --trust
    """
    from srbench.catalog.plugin_facts import allow_local_files, find_plugins
    from srbench.errors import PluginError

    found = allow_local_files() if trust else find_plugins(plugin or ())
    if json:
        print_json("plugins", found)
    elif trust:
        files = found.allowed
        say(f"allowed {', '.join(path.name for path in files)} of {files[0].parent}, until they change")
    else:
        _print(found.plugins, long=long)
    if found.clash:
        warn(found.clash)
    if strict_plugins and found.faults:
        raise PluginError(" ".join(found.faults))


def _print(found: Sequence[PluginFacts], *, long: bool) -> None:
    from rich.text import Text

    rows = []
    for plugin in found:
        provides = "\n".join(f"{kind}: {', '.join(own)}" for kind, own in plugin.provides.items())
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
    json: Json = False,
) -> None:
    """Check a plugin against the contract of its kind.

    For a network: shapes, ranges, determinism, gradients, half precision, export. Each violation is one sentence, and
    the exit status is 1 if there is any.

    Examples:
      srbench check espcn
      srbench check my_net --plugin my_net.py --strict
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.testing.verdict import verdict_on

    catalog = load_catalog(plugin or (), strict=strict_plugins)
    with _acts_shown(name):
        verdict = verdict_on(name, kind, catalog)
    if json:
        print_json("check", verdict)
    else:
        _print_verdict(verdict)
    if verdict.state == "broken" or (strict and verdict.state == "unchecked"):
        raise typer.Exit(1)


def _print_verdict(verdict: Verdict) -> None:
    console, thing = plain_console(), f"The {verdict.kind} {verdict.name}"
    for violation in verdict.violations:
        console.print(f"✗ {violation}")
    if verdict.state == "unchecked":
        console.print(f"? {thing} could not be checked here: {verdict.reason}")
    elif verdict.violations:
        console.print(f"{thing} breaks its contract: {len(verdict.violations)} violations.")
    else:
        console.print(f"✓ {thing} keeps its contract: {verdict.checked}.")


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
