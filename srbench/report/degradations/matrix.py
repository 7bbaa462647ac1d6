"""Trained on one degradation, tested on another: the matrix of both, and how robust a method is.

A degradation is a model's *own* where both belong to one setting (`DegradationSpec.setting`): a network trained on
isotropic blurs of random widths is at home on the eight blurs of Gaussian8. All others are *foreign*.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from srbench.records import Record, RowId
from srbench.report.distillation.gains import CONTROL
from srbench.report.headings import Heading
from srbench.report.leaderboard.tables import Line, Section, Table, Value, method_title
from srbench.report.pairing import Gain, paired_gain, scores_by_seed

PLAIN = "bicubic"
"""The training degradation that others are compared with."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A test degradation: a column of the matrix."""

    degradation: str
    label: str
    setting: str
    headline: Heading


@dataclass(slots=True, kw_only=True)
class Row:
    """A method trained on one degradation; or one that was not trained."""

    line: Line
    """Of the first test degradation that it was measured under."""
    method: str
    """Architecture, distiller and teacher, for people."""
    lines: dict[Trial, Line] = field(default_factory=dict)
    scores: dict[Trial, Value] = field(default_factory=dict)
    over_plain: dict[Trial, Gain] = field(default_factory=dict)
    """Gain over the same method trained on bicubic reduction, or over plain training on it where there is none."""
    drop: float | None = None
    """Mean over its own test degradations minus the mean over the foreign ones; in the headline's unit."""
    behind: float | None = None
    """How much better the same method is where it was trained on the foreign degradations: the mean over those for
    which there is such a training, the best of them where there are several."""

    @property
    def train_degradation(self) -> str | None:
        """What it was trained on."""
        return self.line.first.model.train_degradation

    @property
    def train_setting(self) -> str | None:
        """What that stands for."""
        return self.line.first.model.train_setting or self.train_degradation

    def is_own(self, test: Trial) -> bool:
        """Whether it was trained on what the test degradation stands for."""
        return test.setting == self.train_setting

    def mean(self, tests: Sequence[Trial]) -> float | None:
        """Mean over some test degradations; None unless it has a score under each."""
        means = [self.scores[test].mean for test in tests if test in self.scores]
        numbers = [mean for mean in means if mean is not None]
        return statistics.fmean(numbers) if tests and len(numbers) == len(tests) else None


@dataclass(slots=True, kw_only=True)
class Crossing:
    """The matrix of one dataset at one scale under one protocol preset."""

    section: Section
    """Of the first test degradation."""
    table: Table
    tests: list[Trial]
    rows: list[Row]
    """By method and training degradation; those that were not trained come first."""

    @property
    def trained(self) -> list[Row]:
        """Rows that were trained on something."""
        return [row for row in self.rows if row.train_degradation]


def make_crossings(sections: Iterable[Section]) -> list[Crossing]:
    """A matrix wherever a trained method was measured under a degradation of another setting than its own."""
    groups: dict[tuple[str, int, str, str], list[tuple[Section, Table]]] = {}
    for section in sections:
        for table in section.tables:
            if table.headline:
                key = (section.protocol, section.scale, table.dataset, table.inference)
                groups.setdefault(key, []).append((section, table))
    crossings = [_crossing(tables) for tables in groups.values()]
    return [c for c in crossings if any(not row.is_own(test) for row in c.trained for test in row.scores)]


def _crossing(tables: Sequence[tuple[Section, Table]]) -> Crossing:
    lines: dict[Trial, dict[RowId, Line]] = {}
    for section, table in tables:
        if table.headline is None:
            continue
        first = table.lines[0].first
        setting = first.degradation_setting or section.degradation
        test = Trial(section.degradation, section.degradation_label, setting, table.headline)
        lines[test] = {_training(line): line for line in table.lines}
    rows: dict[RowId, Row] = {}
    for test, found in lines.items():
        for key, line in found.items():
            row = rows.setdefault(key, Row(line=line, method=_title(line.first)))
            row.lines[test], row.scores[test] = line, line.scores[test.headline]
    crossing = Crossing(
        section=tables[0][0], table=tables[0][1], tests=list(lines), rows=sorted(rows.values(), key=_order)
    )
    for key, row in rows.items():
        _count_robustness(row, crossing, rows, key)
        if row.train_degradation:
            for test, found in lines.items():
                _compare(row, test, key, found)
    return crossing


def _training(line: Line) -> RowId:
    """What a method has in common under all test degradations."""
    return line.first.row_id.method._replace(degradation="")


def _title(record: Record) -> str:
    """The method alone: no table of a matrix says "trained on" twice."""
    return method_title(record.model_copy(update={"degradation": record.model.train_degradation or ""}))


def _order(row: Row) -> tuple[object, ...]:
    m = row.line.first.model
    return (m.source == "trained", m.architecture, m.distiller != CONTROL, _training(row.line))


def _compare(row: Row, test: Trial, key: RowId, found: Mapping[RowId, Line]) -> None:
    """Count what training on something else than bicubic reduction gains under one test degradation."""
    own = found.get(key)
    recipe = row.line.first.model.recipe or ""  # plain training has the recipe's own steps, whatever the budget
    same = key._replace(train_degradation=PLAIN)
    base = found.get(same) or found.get(same._replace(distiller=CONTROL, teacher="", recipe=recipe))
    if own and base and base is not own:
        scores, theirs = (scores_by_seed(line.records, test.headline) for line in (own, base))
        if gain := paired_gain(scores, theirs, test.headline):
            row.over_plain[test] = gain


def _count_robustness(row: Row, crossing: Crossing, rows: Mapping[RowId, Row], key: RowId) -> None:
    own, foreign = ([t for t in crossing.tests if row.is_own(t) == is_own] for is_own in (True, False))
    mine, others = row.mean(own), row.mean(foreign)
    if not row.train_degradation or not foreign:
        return
    sign = crossing.tests[0].headline.sign
    if mine is not None and others is not None:
        row.drop = sign * (mine - others)
    losses = []
    for test in foreign:
        specialists = [
            r for k, r in rows.items() if r.is_own(test) and k._replace(train_degradation=key.train_degradation) == key
        ]
        best = [mean for r in specialists if (mean := r.mean([test])) is not None]
        score = row.mean([test])
        if best and score is not None:
            losses.append(max(sign * mean for mean in best) - sign * score)
    row.behind = statistics.fmean(losses) if losses else None
