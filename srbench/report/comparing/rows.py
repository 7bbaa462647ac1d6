"""Rows of a leaderboard as text: what identifies them, and what their cells mean."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from typing import TypeAlias

from srbench.records.row import RowId
from srbench.report.formats import UNITS
from srbench.report.leaderboard.columns import COSTS, NAMING, PER_METRIC, dtype_of

Cells: TypeAlias = Mapping[str, str]
"""Text by column name, "" for an empty cell: a row of ``leaderboard.csv``."""
Identity: TypeAlias = tuple[str, ...]
"""The texts of the fields of `RowId`."""

_FIXED = {c.name for c in (*NAMING, *COSTS)} | {"reasons"}
_COUNTS = {
    "parameters", "parameters_deployed", "macs_720p_g", "macs_256_g", "macs_input_m", "input_bytes", "table_bytes",
    "lookups_per_pixel", "evaluations",
}  # fmt: skip


def identity_of(row: Cells) -> Identity:
    """Return what identifies a row."""
    return tuple(row[name] for name in RowId._fields)


def without(identity: Identity, *fields: str) -> Identity:
    """Return what identifies all rows that differ in some fields only; these are "" in it."""
    return tuple("" if name in fields else text for name, text in zip(RowId._fields, identity, strict=True))


def row_title(identity: Identity) -> str:
    """Return the title of a row: "espcn, logits from edsr_wide, photographs x2, bicubic, seed 0"."""
    cell = dict(zip(RowId._fields, identity, strict=True))
    model = cell["architecture"] + (f".{cell['checkpoint']}" if cell["checkpoint"] else "")
    parts = [model]
    if cell["distiller"] not in {"", "none"}:
        parts.append(cell["distiller"] + (f" from {cell['teacher']}" if cell["teacher"] else ""))
    parts += [f"{cell['dataset']} x{cell['scale']}", cell["degradation"]]
    if cell["train_degradation"] not in {"", cell["degradation"]}:
        parts.append(f"trained on {cell['train_degradation']}")
    parts += [cell["recipe"], f"seed {cell['seed']}" if cell["seed"] else "", cell["protocol"]]
    parts.append("" if cell["inference"] == "whole" else cell["inference"])
    parts.append(f"realisation {cell['realisation']}" if cell["realisation"] else "")
    return ", ".join(p for p in parts if p)


def number(text: str) -> float | None:
    """Return a cell as a number; None if it is empty, text, infinite or NaN."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@functools.cache
def holds_numbers(column: str) -> bool:
    """Whether a column of a leaderboard can be compared as numbers."""
    return dtype_of(column) != "string" and all(column != known.name for known in NAMING)


@functools.cache
def is_score(column: str) -> bool:
    """Whether a column has the mean score of a metric."""
    return column not in _FIXED and not column.endswith((*PER_METRIC, "_protocol"))


@functools.cache
def is_watched(column: str) -> bool:
    """Whether changes of a column are listed without a rule: scores and counts, which do not depend on the machine."""
    return is_score(column) or column in _COUNTS


@functools.cache
def decimals_of(column: str) -> int:
    """Return how many decimals leaderboards print of a score: 2 with a unit, such as dB or %, else 4."""
    return 2 if column.endswith(tuple(UNITS)) else 4


def is_equal(column: str, base: float, head: float) -> bool:
    """Whether nothing changed: two scores differ by less than what leaderboards print, other numbers not at all."""
    return round(head - base, decimals_of(column)) == 0 if is_score(column) else head == base


def protocol_of(row: Cells, column: str) -> str:
    """Return the protocol id of a score column, or of a column that belongs to one; "" for any other."""
    for ending in ("", *PER_METRIC):
        name = column.removesuffix(ending)
        for metric in (name, name.removesuffix("_db")):
            if f"{metric}_protocol" in row:
                return row[f"{metric}_protocol"]
    return ""


def reason_of(row: Cells, column: str) -> str:
    """Return why a cell is empty; "" if the row does not say."""
    found = re.search(rf"(?:^|; ){re.escape(column)}: (.*?)(?=; [\w:]+: |$)", row.get("reasons", ""))
    return found[1] if found else ""
