"""Tables of results as data frames, with the columns of the CSV files of a report and a dtype for each.

Texts are "string", counts "Int64" and other numbers "float64". Scales are "Int64" if all are whole, "float64" if all
have one factor, else "string". What is missing is NA or NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from srbench.records.record import Record
from srbench.records.row import RowId
from srbench.report.distillation.gains import make_gain_tables
from srbench.report.distillation.page import csv_columns, csv_rows
from srbench.report.formats import CsvValue, cell_text
from srbench.report.leaderboard.columns import (
    Dtype,
    dtype_of,
    image_columns,
    image_rows,
    metric_columns,
    sample_columns,
    sample_rows,
)
from srbench.report.leaderboard.sections import make_sections, rank_order

if TYPE_CHECKING:
    import pandas as pd

_GAIN_COUNTS = ("rank", "_seeds", "_images", "train_steps")
_GAIN_TEXTS = (*RowId._fields, "student", "form", "reimplementation", "metric")


def frame_of_cells(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Return the rows of ``leaderboard.csv``; its column ``reasons`` says why cells are empty."""
    return _typed(rows, list(rows[0]) if rows else ["scale"], dtype_of)


def frame_of_images(records: Iterable[Record]) -> pd.DataFrame:
    """Return the rows of ``per_image.csv``: one for each image of each record, in the order of the leaderboard.

    A column ``reasons`` is added, which says why scores are missing.
    """
    ordered = rank_order(list(records))
    metrics = metric_columns(ordered)
    rows = [
        _texts(row | {"reasons": _missing(record, metrics, row)})
        for record in ordered
        for row in image_rows(record, metrics)
    ]
    return _typed(rows, [*image_columns(metrics), "reasons"], _dtype_of_images)


def frame_of_samples(records: Iterable[Record]) -> pd.DataFrame:
    """Return the rows of ``per_sample.csv``; none unless several sr were drawn of an image."""
    ordered = rank_order(list(records))
    metrics = metric_columns(ordered)
    rows = [_texts(row) for record in ordered for row in sample_rows(record, metrics)]
    return _typed(rows, sample_columns(metrics), _dtype_of_images)


def frame_of_gains(records: Iterable[Record]) -> pd.DataFrame:
    """Return the rows of ``distillation.csv``; none unless a student was trained in two ways."""
    tables = make_gain_tables(make_sections(records))
    return _typed([_texts(row) for row in csv_rows(tables)], csv_columns(tables), _dtype_of_gains)


def _missing(record: Record, metrics: Mapping[str, str], row: Mapping[str, CsvValue]) -> str | None:
    """Return why an image lacks scores, as ``reasons`` of ``leaderboard.csv`` says it."""
    reasons = []
    for name, column in metrics.items():
        if row.get(column) is None:
            score = record.scores.get(name)
            why = "not among the suite's metrics" if score is None else score.reason or "infinite, or not computed"
            reasons.append(f"{column}: {why}")
    return "; ".join(reasons) or None


def _dtype_of_images(column: str) -> Dtype:
    return {"image": "string", "sample": "Int64"}.get(column) or dtype_of(column)  # type: ignore[return-value]


def _dtype_of_gains(column: str) -> Dtype:
    if column in _GAIN_TEXTS or column.endswith("_verdict"):
        return "string"
    return "Int64" if column.endswith(_GAIN_COUNTS) else "float64"


def _texts(row: Mapping[str, CsvValue]) -> dict[str, str]:
    """Return the texts that a CSV file has, so that it gives the same frame as the records."""
    return {name: cell_text(value) for name, value in row.items()}


def _typed(rows: Sequence[Mapping[str, str]], columns: Sequence[str], dtype: Callable[[str], Dtype]) -> pd.DataFrame:
    import pandas as pd

    texts = [[row.get(name, "") for name in columns] for row in rows]
    frame = pd.DataFrame(texts, columns=list(columns), dtype="string").replace("", pd.NA)
    dtypes = {column: dtype(column) for column in columns} | {"scale": _dtype_of_scales(frame["scale"])}
    # by way of floats, since a spreadsheet writes 12 as 12.0
    counts = {column: "Float64" for column, kind in dtypes.items() if kind == "Int64"}
    return frame.astype(counts).astype(dtypes)


def _dtype_of_scales(texts: Iterable[str]) -> Dtype:
    """Return the dtype of the scales: counts if all are whole, else numbers, or texts if one has two factors."""
    scales = [text for text in texts if isinstance(text, str)]
    if any("x" in scale for scale in scales):
        return "string"
    return "float64" if any(not float(scale).is_integer() for scale in scales) else "Int64"
