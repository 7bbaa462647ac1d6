"""Rank entries by the formula of a track, with every term, and say why a row has no rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.errors import UsageError
from srbench.judging.entries import Entry, baseline_of, lacks, with_changes
from srbench.judging.formulas import ranks
from srbench.judging.reading import read_entries
from srbench.judging.track import Parts, Track
from srbench.judging.tracks import track_named
from srbench.scales import Scale

PIXELS = 256 * 256
"""Of the input for which FLOPs are counted."""
FEWEST_OPERATIONS = 0.5
"""A network of convolutions at the size of lr has about ``PIXELS`` operations for each parameter; one with less than
this share of them may have operators that were not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """A model with its measurements, what the formula makes of them, and its rank."""

    name: str
    """Its name."""
    rank: int | None
    """Its place, 1 for the best; equal scores share one. Null without a rank."""
    reason: str | None
    """Why it has no rank; null if it has one."""
    measured: dict[str, float]
    """Its measurements by the names of terms."""
    parts: dict[str, float]
    """What the formula makes of them, in the order of the formula; empty if a measurement is missing."""
    notes: tuple[str, ...]
    """What to know of them: changed measurements, operators that FLOPs leave out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A ranking by the formula of a track."""

    track: str
    """The name of the track."""
    label: str
    """The track in words."""
    formula: str
    """Its formula in one line."""
    source: str
    """Where the formula is from."""
    baseline: str | None
    """The name of the baseline; null for a track without one."""
    baseline_values: dict[str, float]
    """The baseline's measurements that the formula needs."""
    rows: tuple[JudgedRow, ...]
    """Ranked rows, best first, and then those without a rank."""
    notes: tuple[str, ...]
    """What to know of all of them."""


def judge(
    path: Path, track: str, *, baseline: str | None = None, what_if: Sequence[str] = (), scale: Scale | None = None,
    dataset: str | None = None,
) -> Judgement:  # fmt: skip
    """Rank what a results folder or a table of measurements has by the formula of a competition.

    Args:
        path: See `srbench.judging.reading.read_entries`, as ``scale`` and ``dataset``.
        track: A name of `srbench.judging.tracks.TRACKS`.
        baseline: See `srbench.judging.entries.baseline_of`.
        what_if: See `srbench.judging.entries.with_changes`.
        scale: The factor to judge.
        dataset: The dataset to judge.

    Raises:
        UsageError: No row can be judged.
        UnknownNameError: There is no such track, row or dataset.
        DataError: ``path`` cannot be read.
    """
    known = track_named(track)
    entries = with_changes(read_entries(path, known, scale=scale, dataset=dataset), what_if, known)
    return ranking(entries, known, baseline_of(known, baseline, entries))


def ranking(entries: Sequence[Entry], track: Track, baseline: Entry | None) -> Judgement:
    """Rank entries; the baseline has scores but no rank.

    Raises:
        UsageError: No entry has all terms.
    """
    reference = _reference(entries, track, baseline)
    others = [entry for entry in entries if entry is not baseline]
    lacking = {entry.name: why for entry in entries if (why := lacks(track, entry, reference))}
    if others and all(entry.name in lacking for entry in others):
        raise UsageError(
            f"No row can be judged by {track.name}; the first, {others[0].name}: {lacking[others[0].name]}."
        )
    base = {} if baseline is None else {name: baseline.values[name] for name in track.baseline_terms}
    parts = {entry.name: _parts(track, entry, base) for entry in entries if entry.name not in lacking}
    barred = {entry.name: why for entry in others if (why := _barred(track, entry))}
    able = [entry for entry in others if entry.name not in lacking and entry.name not in barred]
    parts |= dict(zip((e.name for e in able), track.together([parts[e.name] for e in able]), strict=True))
    places = _places(track, {entry.name: parts[entry.name] for entry in able})
    reasons = lacking | barred
    if baseline is not None:
        reasons[baseline.name] = "the baseline"
    rows = [
        JudgedRow(
            name=entry.name, rank=places.get(entry.name), reason=reasons.get(entry.name),
            measured=dict(entry.values), parts=parts.get(entry.name, {}), notes=(*entry.notes, *_flags(entry)),
        )
        for entry in entries
    ]  # fmt: skip
    rows.sort(key=lambda row: (row.rank is None, row.parts.get(track.apart, 0), row.rank or 0))
    return Judgement(
        track=track.name, label=track.label, formula=track.formula, source=track.source,
        baseline=baseline.name if baseline else None, baseline_values=base, rows=tuple(rows),
        notes=tuple(_unchecked(track, others)),
    )  # fmt: skip


def _reference(entries: Sequence[Entry], track: Track, baseline: Entry | None) -> dict[str, str]:
    """Return how each term has to be measured: as for the baseline, or else as for most of the rows."""
    found = {}
    for term in track.terms:
        own = baseline.conditions.get(term.name, "") if baseline and term.name in track.baseline_terms else ""
        counts = Counter(condition for e in entries if (condition := e.conditions.get(term.name, "")))
        found[term.name] = own or (counts.most_common(1)[0][0] if counts else "")
    return found


def _parts(track: Track, entry: Entry, base: dict[str, float]) -> Parts:
    try:
        return track.score({term.name: entry.values[term.name] for term in track.terms}, base)
    except (ZeroDivisionError, OverflowError, ValueError) as error:
        values = ", ".join(f"{term.name} {entry.values[term.name]:g}" for term in track.terms)
        raise UsageError(f"The formula of {track.name} has no value for {entry.name} ({values}: {error}).") from error


def _barred(track: Track, entry: Entry) -> str:
    return "; ".join(filter(None, (gate.broken(entry.values) for gate in track.gates)))


def _places(track: Track, parts: dict[str, Parts]) -> dict[str, int]:
    """Return the rank of each name, within the rows that its ranking has."""
    sign = -1 if track.higher_is_better else 1
    groups: dict[float, list[str]] = {}
    for name, own in parts.items():
        groups.setdefault(own.get(track.apart, 0), []).append(name)
    places: dict[str, int] = {}
    for names in groups.values():
        keys = [tuple(sign * parts[name][part] for part in track.ranked_by) for name in names]
        places |= dict(zip(names, ranks(keys), strict=True))
    return places


def _flags(entry: Entry) -> list[str]:
    """Return what makes its FLOPs doubtful."""
    if entry.uncounted:
        return [f"its FLOPs leave out operators without a formula: {entry.uncounted}"]
    flops, parameters = entry.values.get("flops_g"), entry.values.get("params_m")
    if flops is None or not parameters:
        return []
    expected = parameters * PIXELS / 1e3
    if flops >= FEWEST_OPERATIONS * expected:
        return []
    doubt = (
        f"its FLOPs may leave out an operator: {flops:g} G, where convolutions with {parameters:g} M parameters have "
        f"about {expected:.2f} G (try --what-if '{entry.name}:flops_g={expected:.2f}')"
    )
    return [doubt]


def _unchecked(track: Track, entries: Sequence[Entry]) -> list[str]:
    """Return a sentence if the limits of the track could not be checked for some rows."""
    limits = [
        f"{gate.term.name} {'≥' if gate.least is not None else '≤'} {gate.most if gate.least is None else gate.least:g}"
        for gate in track.gates
        if any(gate.term.name not in entry.values for entry in entries)
    ]
    return [f"Not checked where it was not measured: {', '.join(limits)}."] if limits else []
