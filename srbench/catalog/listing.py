"""List all names with what a table shows of each; cached, so that the next listing loads no plugin.

The cache holds the listing with the environment and the state of every file that it came from. A listing is made again
when any of them has changed. One with a broken plugin is not cached: what broke it may be outside these files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from srbench.catalog.catalog import Catalog, load_catalog
from srbench.catalog.code_state import FileStates, environment, file_states, imported_code, own_code
from srbench.catalog.kinds import KINDS
from srbench.datasets.manifest import user_manifest
from srbench.errors import StoreError
from srbench.files import atomic_write, cache_root
from srbench.naming import Paper
from srbench.scales import Scale


class Listed(BaseModel):
    """The names of one kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    specs: dict[str, tuple[str, ...]]
    """The cells of its columns by name, x2 before x10."""
    families: dict[str, str]
    """Descriptions of the families by their names."""


class Listing(BaseModel):
    """The names of every kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: dict[str, Listed]
    broken: tuple[str, ...]
    """The errors of the plugins that could not be used."""


class _Note(BaseModel):
    model_config = ConfigDict(extra="forbid")

    surroundings: dict[str, object]
    own: FileStates
    imported: FileStates
    listing: Listing


def current_listing(files: Sequence[Path] = (), *, fresh: bool = False) -> Listing:
    """Return the current listing; taken from the cache if nothing has changed and it need not be ``fresh``.

    Raises:
        PluginError: Two plugins provide one name.
        UsageError: See `srbench.catalog.discovery.discover`.
    """
    surroundings: dict[str, object] = environment() | {"files": [str(path.resolve()) for path in files]}
    own = file_states((*own_code(), user_manifest()))
    note = _note_of(surroundings)
    if not fresh and (known := _still_true(note, surroundings, own)) is not None:
        return known
    made = listing_of(load_catalog(files))
    if not made.broken:
        noted = _Note(surroundings=surroundings, own=own, imported=file_states(imported_code()), listing=made)
        with suppress(StoreError):  # a cache that cannot be written only costs time
            atomic_write(note, noted.model_dump_json())
    return made


def _note_of(surroundings: dict[str, object]) -> Path:
    key = hashlib.sha256(json.dumps(surroundings, sort_keys=True).encode()).hexdigest()
    return cache_root() / "listings" / f"{key[:32]}.json"


def _still_true(path: Path, surroundings: dict[str, object], own: FileStates) -> Listing | None:
    try:
        note = _Note.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    unchanged = note.surroundings == surroundings and note.own == own
    return note.listing if unchanged and note.imported == file_states(map(Path, note.imported)) else None


def listing_of(catalog: Catalog) -> Listing:
    """Return the listing of a catalog."""
    kinds = {}
    for kind in KINDS.values():
        shelf = catalog.shelf(kind.name)
        kinds[kind.name] = Listed(
            specs={name: tuple(_cell(shelf[name], column) for column in kind.columns) for name in in_order(shelf)},
            families={family.name: f"{family.title}, such as {family.example}" for family in shelf.families},
        )
    return Listing(kinds=kinds, broken=tuple(str(plugin.error) for plugin in catalog.broken))


def in_order(names: Iterable[str]) -> list[str]:
    """Return names sorted as people do, x2 before x10."""
    return sorted(names, key=_natural)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


_CELLS: dict[str, Callable[[Any], str]] = {
    "teacher": lambda spec: ("one or more" if spec.several_teachers else "needed") if spec.needs_teacher else "",
    "drawn": lambda spec: ", ".join(spec.sampler_choices) or ("fitted" if spec.fitting else ""),
    "parameters": lambda spec: ", ".join(name for name, _, _ in spec.parameters),
    "precisions": lambda spec: ", ".join(spec.precisions),
    "random": lambda spec: "yes" if spec.stochastic else "",
    "better": lambda spec: "higher" if spec.higher_is_better else "lower",
    "paper": lambda spec: _published(spec.paper, own_reading=getattr(spec, "reconstruction", False)),
    "scales": lambda spec: _scales(spec.scales, any_scale=spec.any_scale),
    "checkpoints": lambda spec: ", ".join(in_order({checkpoint.tag for checkpoint in spec.checkpoints})),
}
"""The cells of columns that are not plain fields of the spec."""


def _scales(scales: frozenset[Scale] | None, *, any_scale: bool) -> str:
    if any_scale:
        return "any"
    return " ".join(f"x{scale}" for scale in sorted(scales)) if scales else "any whole"


def _published(paper: Paper | None, *, own_reading: bool) -> str:
    return "" if paper is None else f"{paper.venue} {paper.year}" + (", reimplementation" if own_reading else "")


def _cell(spec: Any, column: str) -> str:  # noqa: ANN401 - a spec of any kind
    value = _CELLS[column](spec) if column in _CELLS else getattr(spec, column)
    return "" if value is None else str(value)
