"""Find names: of what plugins provide, and of the suites and recipes that come with srbench."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from srbench.catalog.kinds import KINDS
from srbench.catalog.listing import current_listing, in_order
from srbench.errors import PluginError, UnknownNameError
from srbench.files import shipped_tables
from srbench.planning.recipes import recipe_named
from srbench.planning.suite import load_suite


@dataclass(frozen=True, slots=True)
class Named:
    """A thing that has a name."""

    kind: str
    """The kind of thing, in the singular, such as "architecture", "suite" or "recipe"."""
    name: str
    """What options and suites call it."""
    facts: dict[str, str | int]
    """What the table shows of it, by column."""


@dataclass(frozen=True, slots=True)
class NamedFamily:
    """A prefix whose names are made on demand."""

    kind: str
    """The kind of the things that it makes."""
    name: str
    """The prefix, without its colon."""
    about: str
    """A description with an example."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that were asked for."""

    things: tuple[Named, ...]
    """By kind, and then x2 before x10."""
    families: tuple[NamedFamily, ...]
    """The families whose prefix matches."""
    broken: tuple[str, ...]
    """The errors of the plugins that could not be used."""


def find_names(
    kind: str | None, pattern: str = "*", files: Sequence[Path] = (), *, fresh: bool = False, strict: bool = False
) -> Names:
    """Return the names of a kind, or of all kinds of plugins, that match a wildcard.

    Args:
        kind: A kind in the singular or the plural; suites and recipes are kinds too.
        pattern: The wildcard, such as ``edsr*``.
        files: Plugin files beside those that are found.
        fresh: Whether to load the plugins even if nothing has changed.
        strict: Whether a broken plugin is an error.

    Raises:
        UnknownNameError: There is no such kind.
        PluginError: Two plugins provide one name; or one is broken, if ``strict``.
    """
    if kind in ("suite", "suites"):
        return Names(tuple(_suites(pattern)), (), ())
    if kind in ("recipe", "recipes"):
        return Names(tuple(_recipes(pattern)), (), ())
    known = {word: k for k in KINDS.values() for word in (k.name, k.plural)}
    if kind is not None and kind not in known:
        hint = "To search names, give a wildcard such as '*net*'."
        raise UnknownNameError.among("kind", kind, [*(k.plural for k in KINDS.values()), "suites", "recipes"], hint)
    listing = current_listing(files, fresh=fresh)
    if strict and listing.broken:
        raise PluginError(" ".join(listing.broken))
    kinds = KINDS.values() if kind is None else [known[kind]]
    return Names(
        things=tuple(
            Named(k.name, name, dict(zip(k.columns, cells, strict=True)))
            for k in kinds
            for name, cells in listing.kinds[k.name].specs.items()
            if fnmatchcase(name, pattern)
        ),
        families=tuple(
            NamedFamily(k.name, name, about)
            for k in kinds
            for name, about in listing.kinds[k.name].families.items()
            if fnmatchcase(f"{name}:", pattern)
        ),
        broken=listing.broken,
    )


def _suites(pattern: str) -> Iterator[Named]:
    for name in _shipped("suites", pattern):
        yield Named("suite", name, {"about": load_suite(name).about})


def _recipes(pattern: str) -> Iterator[Named]:
    for name in _shipped("recipes", pattern):
        recipe = recipe_named(name)
        read = {"datasets": ", ".join(recipe.datasets), "source": recipe.source}
        yield Named("recipe", name, {"steps": recipe.steps, "batch": recipe.batch, **read})


def _shipped(folder: str, pattern: str) -> list[str]:
    return [name for name in in_order(shipped_tables(folder)) if fnmatchcase(name, pattern)]
