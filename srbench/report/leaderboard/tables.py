"""What the leaderboards say, before anyone decides how it looks: sections, tables and ranked lines.

Nothing is ranked against anything that was measured under another protocol id: a table holds one id of the headline
metric, and another id of any other metric gets a column of its own.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

from srbench.measuring.uncertainty import bootstrap_interval, shared_ranks
from srbench.records import Certification, ImageScores, Measured, Profile, Record, RowId, Score
from srbench.report.headings import Heading
from srbench.report.leaderboard.columns import METRICS, rank_order
from srbench.report.pairing import Rivals, scores_by_seed

REFERENCE = "bicubic"
"""The architecture that gains are counted from."""
COSTS = ("parameters", "macs_720p_g", "latency_ms_p50", "peak_memory_mib")


@dataclass(frozen=True, slots=True)
class Value:
    """A number for a table, over all seeds and realisations, or the reason why there is none."""

    mean: float | None = None
    spread: float | None = None
    """Standard deviation over seeds and realisations; None with fewer than two of both together."""
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Line:
    """One method in a table: all its seeds, and all realisations of a random degradation, together."""

    records: list[Record]
    title: str = ""
    scores: dict[Heading, Value] = field(default_factory=dict)
    costs: dict[str, Value] = field(default_factory=dict)
    timing: str = ""
    """How and where latency was taken; only equal ones compare."""
    rank: int | None = None
    gain: float | None = None
    """How much better its headline mean is than that of bicubic interpolation."""
    interval: tuple[float, float] | tuple[None, None] = (None, None)

    @property
    def first(self) -> Record:
        """The record of the first seed; all seeds share its naming."""
        return self.records[0]

    @property
    def failed(self) -> str | None:
        """Why no seed has a score."""
        return (self.first.reason or "failed") if all(r.status == "failed" for r in self.records) else None

    @property
    def repeats(self) -> str:
        """What its scores are means of: "3 seeds × 8 realisations"; empty for a single record."""
        counts = {
            "seeds": len({r.model.seed for r in self.records}),
            "realisations": len({r.realisation for r in self.records}),
        }
        return " × ".join(f"{count} {what}" for what, count in counts.items() if count > 1)

    @property
    def failed_seeds(self) -> list[Record]:
        """Seeds, or realisations, that failed while others did not."""
        return [] if self.failed else [r for r in self.records if r.status == "failed"]

    @property
    def reference(self) -> bool:
        """Whether this is bicubic interpolation."""
        return self.first.model.architecture == REFERENCE


@dataclass(slots=True, kw_only=True)
class Table:
    """Methods that may be ranked against each other."""

    dataset: str
    label: str
    inference: str
    certification: Certification | None
    headline: Heading | None
    """None where every cell failed."""
    headings: list[Heading]
    lines: list[Line]

    @property
    def timings(self) -> list[str]:
        """The different ways latencies were taken."""
        return sorted({line.timing for line in self.lines if line.timing and line.costs["latency_ms_p50"].mean})


@dataclass(slots=True, kw_only=True)
class Section:
    """All tables of one protocol preset, degradation and scale."""

    protocol: str
    degradation: str
    degradation_label: str
    scale: int
    tables: list[Table]

    @property
    def file_stem(self) -> str:
        """Scale and degradation as they stand in the names of figures: "x2_blur_down"; a path becomes one word."""
        return f"x{self.scale}_{re.sub(r'[^A-Za-z0-9_.]+', '-', self.degradation)}"


def make_sections(records: Iterable[Record]) -> list[Section]:
    """Group, aggregate and rank the newest records of every row."""
    sections = []
    records = list(records)
    labels = {r.model.architecture: r.model.label or r.model.architecture for r in records}
    ordered = rank_order(records)
    for (protocol, degradation, scale), group in groupby(ordered, lambda r: (r.protocol, r.degradation, r.scale)):
        members = list(group)
        tables: dict[tuple[str, str, str], list[Record]] = {}
        for record in members:
            tables.setdefault(_table_key(record, members), []).append(record)
        label = next((r.degradation_label for r in members if r.degradation_label), degradation)
        sections.append(
            Section(
                protocol=protocol, degradation=degradation, degradation_label=label, scale=scale,
                tables=[make_table(rows, labels) for _, rows in sorted(tables.items(), key=_paper_order)],
            )
        )  # fmt: skip
    return sections


def make_table(records: Sequence[Record], labels: Mapping[str, str] = MappingProxyType({})) -> Table:
    """Rank records of one dataset whose headline scores share a protocol id; failed ones come last.

    Args:
        records: At least one.
        labels: Architecture to label, for the names of teachers.
    """
    groups: dict[RowId, list[Record]] = {}
    for record in records:
        groups.setdefault(record.row_id.method, []).append(record)
    lines = [
        Line(records=sorted(group, key=lambda r: (r.model.seed or 0, r.realisation or 0))) for group in groups.values()
    ]
    headings = _headings(records)
    headline = next((h for h in headings if h.metric == records[0].headline), None)
    for line in lines:
        line.scores = {h: _score(line, h) for h in headings}
        line.costs = {name: _cost(line, name) for name in COSTS}
        line.timing = _timing(line.first)
    if headline:
        _rank(lines, headline)
    _name(lines, labels)
    newest = max(records, key=lambda r: (r.certification is not None, r.created))
    return Table(
        dataset=newest.dataset,
        label=newest.dataset_label or newest.dataset,
        inference=newest.inference,
        certification=newest.certification,
        headline=headline,
        headings=headings,
        lines=lines,
    )


def image_scores(line: Line, metric: str) -> dict[str, float]:
    """Image name to score, the mean over seeds and realisations; images that lack it in any of them are left out."""
    scored = [r for r in line.records if r.status == "ok"]
    by_seed = [{i.name: i.scores.get(metric) for i in r.images} for r in scored]
    means = {}
    for name in by_seed[0] if by_seed else ():
        values = [seed.get(name) for seed in by_seed]
        numbers = [v for v in values if v is not None]
        if len(numbers) == len(values):
            means[name] = statistics.fmean(numbers)
    return means


def find_image(record: Record, name: str) -> ImageScores | None:
    """The scores and files of one image."""
    return next((i for i in record.images if i.name == name), None)


def _headline(record: Record) -> Score | None:
    return record.scores.get(record.headline)


def _table_key(record: Record, section: Sequence[Record]) -> tuple[str, str, str]:
    """Dataset, inference and protocol id; a cell without a score stands with its neighbours."""
    score = _headline(record)
    if score:
        return record.dataset, record.inference, score.protocol
    near = (
        other.protocol
        for r in section
        if (r.dataset, r.inference, r.headline) == (record.dataset, record.inference, record.headline)
        and (other := _headline(r))
    )
    return record.dataset, record.inference, min(near, default="")


def _paper_order(table: tuple[tuple[str, str, str], list[Record]]) -> tuple[int, str, tuple[str, str, str]]:
    """Small datasets first: Set5, Set14, B100, Urban100, Manga109, as papers print them."""
    key, records = table
    dataset = records[0].dataset
    return max(len(r.images) for r in records), dataset, key


def _headings(records: Sequence[Record]) -> list[Heading]:
    order = list(METRICS)
    found = {
        Heading(s.metric, s.protocol, s.column, s.higher_is_better, s.decimals)
        for r in records
        for s in r.scores.values()
    }
    return sorted(
        found, key=lambda h: (order.index(h.metric) if h.metric in order else len(order), h.column, h.protocol)
    )


def _score(line: Line, heading: Heading) -> Value:
    scores = [r.scores.get(heading.metric) for r in line.records if r.status == "ok"]
    own = [s for s in scores if s and s.protocol == heading.protocol]
    if own:
        return _mean(own)
    return Value(reason=line.failed or "not measured under this protocol")


def _cost(line: Line, name: str) -> Value:
    profiles: list[Profile] = [r.profile for r in line.records if r.profile]
    if profiles:
        return _mean([getattr(p, name) for p in profiles[:1]])  # a seed changes nothing about a network's cost
    return Value(reason=line.failed or "not profiled")


def _mean(measured: Sequence[Measured]) -> Value:
    values = [m.value for m in measured if m.value is not None]
    if not values:
        return Value(reason=measured[0].reason)
    return Value(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def _timing(record: Record) -> str:
    p = record.profile
    return f"{p.backend}, {p.precision}, {p.latency_input}, machine {p.machine}" if p else ""


def _rank(lines: list[Line], headline: Heading) -> None:
    # Failed cells sink to the end; names settle what equal scores leave open.
    lines.sort(key=lambda line: (
        (mean := line.scores[headline].mean) is None, -headline.sign * (mean or 0.0), line.first.row_id.method
    ))  # fmt: skip
    ranked = [line for line in lines if line.scores[headline].mean is not None]
    per_image = [image_scores(line, headline.metric) for line in ranked]
    common = sorted(set.intersection(*(set(p) for p in per_image))) if per_image else []
    values = [[p[name] for name in common] for p in per_image]
    rivals = Rivals([scores_by_seed(line.records, headline) for line in ranked], headline)
    ranks = shared_ranks(values, higher_is_better=headline.higher_is_better, better=rivals.beats_by_seeds)
    for line, rank in zip(ranked, ranks, strict=True):
        line.rank = rank
    base = next((line.scores[headline].mean for line in ranked if line.reference), None)
    for line, images in zip(ranked, per_image, strict=True):
        mean = line.scores[headline].mean
        line.gain = None if base is None or mean is None or line.reference else headline.sign * (mean - base)
        score = _headline(line.first)
        if len(line.records) == 1 and score and score.low is not None and score.high is not None:
            line.interval = (score.low, score.high)
        else:
            line.interval = bootstrap_interval(list(images.values()))


def _name(lines: list[Line], labels: Mapping[str, str]) -> None:
    """Titles as short as they can be while all differ: recipe, full teacher and a file's folder only where needed."""
    for detail in range(5):
        titles: dict[str, list[Line]] = {}
        for line in lines:
            titles.setdefault(line.title or method_title(line.first, labels), []).append(line)
        for title, same in titles.items():
            for line in same:
                line.title = title if len(same) == 1 or not detail else title + _detail(line.first, detail)


def _detail(record: Record, level: int) -> str:
    m = record.model
    path = m.checkpoint if m.source == "file" else None
    detail = (m.training, m.teacher, path, m.architecture)[level - 1]
    return f", {detail}" if detail else ""


def _teacher_title(teacher: str, labels: Mapping[str, str]) -> str:
    name, _, tag = teacher.partition(".")
    return labels.get(name, name) + (f" ({tag})" if tag else "")


def method_title(record: Record, labels: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a method is called in tables: "EDSR (small), logits from EDSR (wide)"."""
    m = record.model
    title = (m.label or m.architecture) + ("*" if m.network_reconstruction else "")
    if m.checkpoint:
        title += f" ({Path(m.checkpoint).name})"
    if m.distiller != "none":
        title += f", {m.distiller}" + ("*" if m.reconstruction else "")
        if m.teacher:
            title += f" from {' & '.join(_teacher_title(teacher, labels) for teacher in m.teacher.split(' & '))}"
    if m.train_degradation and m.train_degradation != record.degradation:
        title += f", trained on {m.train_degradation}"
    return title
