"""The rows of ``leaderboard.csv`` and ``per_image.csv``."""

from __future__ import annotations

from collections.abc import Mapping

from srbench.records import Record
from srbench.report.csv_files import CsvRow
from srbench.report.leaderboard.columns import COSTS, METRICS, NAMING, PER_METRIC


def leaderboard_row(record: Record, metrics: Mapping[str, str]) -> CsvRow:
    """Return the row of a record in ``leaderboard.csv``."""
    row: CsvRow = {c.name: c.read(record) for c in NAMING}
    scores = [(metrics[name], record.scores.get(name)) for name in metrics]
    row |= {column: score.value if score else None for column, score in scores}
    for column, score in scores:
        row |= {column + ending: read(score) if score else None for ending, (_, read) in PER_METRIC.items()}
    row |= {c.name: c.read(record) for c in COSTS}
    row |= {f"{name}_protocol": record.scores[name].protocol if name in record.scores else None for name in metrics}
    row["reasons"] = "; ".join(f"{name}: {why}" for name, why in empty_cells(record, metrics).items()) or None
    return row


def empty_cells(record: Record, metrics: Mapping[str, str] = METRICS) -> dict[str, str]:
    """Return why cells of a record are empty, by column. A failed cell gives its cause once, under "cell"."""
    if record.status == "failed":
        return {"cell": _one_line(record.reason or "failed without saying why")}
    reasons: dict[str, str] = {}
    for name, column in metrics.items():
        score = record.scores.get(name)
        if score is None:
            reasons[column] = "not among the suite's metrics"
        elif score.value is None:
            reasons[column] = _one_line(score.reason or "")
    if record.profile is None:
        return reasons | {"costs": "not profiled"}
    for name, measured in record.profile.figures.items():
        if measured.value is None:
            reasons[name] = _one_line(measured.reason or "")
    return reasons


def image_rows(record: Record, metrics: Mapping[str, str]) -> list[CsvRow]:
    """Return the rows of a record in ``per_image.csv``."""
    naming: CsvRow = {c.name: c.read(record) for c in NAMING[:-1]}
    return [
        naming
        | {"image": image.name, "key": record.key}
        | {column: image.scores.get(name) for name, column in metrics.items()}
        for image in record.images
    ]


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
