"""Headings of scores, CSV files and Markdown tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from srbench.escaping import csv_text
from srbench.files import atomic_write

CsvValue: TypeAlias = str | int | float | None
CsvRow: TypeAlias = dict[str, CsvValue]
"""Value by column name; None is an empty cell."""
REIMPLEMENTED = "reimplementation of a method whose paper leaves details open"
"""What a star behind a name says."""
STAR = f"\\* {REIMPLEMENTED}."
"""A sentence with the same meaning, below a table of Markdown."""
LABELS = {
    "psnr_y": "PSNR-Y", "ssim_y": "SSIM-Y", "psnr_rgb": "PSNR-RGB", "ssim_rgb": "SSIM-RGB", "lpips": "LPIPS",
}  # fmt: skip
UNITS = {"_db": "dB", "_percent": "%"}
"""Units by the end of a column's name."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A score column: one metric under one protocol id."""

    metric: str
    protocol: str
    column: str
    higher_is_better: bool
    decimals: int
    given: str = field(default="", compare=False)
    """What the records call the metric; empty if they do not say."""

    @property
    def label(self) -> str:
        """The name of the metric for people."""
        return self.given or LABELS.get(self.metric, self.metric)

    @property
    def sign(self) -> float:
        """1 where a larger score is better, else -1."""
        return 1.0 if self.higher_is_better else -1.0

    @property
    def arrow(self) -> str:
        """The direction of better scores, as it follows a name."""
        return "↑" if self.higher_is_better else "↓"

    @property
    def unit(self) -> str:
        """The unit, from the column's name; "" without one."""
        return next((unit for end, unit in UNITS.items() if self.column.endswith(end)), "")

    @property
    def bracketed_unit(self) -> str:
        """The unit as it follows a name: " [dB]"; "" without one."""
        return f" [{self.unit}]" if self.unit else ""


def write_csv(path: Path, header: Sequence[str], rows: Iterable[CsvRow]) -> None:
    """Write a table whole or not at all; UTF-8, commas, Unix line ends, empty cells for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if value is None else cell_text(value) for value in map(row.get, header)] for row in rows)
    atomic_write(path, text.getvalue())


def cell_text(value: CsvValue) -> str:
    """Return the text of a value in a CSV file: 12 significant digits, nothing for None, no text as a formula."""
    if value is None:
        return ""
    return csv_text(value) if isinstance(value, str) else f"{value:.12g}" if isinstance(value, float) else str(value)


def signed(value: float, decimals: int) -> str:
    """Return a difference with its sign, which a rounded zero does not have."""
    text = f"{abs(value):.{decimals}f}"
    return text if float(text) == 0 else ("+" if value > 0 else "−") + text


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """Return a Markdown table, padded so that its source is readable; the first ``left`` columns are left-aligned."""
    widths = [max(3, *(len(r[i]) for r in [header, *rows])) for i in range(len(header))]
    rule = ["-" * w if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]

    def join(cells: Sequence[str]) -> str:
        padded = (c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        return f"| {' | '.join(padded)} |"

    return [join(header), join(rule), *(join(row) for row in rows)]
