"""Say what is in the cache by parts, and choose what of it to delete."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from srbench.errors import UnknownNameError, UsageError
from srbench.running.cache import PARTS, Entry, entries_of, prune


@dataclass(frozen=True, slots=True)
class CachePart:
    """Entries of one part of the cache."""

    part: str
    """The name of the part, which is that of its folder."""
    entries: int
    """The number of entries that can be deleted by themselves."""
    bytes: int
    """The size of all files of these entries."""
    oldest: datetime
    """The time at which the oldest entry was written, in UTC."""
    newest: datetime
    """The time at which the newest entry was written, in UTC."""
    about: str
    """What the part holds."""


@dataclass(frozen=True, slots=True)
class CacheContents:
    """Everything in a cache, or some of it."""

    root: Path
    """The folder of the cache."""
    entries: int
    """The number of entries in all parts."""
    bytes: int
    """The size of all parts."""
    parts: tuple[CachePart, ...]
    """The parts that have entries, the largest first."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted from a cache."""

    chosen: CacheContents
    """What the options chose."""
    dry_run: bool
    """Whether it was only looked at."""
    deleted: CacheContents
    """What was deleted of it."""
    left: CacheContents
    """What was left, since a job is working on it, or in a dry run."""


def contents_of(root: Path, entries: Iterable[Entry] | None = None) -> CacheContents:
    """Return the contents of a cache, or what ``entries`` are of it."""
    parts: dict[str, list[Entry]] = {}
    for entry in entries_of(root) if entries is None else entries:
        parts.setdefault(entry.part.name, []).append(entry)
    found = sorted((_part(own) for own in parts.values()), key=lambda part: -part.bytes)
    return CacheContents(root, sum(part.entries for part in found), sum(part.bytes for part in found), tuple(found))


def _part(entries: list[Entry]) -> CachePart:
    part, times = entries[0].part, [datetime.fromtimestamp(entry.written, UTC) for entry in entries]
    return CachePart(part.name, len(entries), sum(entry.size for entry in entries), min(times), max(times), part.about)


def chosen_entries(root: Path, older_than: float | None, parts: Collection[str], *, everything: bool) -> list[Entry]:
    """Return the entries of a cache that options choose.

    Args:
        root: The cache.
        older_than: Only those written so many days ago; None for any age.
        parts: Only those of these parts; empty for all that are not downloads.
        everything: Whether to choose downloads too.

    Raises:
        UsageError: Nothing says what to choose.
        UnknownNameError: A part has a name that no part has.
    """
    if older_than is None and not parts and not everything:
        raise UsageError(
            "Nothing is chosen; give --older-than DAYS, --part NAME or --all, and --dry-run to look first."
        )
    entries, known = entries_of(root), {part.name for part in PARTS}
    if unknown := set(parts) - {entry.part.name for entry in entries} - known:
        raise UnknownNameError.among("part of the cache", min(unknown), known)
    before = time.time() - (older_than or 0) * 86400
    return [
        entry
        for entry in entries
        if entry.written <= before and (entry.part.name in parts if parts else everything or not entry.part.fetched)
    ]


def prune_chosen(root: Path, chosen: list[Entry], *, dry_run: bool) -> Pruned:
    """Delete chosen entries of a cache, or only look at them.

    Raises:
        StoreError: A run is using the cache, or an entry cannot be deleted.
    """
    gone: list[Entry] = []
    left = chosen if dry_run or not chosen else prune(root, chosen, gone.append)
    return Pruned(contents_of(root, chosen), dry_run, contents_of(root, gone), contents_of(root, left))
