"""Adopt a plugin that exists: check it against its contracts, and keep it where srbench finds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.catalog import installing
from srbench.catalog.catalog import build_catalog
from srbench.catalog.discovery import discover, entry_point_plugins, file_plugin
from srbench.catalog.loading import load_plugin
from srbench.catalog.plugin import Family, Plugin
from srbench.errors import PluginError, UsageError
from srbench.testing.verdict import violations_of


@dataclass(frozen=True, slots=True)
class AddedPlugin:
    """A plugin that was written or adopted."""

    files: tuple[Path, ...] = ()
    """The files that were written; of an adopted file, its copy in your plugin folder."""
    commands: tuple[str, ...] = ()
    """What to type next for a plugin that was written."""
    package: str | None = None
    """The installed package that was adopted; null for a file."""
    checked: tuple[str, ...] = ()
    """The things of an adopted plugin that keep their contracts, such as "loss l1"."""


def adopt(what: str, heard: Callable[[str], None]) -> AddedPlugin:
    """Adopt a file, a project folder or an installed package.

    Args:
        what: The file, the folder, which is installed first and removed again if it breaks a contract, or the name of
            the package, which is only checked.
        heard: Hears each thing that was checked.

    Raises:
        PluginError: It cannot be loaded, clashes with another, or breaks a contract.
        UsageError: There is nothing of that name, or it is installed already.
    """
    return _adopt_file(Path(what), heard) if Path(what).is_file() else _adopt_package(what, heard)


def _adopt_file(path: Path, heard: Callable[[str], None]) -> AddedPlugin:
    checked = _check([load_plugin(*file_plugin(path))], heard)
    return AddedPlugin(files=(installing.adopt_file(path),), checked=checked)


def _adopt_package(what: str, heard: Callable[[str], None]) -> AddedPlugin:
    folder = Path(what)
    name = installing.project_name(folder) if folder.is_dir() else what
    installed = installing.installed_version(name)
    if folder.is_dir():
        if installed:
            raise UsageError(
                f"{name} {installed} is installed already and is left as it is; "
                f"`python -m pip install --upgrade {what}` replaces it, `srbench add-plugin {name}` checks it."
            )
        installing.run_pip("install", str(folder))
    elif not installed:
        raise UsageError(
            f"{what!r} is neither a file, nor a folder with a pyproject.toml, nor an installed package; "
            f"if it is on a package index, run `python -m pip install {what}` first."
        )
    try:
        plugins = [load_plugin(plugin, load) for plugin, load in entry_point_plugins(name)]
        checked = _check(plugins or [_without_entry_point(name)], heard)
    except PluginError:
        if folder.is_dir():
            installing.run_pip("uninstall", "--yes", name)
        raise
    return AddedPlugin(package=name, checked=checked)


def _without_entry_point(name: str) -> Plugin:
    reason = f"{name} has no entry point of group srbench; add [project.entry-points.srbench] to its pyproject.toml."
    return Plugin(name, "entry point", error=reason)


def _check(plugins: Sequence[Plugin], heard: Callable[[str], None]) -> tuple[str, ...]:
    """Return the things that plugins provide, unless one does not load, clashes or breaks its contract."""
    if broken := [str(p.error) for p in plugins if p.error]:
        raise PluginError(" ".join(broken))
    own = {p.file for p in plugins}
    catalog = build_catalog([*plugins, *(p for p in discover() if p.file not in own)])
    violations, checked = [], []
    for kind, spec in (pair for plugin in plugins for pair in plugin.specs):
        if not isinstance(spec, Family):
            thing = f"{kind} {spec.name}"
            violations += [f"{thing}: {violation}" for violation in violations_of(spec, catalog)]
            checked.append(thing)
            heard(thing)
    if violations:
        raise PluginError("Not adopted, since it breaks its contract. " + " ".join(violations))
    return tuple(checked)
