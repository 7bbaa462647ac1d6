"""Rows of small leaderboards, and rules to compare them with."""

import csv
from pathlib import Path
from typing import Any

from helpers.records import make_record, quick_records
from srbench.records.record import Record
from srbench.report.comparing.rules import parse_rule
from srbench.report.formats import cell_text
from srbench.report.leaderboard.columns import METRICS, leaderboard_columns, leaderboard_row

KNOWN = leaderboard_columns()
PSNR = parse_rule("psnr_y_db < -0.02", KNOWN)
LATENCY = parse_rule("latency_ms_p50 > +10%", KNOWN)


def rows_of(records: list[Record]) -> list[dict[str, str]]:
    return [{k: cell_text(v) for k, v in leaderboard_row(r, METRICS).items()} for r in records]


def one(**changes: Any) -> dict[str, str]:
    return rows_of([make_record(psnr=33.0)])[0] | changes


BASE = one()
QUICK = rows_of(quick_records())


def written(folder: Path, rows: list[dict[str, str]], name: str = "leaderboard.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
