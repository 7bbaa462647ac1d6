"""``srbench add-plugin``: write a new plugin, or adopt one that exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import say
from srbench.cli.json_output import Json, print_json
from srbench.errors import UsageError

if TYPE_CHECKING:
    from srbench.testing.adopting import AddedPlugin


def add_plugin(
    what: Annotated[
        str,
        typer.Argument(
            metavar="KIND|FILE|PACKAGE",
            help="The kind to write, such as architecture; or a file or package to adopt.",
        ),
    ],
    name: Annotated[str | None, typer.Argument(help="Name of the new plugin, in lower_snake_case.")] = None,
    *,
    paper: Annotated[str | None, typer.Option("--paper", metavar="URL", help="Address of the paper.")] = None,
    package: Annotated[bool, typer.Option("--package", help="Write an installable project instead of a file.")] = False,
    license_id: Annotated[
        str, typer.Option("--license", help="MIT, BSD-3-Clause or Apache-2.0, for --package.")
    ] = "MIT",
    into: Annotated[Path, typer.Option("--into", help="Folder to write to.")] = Path(),
    json: Json = False,
) -> None:
    """Write a working plugin with its test, or adopt a plugin.

    What is adopted is checked against its contract first. Nothing is ever overwritten.

    Examples:
      srbench add-plugin architecture my_net
      srbench add-plugin my_net.py
    """
    from srbench.catalog.catalog import load_catalog
    from srbench.catalog.kinds import KINDS
    from srbench.catalog.scaffold import Idea, write_file, write_package
    from srbench.testing.adopting import AddedPlugin, adopt

    if name is not None:
        idea, catalog = Idea(what, name, paper), load_catalog()
        written = write_package(idea, catalog, into, license_id) if package else write_file(idea, catalog, into)
        added = AddedPlugin(files=written.files, commands=written.commands)
    elif what in KINDS:
        raise UsageError(f"Give the new {what} a name: srbench add-plugin {what} my_{what}.")
    else:
        added = adopt(what, lambda thing: None if json else say(f"checked {thing}"))
    if json:
        print_json("add-plugin", added)
    else:
        _print(added)


def _print(added: AddedPlugin) -> None:
    if added.package:
        say(f"{added.package} is installed, and srbench finds it")
    elif not added.commands:
        say(f"copied to {added.files[0]}, where srbench finds it from every folder")
    else:
        for path in added.files:
            say(f"wrote {path}")
        typer.echo("\nIt works as it is. Next:\n")
        for command in added.commands:
            say(f"  {command}")
