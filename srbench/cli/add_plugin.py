"""``srbench add-plugin``: write a new plugin, or adopt one that exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srbench.cli.console import say
from srbench.errors import PluginError, UsageError

if TYPE_CHECKING:
    from srbench.catalog.plugin import Plugin
    from srbench.catalog.scaffold import Written


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
) -> None:
    """Write a working plugin with its test, or adopt a plugin.

    What is adopted is checked against its contract first. Nothing is ever overwritten.

    Examples:
      srbench add-plugin architecture my_net
      srbench add-plugin my_net.py
    """
    from srbench.catalog.kinds import KINDS

    if name is not None:
        _print(_write(what, name, paper, package=package, license_id=license_id, into=into))
    elif what in KINDS:
        raise UsageError(f"Give the new {what} a name: srbench add-plugin {what} my_{what}.")
    elif Path(what).is_file():
        _adopt_file(Path(what))
    else:
        _adopt_package(what)


def _write(kind: str, name: str, paper: str | None, *, package: bool, license_id: str, into: Path) -> Written:
    from srbench.catalog.catalog import load_catalog
    from srbench.catalog.scaffold import Idea, write_file, write_package

    idea = Idea(kind, name, paper)
    catalog = load_catalog()
    return write_package(idea, catalog, into, license_id) if package else write_file(idea, catalog, into)


def _print(written: Written) -> None:
    for path in written.files:
        say(f"wrote {path}")
    typer.echo("\nIt works as it is. Next:\n")
    for command in written.commands:
        say(f"  {command}")


def _adopt_file(path: Path) -> None:
    from srbench.catalog.discovery import file_plugin
    from srbench.catalog.installing import adopt_file
    from srbench.catalog.loading import load_plugin

    plugin = load_plugin(*file_plugin(path))
    _check([plugin])
    say(f"copied to {adopt_file(path)}, where srbench finds it from every folder")


def _adopt_package(what: str) -> None:
    """A folder is installed first, and removed again if it breaks a contract; an installed package is only checked."""
    from srbench.catalog.discovery import entry_point_plugins
    from srbench.catalog.installing import installed_version, project_name, run_pip
    from srbench.catalog.loading import load_plugin

    folder = Path(what)
    name = project_name(folder) if folder.is_dir() else what
    installed = installed_version(name)
    if folder.is_dir():
        if installed:
            raise UsageError(
                f"{name} {installed} is installed already and is left as it is; "
                f"`python -m pip install --upgrade {what}` replaces it, `srbench add-plugin {name}` checks it."
            )
        run_pip("install", str(folder))
    elif not installed:
        raise UsageError(
            f"{what!r} is neither a file, nor a folder with a pyproject.toml, nor an installed package; "
            f"if it is on a package index, run `python -m pip install {what}` first."
        )
    try:
        plugins = [load_plugin(plugin, load) for plugin, load in entry_point_plugins(name)]
        _check(plugins or [_without_entry_point(name)])
    except PluginError:
        if folder.is_dir():
            run_pip("uninstall", "--yes", name)
        raise
    say(f"{name} is installed, and srbench finds it")


def _without_entry_point(name: str) -> Plugin:
    from srbench.catalog.plugin import Plugin

    reason = f"{name} has no entry point of group srbench; add [project.entry-points.srbench] to its pyproject.toml."
    return Plugin(name, "entry point", error=reason)


def _check(plugins: list[Plugin]) -> None:
    """Raise unless each plugin loads, clashes with nothing and keeps its contracts."""
    from srbench.catalog.catalog import build_catalog
    from srbench.catalog.discovery import discover
    from srbench.catalog.plugin import Family
    from srbench.testing import violations_of

    if broken := [str(p.error) for p in plugins if p.error]:
        raise PluginError(" ".join(broken))
    own = {p.file for p in plugins}
    catalog = build_catalog([*plugins, *(p for p in discover() if p.file not in own)])
    violations = []
    for kind, spec in (pair for plugin in plugins for pair in plugin.specs):
        if not isinstance(spec, Family):
            violations += [f"{kind} {spec.name}: {violation}" for violation in violations_of(spec, catalog)]
            say(f"checked {kind} {spec.name}")
    if violations:
        raise PluginError("Not adopted, since it breaks its contract. " + " ".join(violations))
