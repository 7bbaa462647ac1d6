"""Gains of distillers and matrices of degradations as JSON: the content of distillation.md and degradations.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from srbench.report.degradations.matrix import PLAIN, Matrix, MatrixColumn, MatrixRow
from srbench.report.distillation.gains import GainLine, GainTable
from srbench.report.distillation.page import side_by_side, titled_lines, usual_teacher
from srbench.report.formats import Heading
from srbench.report.pairing import Gain


def gain_groups(tables: Sequence[GainTable], ids: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return the groups of tables side by side; ``ids`` names the row of a line by the line's ``id``."""
    return [_group(group, ids) for group in side_by_side(tables)]


def _group(group: Sequence[GainTable], ids: Mapping[int, str]) -> dict[str, Any]:
    first = group[0]
    model, section = first.control.model, first.section
    return {
        "title": f"{model.label} ×{section.scale} · {section.degradation_label} · {model.recipe}",
        "protocol": section.protocol,
        "trained_on": model.train_degradation if model.train_degradation != section.degradation else None,
        "teacher": usual_teacher(group),
        "bases": list(dict.fromkeys(base for table in group for base in table.bases if _used(table, base))),
        "tables": [
            {
                "place": table.table.place(", "),
                "headings": [_heading(heading) for heading in (table.headline, table.second) if heading],
                "lines": [_gain_line(title, line, table, ids) for title, line in lines.items()],
            }
            for table, lines in zip(group, titled_lines(group), strict=True)
        ],
    }


def _used(table: GainTable, base: str) -> bool:
    return any((base, table.headline) in line.over for line in table.lines)


def _heading(heading: Heading) -> dict[str, Any]:
    return {"label": heading.label, "unit": heading.unit, "decimals": heading.decimals, "id": heading.protocol}


def _gain_line(title: str, line: GainLine, table: GainTable, ids: Mapping[int, str]) -> dict[str, Any]:
    headings = [heading for heading in (table.headline, table.second) if heading]
    return {
        "title": title,
        "row": ids[id(line.line)],
        "rank": line.rank,
        "control": line is table.control,
        "failed": line.line.failed,
        "score": line.line.scores[table.headline].mean,
        "gains": {base: [_gain(line.over.get((base, heading))) for heading in headings] for base in table.bases},
        "milliseconds": line.costs.seconds_per_step * 1000 if line.costs else None,
        "ratio": line.time_ratio,
    }


def _gain(gain: Gain | None) -> list[float | str] | None:
    return [gain.mean, gain.low, gain.high, gain.verdict, gain.seeds, gain.images] if gain else None


def matrix_contents(matrix: Matrix, ids: Mapping[int, str]) -> dict[str, Any]:
    """Return the content of a matrix; ``ids`` names the row of a line by the line's ``id``."""
    section = matrix.section
    return {
        "title": f"{matrix.table.place(', ')} ×{section.scale} · {section.protocol}",
        "protocol": section.protocol,
        "plain": PLAIN,
        "columns": [
            {"label": column.label, "higher": column.headline.higher_is_better} | _heading(column.headline)
            | {"label": column.label, "metric": column.headline.label}
            for column in matrix.columns
        ],
        "rows": [
            {
                "method": row.method,
                "trained_on": row.trained_on,
                "cells": [_cell(row, column, ids) for column in matrix.columns],
                "gap": row.out_of_domain_gap,
                "specialist": row.gap_to_specialist,
            }
            for row in matrix.rows
        ],
    }  # fmt: skip


def _cell(row: MatrixRow, column: MatrixColumn, ids: Mapping[int, str]) -> list[Any] | None:
    """Return mean, spread, whether it is in-domain, the gain over plain training, and the row of the leaderboard."""
    value = row.scores.get(column)
    if value is None or value.mean is None:
        return None
    gain = _gain(row.over_plain.get(column))
    return [value.mean, value.spread, row.in_domain(column), gain, ids[id(row.lines[column])]]
