"""Choose rows and metrics of a leaderboard: the options of a run that select, and conditions on columns."""

from __future__ import annotations

import dataclasses
import math
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from srbench.errors import UnknownNameError, UsageError
from srbench.planning.overrides import EVERYTHING, Selection
from srbench.records.record import Record
from srbench.report.comparing.rules import OPERATORS
from srbench.report.formats import CsvValue
from srbench.report.leaderboard.columns import dtype_of, leaderboard_columns, leaderboard_row, metric_columns
from srbench.report.leaderboard.tables import Line, Section

_CONDITION = re.compile(r"\s*(?P<column>[^\s<>=!]+)\s*(?P<operator><=|>=|!=|<|>|=)\s*(?P<value>.*\S)\s*")


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a column of ``leaderboard.csv``: "latency_ms_p50 < 100", "architecture = edsr*"."""

    column: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.column} {self.operator} {self.value}"

    def holds(self, cells: Sequence[CsvValue]) -> bool:
        """Whether it holds for the cells of a method in the column: text of the first, or the mean of numbers."""
        numbers = [cell for cell in cells if isinstance(cell, (int, float))]
        if numbers and (wanted := _number(self.value)) is not None:
            mean = statistics.fmean(numbers)
            return math.isclose(mean, wanted) if self.operator == "=" else OPERATORS[self.operator](mean, wanted)
        same = fnmatchcase(str(cells[0] or "") if cells else "", self.value)
        return {"=": same, "!=": not same}.get(self.operator, False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The part of a leaderboard to show; everything without a choice."""

    rows: Selection = EVERYTHING
    conditions: tuple[Condition, ...] = ()
    metrics: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Wanted()

    def __str__(self) -> str:
        given = [str(self.rows)] if str(self.rows) else []
        return " and ".join([*given, *(f"--rows '{condition}'" for condition in self.conditions)])


def parse_condition(text: str, records: Sequence[Record]) -> Condition:
    """Read ``COLUMN OPERATOR VALUE`` for a column of the leaderboard of these records.

    Raises:
        UsageError: It cannot be understood, or compares a text with a number.
        UnknownNameError: There is no such column; the error names the nearest.
    """
    match = _CONDITION.fullmatch(text)
    signs = " ".join(("=", *OPERATORS))
    if match is None:
        raise UsageError(
            f"--rows {text!r} cannot be understood; write a column of leaderboard.csv, one of {signs} and a value: "
            "'latency_ms_p50 < 100', 'architecture = edsr*'."
        )
    condition = Condition(match["column"], match["operator"], match["value"])
    columns = leaderboard_columns(metric_columns(records), records)
    if condition.column not in columns:
        raise UnknownNameError.among("column", condition.column, columns, f"The condition is {text!r}.")
    compares = condition.operator not in {"=", "!="}
    if compares and (dtype_of(condition.column) == "string" or _number(condition.value) is None):
        raise UsageError(
            f"--rows {text!r} compares what is not a number; use = or !=, in which * stands for any text."
        )  # fmt: skip
    return condition


def chosen_metrics(records: Iterable[Record], names: Sequence[str]) -> tuple[Record, ...]:
    """Return records with these metrics alone; the first ranks where the metric that did is left out.

    Raises:
        UnknownNameError: No record has one of them.
    """
    records = tuple(records)
    if not names:
        return records
    columns = metric_columns(records)
    by_name = {name: name for name in columns} | {column: name for name, column in columns.items()}
    for name in names:
        if name not in by_name:
            raise UnknownNameError.among("metric", name, columns, "Give those of the records with --metrics.")
    kept = [by_name[name] for name in names]
    return tuple(_with_metrics(record, kept) for record in records)


def _with_metrics(record: Record, kept: Sequence[str]) -> Record:
    def chosen(scores: Mapping[str, float | None]) -> dict[str, float | None]:
        return {name: value for name, value in scores.items() if name in kept}

    images = tuple(
        image.model_copy(update={"scores": chosen(image.scores), "samples": tuple(map(chosen, image.samples))})
        for image in record.images
    )
    scores = {name: score for name, score in record.scores.items() if name in kept}
    headline = record.headline if record.headline in kept else kept[0]
    return record.model_copy(update={"scores": scores, "images": images, "headline": headline})


def chosen_sections(sections: Sequence[Section], wanted: Wanted, records: Sequence[Record]) -> list[Section]:
    """Return sections with the rows that are wanted alone; ranks and gains stay those of the complete tables.

    Raises:
        UsageError: No row is left.
    """
    fits = _fitting(wanted, metric_columns(records))
    chosen = []
    for section in sections:
        tables = [
            dataclasses.replace(table, lines=lines, _orders={})
            for table in section.tables
            if (lines := [line for line in table.lines if fits(line)])
        ]
        if tables:
            chosen.append(dataclasses.replace(section, tables=tables))
    if not chosen:
        lines = [line for section in sections for table in section.tables for line in table.lines]
        raise UsageError(f"No row fits {wanted}.{_nearest(lines, wanted, metric_columns(records))} Loosen one of them.")
    return chosen


def _fitting(wanted: Wanted, metrics: Mapping[str, str]) -> Callable[[Line], bool]:
    rows = wanted.rows

    def fits(line: Line) -> bool:
        first = line.first
        names = {
            first.model.architecture,
            f"{first.model.architecture}.{first.model.checkpoint}",
            first.model.distiller,
        }
        chosen = (
            (not rows.only or names & set(rows.only))
            and (not rows.scales or first.scale in rows.scales)
            and (not rows.datasets or first.dataset in rows.datasets)
            and (not rows.degradations or first.degradation in rows.degradations)
        )
        if not chosen or not wanted.conditions:
            return bool(chosen)
        cells = [leaderboard_row(record, metrics) for record in line.records]
        return all(c.holds([row.get(c.column) for row in cells]) for c in wanted.conditions)

    return fits


def _nearest(lines: Sequence[Line], wanted: Wanted, metrics: Mapping[str, str]) -> str:
    """Return the extreme of each column that a condition compares, over the rows that the other options leave."""
    others = _fitting(dataclasses.replace(wanted, conditions=()), metrics)
    out = ""
    for condition in wanted.conditions:
        cells = [
            leaderboard_row(r, metrics).get(condition.column) for line in lines if others(line) for r in line.records
        ]
        numbers = [cell for cell in cells if isinstance(cell, (int, float))]
        if numbers and condition.operator[0] in "<>":
            extreme = min(numbers) if condition.operator[0] == "<" else max(numbers)
            what = "smallest" if condition.operator[0] == "<" else "largest"
            out += f" The {what} {condition.column} is {extreme:g}."
    return out


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
