"""The curves of a training as a CSV file: a row for every point, a column for every curve."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from srbench.files import atomic_write

STEP = "step"
"""The first column: steps that were done."""

Plot = Callable[[int, Mapping[str, float]], None]
"""Adds a point at a step to each of some named curves."""


class CurveFile:
    """The file of one training, which a resumed training continues.

    A point is one line, written at once. The file is written again where a later phase has curves of its own.
    """

    def __init__(self, path: Path, done: int) -> None:
        """Keep the points of an earlier process up to step ``done``, and drop what came after its last checkpoint.

        Raises:
            StoreError: The file cannot be written.
        """
        self._path = path
        self._columns, self._rows = _read(path, done)
        self._write()

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point.

        Raises:
            OSError: The disk is full.
        """
        row = {STEP: str(step)} | {name: repr(float(value)) for name, value in values.items()}
        self._rows.append(row)
        if fresh := [name for name in row if name not in self._columns]:
            self._columns += fresh
            self._write()
        else:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                self._writer(file).writerow(row)

    def _write(self) -> None:
        text = io.StringIO()
        writer = self._writer(text)
        writer.writeheader()
        writer.writerows(self._rows)
        atomic_write(self._path, text.getvalue())

    def _writer(self, file: io.TextIOBase) -> csv.DictWriter[str]:
        return csv.DictWriter(file, self._columns, lineterminator="\n")


def _read(path: Path, done: int) -> tuple[list[str], list[dict[str, str]]]:
    """Return columns and rows of a file up to a step; a line that a killed process did not finish is dropped."""
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8", errors="replace")))
        columns, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, csv.Error):
        columns, rows = [], []
    if columns[:1] != [STEP]:
        return [STEP], []
    kept = []
    for row in rows:
        with suppress(ValueError, TypeError, AttributeError):
            whole = {name: text for name, text in row.items() if text and (name == STEP or float(text) is not None)}
            if int(row[STEP]) <= done and None not in row.values():
                kept.append(whole)
    return columns, kept
