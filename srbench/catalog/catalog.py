"""Everything the loaded plugins provide: immutable, built once a run, passed on explicitly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srbench.catalog.discovery import discover
from srbench.catalog.kinds import KINDS, Kinds
from srbench.catalog.plugin import Plugin
from srbench.catalog.shelf import JoinedShelf, Shelf, maybe_in
from srbench.errors import PluginError, UnknownNameError
from srbench.networks.spec import ArchitectureSpec

NETWORKS = ("architecture", "recogniser")
"""The kinds whose specs are networks; they share one set of names."""


@dataclass(frozen=True)
class Catalog(Kinds):
    """One read-only shelf for each kind, as an attribute by the kind's plural."""

    plugins: tuple[Plugin, ...] = ()
    """Every plugin that was found, the broken ones too."""

    @property
    def broken(self) -> tuple[Plugin, ...]:
        """Plugins that could not be used."""
        return tuple(p for p in self.plugins if p.error)

    @property
    def networks(self) -> JoinedShelf[ArchitectureSpec]:
        """Every architecture and every recogniser, for code that does not care which of the two a network is."""
        return JoinedShelf("network", *map(self.shelf, NETWORKS))

    def kinds_of(self, name: str, kind: str | None = None) -> list[str]:
        """Return the kinds of which a spec is called ``name``, or can be made by a family; at least one.

        Raises:
            UnknownNameError: Nothing has the name, or ``kind`` is not a kind.
        """
        if kind is not None:
            if kind not in KINDS:
                raise UnknownNameError.among("kind", kind, KINDS)
            self.shelf(kind).require([name])
            return [kind]
        found = [kind for kind in KINDS if self.shelf(kind).offers(name)]
        if not found:
            hint = " ".join(["`srbench list` shows every name.", *map(maybe_in, self.broken)])
            names = {name for kind in KINDS for name in self.shelf(kind)}
            meant = next(filter(None, (self.shelf(kind).is_an_example(name) for kind in KINDS)), "")
            raise UnknownNameError.among("thing", name, names, hint, meant=meant)
        return found


def load_catalog(files: Sequence[Path] = (), *, strict: bool = False) -> Catalog:
    """Discover plugins, and those in ``files``, and shelve what they provide.

    Raises:
        PluginError: Two plugins provide one name, or ``strict`` and a plugin is broken.
    """
    return build_catalog(discover(files), strict=strict)


def build_catalog(plugins: Iterable[Plugin], *, strict: bool = False) -> Catalog:
    """Shelve what ``plugins`` provide; see `load_catalog`."""
    found = tuple(plugins)
    broken = [p for p in found if p.error]
    if strict and broken:
        raise PluginError(" ".join(str(p.error) for p in broken))
    provided: dict[str, dict[str, tuple[Any, Plugin]]] = {kind: {} for kind in KINDS}
    for plugin in found:
        for kind, spec in plugin.specs:
            if spec.name in provided[kind]:
                raise PluginError(_clash(kind, spec.name, plugin, provided[kind][spec.name][1]))
            provided[kind][spec.name] = (spec, plugin)
    one, other = NETWORKS
    for name in sorted(provided[one].keys() & provided[other].keys()):
        providers = " and ".join(provided[kind][name][1].place for kind in NETWORKS)
        raise PluginError(
            f"{name!r} names both an {one} and a {other}, from {providers}; networks share one set of names, so rename "
            "one."
        )
    shelves: dict[str, Shelf[Any]] = {}
    for name, row in KINDS.items():
        shelves[name] = Shelf(name, row.plural, row.spec, provided[name], broken, shelves)
    return Catalog(shelves, found)


def _clash(kind: str, name: str, one: Plugin, other: Plugin) -> str:
    if one is other:
        return f"Plugin {one.place} provides the {kind} {name!r} twice; rename one of them."
    places = " and ".join(sorted((one.place, other.place)))
    return f"Two plugins provide the {kind} {name!r}: {places}; rename one or remove it."
