"""What is known about plugins: where they come from, what they provide, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.catalog.catalog import build_catalog
from srbench.catalog.discovery import discover, local_files
from srbench.catalog.kinds import KINDS
from srbench.catalog.plugin import Family, Plugin
from srbench.catalog.trust import trust
from srbench.errors import PluginError, UsageError


@dataclass(frozen=True, slots=True)
class PluginFacts:
    """What is known about a plugin."""

    name: str
    """A module, an entry point or a file."""
    source: str
    """One of "bundled", "entry point" and "file"."""
    version: str
    """The version of its package; empty for a file."""
    file: Path | None
    """The file of its module, if it has one."""
    provides: dict[str, tuple[str, ...]]
    """Names by the plural of their kind; that of a family ends with ":…"."""
    seconds: float
    """The time that loading it took."""
    error: str | None
    """Why it cannot be used; null when it works."""
    notices: tuple[str, ...]
    """Lines that it printed while it was loaded."""


@dataclass(frozen=True, slots=True)
class Plugins:
    """The plugins that were found."""

    plugins: tuple[PluginFacts, ...]
    """All plugins, by name; none with ``--trust``."""
    clash: str | None
    """Which two plugins provide one name, so that nothing can be used; null if none do."""
    allowed: tuple[Path, ...] = ()
    """The files that ``--trust`` allowed."""

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong, a sentence each."""
        return [*(plugin.error for plugin in self.plugins if plugin.error), *([self.clash] if self.clash else [])]


def find_plugins(files: Sequence[Path] = ()) -> Plugins:
    """Load all plugins, and those in ``files``, and say what is known about each."""
    found = discover(files)
    try:
        build_catalog(found)
        clash = None
    except PluginError as error:
        clash = str(error)
    return Plugins(tuple(map(_facts, found)), clash)


def allow_local_files() -> Plugins:
    """Allow the files of ``./plugins``, as they are now, to be loaded.

    Raises:
        UsageError: There are none.
    """
    files = local_files()
    if not files:
        raise UsageError("There are no plugin files in ./plugins to allow; go to the folder that has them.")
    trust(files)
    return Plugins((), None, tuple(files))


def _facts(plugin: Plugin) -> PluginFacts:
    return PluginFacts(
        name=plugin.name,
        source=plugin.source,
        version=plugin.version,
        file=plugin.file,
        provides=_names(plugin),
        seconds=round(plugin.seconds, 4),
        error=plugin.error,
        notices=tuple(plugin.notices),
    )


def _names(plugin: Plugin) -> dict[str, tuple[str, ...]]:
    names: dict[str, list[str]] = {}
    for kind, spec in plugin.specs:
        names.setdefault(KINDS[kind].plural, []).append(f"{spec.name}:…" if isinstance(spec, Family) else spec.name)
    return {kind: tuple(own) for kind, own in names.items()}
