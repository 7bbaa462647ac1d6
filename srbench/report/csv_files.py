"""Write a table as a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from srbench.files import atomic_write

CsvValue: TypeAlias = str | int | float | None
CsvRow: TypeAlias = dict[str, CsvValue]
"""Value by column name; None is an empty cell."""


def write_csv(path: Path, header: Sequence[str], rows: Iterable[CsvRow]) -> None:
    """Write a table whole or not at all; UTF-8, commas, Unix line ends, empty cells for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([cell_text(row.get(name)) for name in header] for row in rows)
    atomic_write(path, text.getvalue())


def cell_text(value: CsvValue) -> str:
    """Return the text of a value in a CSV file: 12 significant digits, nothing for None."""
    if value is None:
        return ""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
