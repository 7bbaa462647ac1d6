"""Group records into the sections and tables of the leaderboard, and average seeds and realisations.

Scores under different protocol ids are never ranked together: a table holds one id of the headline metric, and another
id of any other metric gets its own column.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from srbench.records import Measured, Profile, Record, RowId
from srbench.report.headings import Heading
from srbench.report.leaderboard.columns import METRICS
from srbench.report.leaderboard.ranking import rank_lines
from srbench.report.leaderboard.tables import Line, Section, Table, Value
from srbench.report.leaderboard.titles import name_lines

COSTS = ("parameters", "macs_720p_g", "latency_ms_p50", "peak_memory_mib")


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


def rank_order(records: Sequence[Record]) -> list[Record]:
    """Sort records as the leaderboard lists them: table by table, best first, failed cells last."""

    def place(record: Record) -> tuple[object, ...]:
        score = record.headline_score
        value = score.value if score else None
        quality = 0.0 if value is None or score is None else -value if score.higher_is_better else value
        return (
            record.protocol, record.degradation, record.scale, record.dataset, record.inference,
            value is None, quality, record.row_id.method, str(record.model.seed), str(record.realisation),
        )  # fmt: skip

    return sorted(records, key=place)


def make_table(records: Sequence[Record], labels: Mapping[str, str] = MappingProxyType({})) -> Table:
    """Rank records of one dataset whose headline scores share a protocol id; failed ones come last.

    Args:
        records: One or more.
        labels: The label of each architecture, for the names of teachers.
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
        rank_lines(lines, headline)
    name_lines(lines, labels)
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


def _table_key(record: Record, section: Sequence[Record]) -> tuple[str, str, str]:
    """Return dataset, inference and protocol id; a cell without a score joins the table of its neighbours."""
    score = record.headline_score
    if score:
        return record.dataset, record.inference, score.protocol
    near = (
        other.protocol
        for r in section
        if (r.dataset, r.inference, r.headline) == (record.dataset, record.inference, record.headline)
        and (other := r.headline_score)
    )
    return record.dataset, record.inference, min(near, default="")


def _paper_order(table: tuple[tuple[str, str, str], list[Record]]) -> tuple[int, str, tuple[str, str, str]]:
    """Sort small datasets first, as papers do: Set5, Set14, B100, Urban100, Manga109."""
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
        return _mean([profiles[0].figures[name]])  # which all seeds share
    return Value(reason=line.failed or "not profiled")


def _mean(measured: Sequence[Measured]) -> Value:
    values = [m.value for m in measured if m.value is not None]
    if not values:
        return Value(reason=measured[0].reason)
    return Value(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def _timing(record: Record) -> str:
    p = record.profile
    return f"{p.backend}, {p.precision}, {p.latency_input}, machine {p.machine}" if p else ""
