"""Entries of a competition: measurements with their conditions, the baseline among them, and what-if changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from srbench.errors import UnknownNameError, UsageError
from srbench.judging.track import Track

_NUMBER = re.compile(r"^\d+_")
"""The number of a team before its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of what is judged."""

    name: str
    values: Mapping[str, float]
    """By the names of the track's terms; those that are missing are not in it."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why terms are missing, where that is known."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """How terms were measured, by their names; values compare where this is equal, or empty for one of them."""
    uncounted: str = ""
    """Operators that its FLOPs leave out, separated by blanks."""
    notes: tuple[str, ...] = ()


def entry_named(name: str, entries: Sequence[Entry]) -> Entry | None:
    """Return the entry of a name: ``span`` is ``00_SPAN`` where no other is spelt so; None if there is none."""
    for spelt in (str, str.lower, lambda text: _NUMBER.sub("", text.lower())):
        found = [entry for entry in entries if spelt(entry.name) == spelt(name)]
        if len(found) == 1:
            return found[0]
    return None


def baseline_of(track: Track, name: str | None, entries: Sequence[Entry]) -> Entry | None:
    """Return the baseline; None for a track without one.

    Args:
        track: The track.
        name: The name of an entry or of the track's published baseline, or its measurements
            (``runtime_ms=7.74,flops_g=9.83,params_m=0.151``); None for the track's own.
        entries: The entries.

    Raises:
        UsageError: The track has no baseline, or the baseline lacks a term.
        UnknownNameError: There is no such entry.
    """
    if not track.baseline_terms:
        if name is not None:
            raise UsageError(f"The track {track.name} compares with no baseline; leave out --baseline.")
        return None
    baseline = _found(track, name or track.baseline, entries)
    if lacking := [term for term in track.baseline_terms if term not in baseline.values]:
        raise UsageError(
            f"The baseline {baseline.name} lacks {_with_reasons(lacking, baseline.reasons)}; name another row with "
            f"--baseline, or give --baseline {','.join(f'{term}=VALUE' for term in track.baseline_terms)}."
        )
    if wrong := [term for term in track.baseline_terms if not baseline.values[term] > 0]:
        raise UsageError(
            f"The baseline {baseline.name} has {wrong[0]} {baseline.values[wrong[0]]:g}, by which nothing can be "
            "divided; name another with --baseline."
        )
    return baseline


def _found(track: Track, name: str, entries: Sequence[Entry]) -> Entry:
    if "=" in name and (given := _given(track, name)) is not None:
        return given
    if entry := entry_named(name, entries):
        return entry
    if track.published and name.lower() == track.published.name:
        own = track.published
        return Entry(name=own.name, values=own.values, conditions=own.conditions)
    raise UnknownNameError.among(
        "row", name, [entry.name for entry in entries],
        f"The track {track.name} needs a baseline: name a row with --baseline, or give "
        f"{','.join(f'{term}=VALUE' for term in track.baseline_terms)}.",
    )  # fmt: skip


def _given(track: Track, text: str) -> Entry | None:
    """Return the baseline whose measurements are given; None if this is the name of a row with an equals sign."""
    pairs = [part.partition("=") for part in text.split(",")]
    if any(name.strip() not in track.baseline_terms for name, _, _ in pairs):
        return None
    return Entry(name="given", values={name.strip(): _number(value, text) for name, _, value in pairs})


def with_changes(entries: Sequence[Entry], changes: Sequence[str], track: Track) -> list[Entry]:
    """Return entries in which measurements are replaced.

    Args:
        entries: The entries.
        changes: Each ``ROW:TERM=VALUE``; the row is named as in `entry_named`.
        track: Has the terms.

    Raises:
        UsageError: A change cannot be understood.
        UnknownNameError: There is no such row, or no such term.
    """
    changed = {entry.name: entry for entry in entries}
    for change in changes:
        place, equals, value = change.rpartition("=")
        name, colon, term = place.rpartition(":")
        if not equals or not colon:
            raise UsageError(f"--what-if {change!r} cannot be understood; write ROW:TERM=VALUE, such as net:flops_g=9.")
        term = term.strip()
        terms = [own.name for own in track.shown]
        if term not in terms:
            raise UnknownNameError.among("term", term, terms)
        entry = entry_named(name.strip(), list(changed.values()))
        if entry is None:
            raise UnknownNameError.among("row", name.strip(), changed)
        number, before = _number(value, change), entry.values.get(term)
        note = f"what if {term} were {number:g}" + ("" if before is None else f" instead of {before:g}")
        changed[entry.name] = replace(
            entry,
            values={**entry.values, term: number},
            conditions={key: value for key, value in entry.conditions.items() if key != term},
            uncounted="" if term == "flops_g" else entry.uncounted,
            notes=(*entry.notes, note),
        )
    return list(changed.values())


def lacks(track: Track, entry: Entry, reference: Mapping[str, str]) -> str:
    """Return why a row cannot be judged; empty if it can.

    Args:
        track: Has the terms.
        entry: The row.
        reference: How the terms have to be measured, where they compare with others.
    """
    missing = [term.name for term in track.terms if term.name not in entry.values]
    if missing:
        return f"lacks {_with_reasons(missing, entry.reasons)}"
    for name, wanted in reference.items():
        own = entry.conditions.get(name, "")
        if own and wanted and own != wanted:
            return f"its {name} does not compare: measured with {own}, that of the others with {wanted}"
    return ""


def _with_reasons(terms: Sequence[str], reasons: Mapping[str, str]) -> str:
    return ", ".join(f"{term} ({reasons[term]})" if reasons.get(term) else term for term in terms)


def _number(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise UsageError(f"{whole!r} has the value {text!r}, which is not a number; give one.") from None
    if not 0 <= number < float("inf"):
        raise UsageError(f"{whole!r} has the value {text!r}; give a number of at least 0.")
    return number
