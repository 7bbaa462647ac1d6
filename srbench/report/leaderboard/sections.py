"""Group records into the sections and tables of the leaderboard, and average seeds and realisations.

Scores under different protocol ids are never ranked together: a table holds one id of the headline metric, and another
id of any other metric gets its own column.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from itertools import groupby

from srbench.measuring.uncertainty import shared_ranks
from srbench.records.costs import Profile
from srbench.records.record import Record
from srbench.records.row import RowId
from srbench.records.scores import Score
from srbench.records.stored import Measured
from srbench.report.formats import Heading
from srbench.report.leaderboard.columns import METRICS
from srbench.report.leaderboard.costs import OF_IMAGES, costs_of
from srbench.report.leaderboard.tables import NO_LABELS, Labels, Line, Section, Table, Value, name_lines
from srbench.report.pairing import Rivals, averaged, in_common, scores_by_seed, statistics_of

_UNKNOWN = Measured(reason="not known for this network")


def make_sections(records: Iterable[Record]) -> list[Section]:
    """Group, aggregate and rank the newest records of every row."""
    sections = []
    records = list(records)
    labels = Labels.of(records)
    ordered = rank_order(records)
    for (protocol, degradation, scale), group in groupby(ordered, lambda r: (r.protocol, r.degradation, r.scale)):
        members = list(group)
        tables: dict[tuple[str, str, str], list[Record]] = {}
        ids = _headline_ids(members)
        for record in members:
            own = record.headline_score
            protocol_id = (
                record.table_protocol(own) if own else ids.get((record.dataset, record.applied, record.headline), "")
            )
            tables.setdefault((record.dataset, record.applied, protocol_id), []).append(record)
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
            record.protocol, record.degradation, record.scale, record.dataset, record.applied,
            value is None, quality, record.row_id.method, str(record.model.seed), str(record.realisation),
        )  # fmt: skip

    return sorted(records, key=place)


def make_table(records: Sequence[Record], labels: Labels = NO_LABELS) -> Table:
    """Rank records of one dataset whose headline scores share a protocol id; failed ones come last.

    Labels are for what records name without a label of their own.
    """
    groups: dict[RowId, list[Record]] = {}
    for record in records:
        groups.setdefault(record.row_id.method, []).append(record)
    lines = [
        Line(records=sorted(group, key=lambda r: (r.model.seed or 0, r.realisation or 0))) for group in groups.values()
    ]
    headings = _headings(records)
    headline = next((h for h in headings if h.metric == records[0].headline), None)
    costs = costs_of(records)
    for line in lines:
        line.scores = {h: _score(line, h) for h in headings}
        line.costs = {cost.name: _cost(line, cost.name) for cost in costs}
        line.timing = _timing(line.first)
        line.other_work = line.first.profile.other_work if line.first.profile else ""
    if headline:
        _rank_lines(lines, headline)
    name_lines(lines, labels)
    newest = max(records, key=lambda r: (r.certification is not None, r.created))
    return Table(
        dataset=newest.dataset,
        label=newest.dataset_label or newest.dataset,
        inference=newest.applied,
        certification=newest.certification,
        headline=headline,
        headings=headings,
        lines=lines,
        costs=costs,
    )


def _headline_ids(section: Iterable[Record]) -> dict[tuple[str, str, str], str]:
    """Return the first protocol id by dataset, inference and headline: cells without a score join its table."""
    ids: dict[tuple[str, str, str], str] = {}
    for record in section:
        if score := record.headline_score:
            place = record.dataset, record.applied, record.headline
            own = record.table_protocol(score)
            ids[place] = min(own, ids.get(place, own))
    return ids


def _paper_order(table: tuple[tuple[str, str, str], list[Record]]) -> tuple[int, str, tuple[str, str, str]]:
    """Sort small datasets first, as papers do: Set5, Set14, B100, Urban100, Manga109."""
    key, records = table
    dataset = records[0].dataset
    return max(len(r.images) for r in records), dataset, key


def _headings(records: Sequence[Record]) -> list[Heading]:
    order = list(METRICS)
    found = {
        Heading(s.metric, r.table_protocol(s), s.column, s.higher_is_better, s.decimals, s.label)
        for r in records
        for s in r.scores.values()
    }
    return sorted(
        found, key=lambda h: (order.index(h.metric) if h.metric in order else len(order), h.column, h.protocol)
    )


def _score(line: Line, heading: Heading) -> Value:
    scores = [(r, r.scores.get(heading.metric)) for r in line.records if r.status == "ok"]
    own = [score for record, score in scores if score and record.table_protocol(score) == heading.protocol]
    if own:
        return _over_samples(own) if any(score.samples for score in own) else _mean(own)
    return Value(reason=line.failed or "not measured under this protocol")


def _over_samples(scores: Sequence[Score]) -> Value:
    """Return the mean, and the deviation over the samples of all seeds and realisations together."""
    every = [value for score in scores for value in score.samples or (score.value,) if value is not None]
    return Value(_mean(scores).mean, statistics.stdev(every) if len(every) > 1 else None, _mean(scores).reason)


def _cost(line: Line, name: str) -> Value:
    if name in OF_IMAGES and not line.failed:
        return _cost_of_image(line, name)
    profiles: list[Profile] = [r.profile for r in line.records if r.profile]
    if profiles:
        return _mean([profiles[0].figures.get(name, _UNKNOWN)])  # which all seeds share
    return Value(reason=line.failed or "not profiled")


def _cost_of_image(line: Line, name: str) -> Value:
    found = [record.image_costs for record in line.records if record.image_costs]
    if found:
        return _mean([found[0].figures[name]])
    if line.first.drawn:
        return Value(reason="not measured")
    return Value(1.0) if name == "evaluations" else Value(reason="only where an image takes several evaluations")


def _mean(measured: Sequence[Measured]) -> Value:
    values = [m.value for m in measured if m.value is not None]
    if not values:
        return Value(reason=measured[0].reason)
    return Value(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def _timing(record: Record) -> str:
    p = record.profile
    return f"{p.backend}, {p.precision}, {p.latency_input}, machine {p.machine}" if p else ""


def _rank_lines(lines: list[Line], headline: Heading) -> None:
    """Sort lines by their headline score, and give them ranks, gains over bicubic interpolation and intervals."""
    # Failed cells come last; names decide the order of equal scores.
    lines.sort(key=lambda line: (
        (mean := line.scores[headline].mean) is None, -headline.sign * (mean or 0.0), line.first.row_id.method
    ))  # fmt: skip
    ranked = [line for line in lines if line.scores[headline].mean is not None]
    per_image = [_image_scores(line, headline.metric) for line in ranked]
    common = sorted(set.intersection(*(set(p) for p in per_image))) if per_image else []
    values = [[p[name] for name in common] for p in per_image]
    by_seed = [scores_by_seed(line.records, headline) for line in ranked]
    trained_again = any(len(scores) > 1 for scores in by_seed)
    better = Rivals(by_seed, headline).above if trained_again else None
    differing = statistics_of(by_seed).differing
    ranks = shared_ranks(values, higher_is_better=headline.higher_is_better, better=better, differing=differing)
    for line, rank in zip(ranked, ranks, strict=True):
        line.rank = rank
    base = next((line.scores[headline].mean for line in ranked if line.reference), None)
    for line, scores in zip(ranked, by_seed, strict=True):
        mean = line.scores[headline].mean
        line.gain = None if base is None or mean is None or line.reference else headline.sign * (mean - base)
        line.interval = statistics_of([scores]).interval(averaged(scores, *in_common([scores])))


def _image_scores(line: Line, metric: str) -> dict[str, float]:
    """Return the score of each image, averaged over seeds and realisations; all of them must have it."""
    scored = [r for r in line.records if r.status == "ok"]
    by_seed = [{i.name: i.scores.get(metric) for i in r.images} for r in scored]
    means = {}
    for name in by_seed[0] if by_seed else ():
        values = [seed.get(name) for seed in by_seed]
        numbers = [v for v in values if v is not None]
        if len(numbers) == len(values):
            means[name] = statistics.fmean(numbers)
    return means
