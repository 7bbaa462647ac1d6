"""Scores by training degradation and test degradation, and how robust each method is.

A test degradation is *in-domain* for a model that was trained on the same setting (`DegradationSpec.setting`), as the
eight kernels of Gaussian8 are for a network trained on isotropic blurs of random widths. Others are *out-of-domain*.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from srbench.records.record import Record
from srbench.records.row import RowId
from srbench.report.distillation.gains import CONTROL
from srbench.report.formats import Heading
from srbench.report.leaderboard.tables import Labels, Line, Section, Table, Value, method_title, training_title
from srbench.report.pairing import Gain, paired_gain, scores_by_seed
from srbench.scales import Scale

PLAIN = "bicubic"
"""The training degradation over which gains are counted."""


@dataclass(frozen=True, slots=True)
class MatrixColumn:
    """A test degradation."""

    degradation: str
    label: str
    setting: str
    headline: Heading


@dataclass(slots=True, kw_only=True)
class MatrixRow:
    """A method trained on one degradation, or one that was not trained."""

    line: Line
    """The line of the first test degradation under which it was measured."""
    method: str
    """Architecture, distiller and teacher, for people."""
    trained_on: str
    """The training degradation, for people; "" where nothing was trained."""
    lines: dict[MatrixColumn, Line] = field(default_factory=dict)
    scores: dict[MatrixColumn, Value] = field(default_factory=dict)
    over_plain: dict[MatrixColumn, Gain] = field(default_factory=dict)
    """Gain over the same method trained on bicubic reduction, or over plain training on it if there is no such method.
    """
    out_of_domain_gap: float | None = None
    """Mean over the in-domain degradations minus the mean over the out-of-domain ones; in the headline's unit."""
    gap_to_specialist: float | None = None
    """How much better the same method is if it was trained on the out-of-domain degradation, averaged over those for
    which there is such a training; the best one counts if there are several."""

    @property
    def train_degradation(self) -> str | None:
        """The degradation on which it was trained."""
        return self.line.first.model.train_degradation

    @property
    def train_setting(self) -> str | None:
        """The setting of that degradation."""
        return self.line.first.model.train_setting or self.train_degradation

    def in_domain(self, column: MatrixColumn) -> bool:
        """Whether it was trained on the setting of a test degradation."""
        return column.setting == self.train_setting

    def mean(self, columns: Sequence[MatrixColumn]) -> float | None:
        """Return the mean over some test degradations; None unless it has a score under each."""
        means = [self.scores[column].mean for column in columns if column in self.scores]
        numbers = [mean for mean in means if mean is not None]
        return statistics.fmean(numbers) if columns and len(numbers) == len(columns) else None


@dataclass(slots=True, kw_only=True)
class Matrix:
    """The scores on one dataset at one scale under one protocol preset."""

    section: Section
    """The section of the first test degradation."""
    table: Table
    columns: list[MatrixColumn]
    rows: list[MatrixRow]
    """Sorted by method and training degradation; methods that were not trained come first."""

    @property
    def trained(self) -> list[MatrixRow]:
        """The rows of methods that were trained."""
        return [row for row in self.rows if row.train_degradation]


def make_matrices(sections: Iterable[Section]) -> list[Matrix]:
    """Make a matrix wherever a trained method was measured under an out-of-domain degradation."""
    groups: dict[tuple[str, Scale, str, str], list[tuple[Section, Table]]] = {}
    for section in sections:
        for table in section.tables:
            if table.headline:
                key = (section.protocol, section.scale, table.dataset, table.inference)
                groups.setdefault(key, []).append((section, table))
    trained = (tables for tables in groups.values() if any(_has_trained(table) for _, table in tables))
    matrices = map(_matrix, trained)
    return [m for m in matrices if any(not row.in_domain(column) for row in m.trained for column in row.scores)]


def _has_trained(table: Table) -> bool:
    return any(line.first.model.train_degradation for line in table.lines)


def _matrix(tables: Sequence[tuple[Section, Table]]) -> Matrix:
    lines: dict[MatrixColumn, dict[RowId, Line]] = {}
    for section, table in tables:
        if table.headline is None:
            continue
        setting = table.lines[0].first.degradation_setting or section.degradation
        column = MatrixColumn(section.degradation, section.degradation_label, setting, table.headline)
        lines[column] = {_training(line): line for line in table.lines}
    labels = Labels.of(record for _, table in tables for line in table.lines for record in line.records)
    rows: dict[RowId, MatrixRow] = {}
    for column, found in lines.items():
        for training, line in found.items():
            row = rows.setdefault(
                training,
                MatrixRow(
                    line=line, method=_title(line.first, labels), trained_on=training_title(line.first.model, labels)
                ),
            )
            row.lines[column], row.scores[column] = line, line.scores[column.headline]
    matrix = Matrix(
        section=tables[0][0], table=tables[0][1], columns=list(lines), rows=sorted(rows.values(), key=_order)
    )
    for training, row in rows.items():
        if row.train_degradation:
            _count_robustness(row, training, matrix, rows)
            for column, found in lines.items():
                _compare(row, training, column, found)
    return matrix


def _training(line: Line) -> RowId:
    """Return what a method has in common under all test degradations."""
    return line.first.row_id.method._replace(degradation="")


def _title(record: Record, labels: Labels) -> str:
    """Return the name of the method alone: the matrix has a column for what it was trained on."""
    return method_title(record.model_copy(update={"degradation": record.model.train_degradation or ""}), labels)


def _order(row: MatrixRow) -> tuple[object, ...]:
    m = row.line.first.model
    return (m.source == "trained", m.architecture, m.distiller != CONTROL, _training(row.line))


def _compare(row: MatrixRow, training: RowId, column: MatrixColumn, found: Mapping[RowId, Line]) -> None:
    """Count what is gained over training on bicubic reduction under one test degradation."""
    recipe = row.line.first.model.recipe or ""  # plain training has the recipe's own steps, for every budget
    same = training._replace(train_degradation=PLAIN)
    own = found.get(training)
    base = found.get(same) or found.get(same._replace(distiller=CONTROL, teacher="", recipe=recipe))
    if own and base and base is not own:
        own_scores, base_scores = (scores_by_seed(line.records, column.headline) for line in (own, base))
        if gain := paired_gain(own_scores, base_scores, column.headline):
            row.over_plain[column] = gain


def _count_robustness(row: MatrixRow, training: RowId, matrix: Matrix, rows: Mapping[RowId, MatrixRow]) -> None:
    inside, outside = ([c for c in matrix.columns if row.in_domain(c) == is_inside] for is_inside in (True, False))
    if not outside:
        return
    sign = matrix.columns[0].headline.sign
    inside_mean, outside_mean = row.mean(inside), row.mean(outside)
    if inside_mean is not None and outside_mean is not None:
        row.out_of_domain_gap = sign * (inside_mean - outside_mean)
    same_method = [
        other for key, other in rows.items() if key._replace(train_degradation=training.train_degradation) == training
    ]
    gaps = []
    for column in outside:
        specialists = [other.mean([column]) for other in same_method if other.in_domain(column)]
        best = [mean for mean in specialists if mean is not None]
        score = row.mean([column])
        if best and score is not None:
            gaps.append(max(sign * mean for mean in best) - sign * score)
    row.gap_to_specialist = statistics.fmean(gaps) if gaps else None
