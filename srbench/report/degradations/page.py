"""Write degradations.md and degradations.csv: the matrices for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from srbench.escaping import markdown, markdown_code
from srbench.report.degradations.matrix import PLAIN, Matrix, MatrixColumn, MatrixRow
from srbench.report.distillation.page import gain_cells, gain_columns, marked
from srbench.report.formats import CsvRow, grid, signed
from srbench.report.pictures import picture_name

ABOUT = (
    "Each row is a method and its training degradation, each column a test degradation. The best scores of a column "
    "are **bold**. *Italic* scores are in-domain: training and test degradation have the same setting. The "
    "out-of-domain gap is the in-domain mean minus the out-of-domain mean; part of it is that degradations differ in "
    "difficulty. The gap to the specialist is how much better the same method is if it was trained on the "
    "out-of-domain degradation, averaged over those with such a training. The second table shows gains over training "
    f"on `{PLAIN}`, paired by image and seed, with 95 % intervals over both, marked as in `distillation.md`. "
    "`docs/results.md` explains the arithmetic and the CSV file."
)
COLUMNS = (
    "architecture", "checkpoint", "distiller", "teacher", "recipe", "train_degradation", "train_setting",
    "degradation", "setting", "in_domain", "dataset", "scale", "protocol", "inference", "metric", "score", "spread",
    *gain_columns(PLAIN), "out_of_domain_gap", "gap_to_specialist",
)  # fmt: skip
"""The header of degradations.csv."""


def heat_map_name(matrix: Matrix, kind: str = "heat_map") -> str:
    """Return the file name of the heat map, or of another kind of picture."""
    section, table = matrix.section, matrix.table
    inference = [] if table.inference == "whole" else [table.inference]
    return picture_name(kind, f"x{section.scale}", table.dataset, section.protocol, *inference)


def representation_name(matrix: Matrix) -> str:
    """Return the file name of the picture of representations."""
    return heat_map_name(matrix, "representation")


def render_page(matrices: Sequence[Matrix], pictures: Iterable[Path] = ()) -> str:
    """Return the text of degradations.md, which shows those pictures beside it that belong to its matrices."""
    shown = {picture.name for picture in pictures}
    out = ["# Degradations: training against test", "", ABOUT, ""]
    for matrix in matrices:
        out += [
            f"## {markdown(matrix.table.place(', '))} x{matrix.section.scale} · {markdown(matrix.section.protocol)}",
            "",
        ]
        if heat_map_name(matrix) in shown:
            out += [f"![Scores by training and test degradation]({heat_map_name(matrix)})", ""]
        out += [*_scores(matrix), ""]
        if any(row.over_plain for row in matrix.rows):
            out += [f"Gain over training on `{PLAIN}`:", "", *_gains(matrix), ""]
        if representation_name(matrix) in shown:
            out += ["The networks' representations of each test image's degradation, on two axes:", ""]
            out += [f"![Representations, coloured by kernel]({representation_name(matrix)})", ""]
        out += [f"<sub>{' · '.join(markdown_code(column.headline.protocol) for column in matrix.columns)}</sub>", ""]
    return "\n".join(out).rstrip() + "\n"


def _head(column: MatrixColumn) -> str:
    return f"{markdown(f'{column.label}: {column.headline.label}')}{column.headline.bracketed_unit}"


def _scores(matrix: Matrix) -> list[str]:
    decimals = matrix.columns[0].headline.decimals
    rows = []
    for row in matrix.rows:
        cells = [_score(matrix, row, column) for column in matrix.columns]
        ends = [
            "—" if value is None else signed(value, decimals)
            for value in (row.out_of_domain_gap, row.gap_to_specialist)
        ]
        rows.append([markdown(row.method), _trained_on(row), *cells, *ends])
    return grid(
        ["Method", "Trained on", *map(_head, matrix.columns), "Out-of-domain gap", "Gap to specialist"], rows, left=2
    )


def _trained_on(row: MatrixRow) -> str:
    return markdown(row.trained_on or "—")


def _score(matrix: Matrix, row: MatrixRow, column: MatrixColumn) -> str:
    value = row.scores.get(column)
    if value is None or value.mean is None:
        return "—"
    text = f"{value.mean:.{column.headline.decimals}f}"
    means = [v.mean for other in matrix.rows if (v := other.scores.get(column)) and v.mean is not None]
    best = max(means) if column.headline.higher_is_better else min(means)
    marked = f"**{text}**" if text == f"{best:.{column.headline.decimals}f}" else text
    return f"*{marked}*" if row.in_domain(column) else marked


def _gains(matrix: Matrix) -> list[str]:
    rows = [
        [
            markdown(row.method),
            _trained_on(row),
            *(marked(row.over_plain.get(c), c.headline.decimals) for c in matrix.columns),
        ]
        for row in matrix.trained
        if row.over_plain
    ]
    return grid(["Method", "Trained on", *map(_head, matrix.columns)], rows, left=2)


def csv_rows(matrices: Iterable[Matrix]) -> list[CsvRow]:
    """Return the rows of degradations.csv: one for each method, training degradation and test degradation."""
    return [_csv_row(row, column) for matrix in matrices for row in matrix.rows for column in row.scores]


def _csv_row(row: MatrixRow, column: MatrixColumn) -> CsvRow:
    gain, value = row.over_plain.get(column), row.scores[column]
    cells: CsvRow = {
        **row.line.first.row_id.cells, "train_setting": row.train_setting, "degradation": column.degradation,
        "setting": column.setting, "in_domain": str(row.in_domain(column)).lower() if row.train_degradation else None,
        "metric": column.headline.column, "score": value.mean, "spread": value.spread,
        "out_of_domain_gap": row.out_of_domain_gap, "gap_to_specialist": row.gap_to_specialist,
    }  # fmt: skip
    return cells | gain_cells(PLAIN, gain)
