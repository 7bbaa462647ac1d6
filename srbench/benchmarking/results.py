"""The results of a run, as records and as data frames, and how they show themselves."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.errors import DataError
from srbench.garbage import without_collections
from srbench.plain import PlainConsole
from srbench.records.record import Record
from srbench.report.build import ReportFiles, build_report
from srbench.report.comparing.reading import read_side, side_of
from srbench.report.comparing.rows import is_score
from srbench.report.comparing.sides import Side
from srbench.report.frames import frame_of_cells, frame_of_gains, frame_of_images, frame_of_samples
from srbench.report.leaderboard.sections import make_sections
from srbench.report.leaderboard.tables import Section
from srbench.report.reading import has_records, read_records
from srbench.report.terminal import drawn_tables, print_tables

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from srbench.running.runner import Outcome

_SHOWN = ("label", "checkpoint", "distiller", "seed", "dataset", "scale", "degradation", "status")
_WIDTH = 160
"""Characters of a table in a notebook, which scrolls."""


class Results:
    """The results of a run: what was measured, as records and as data frames.

    In a terminal and in a notebook, results show themselves as the tables of the leaderboard.

    Attributes:
        path: A results folder, or the CSV file of a leaderboard; None if no file was written.
        outcome: How many cells a run measured and took from the cache, and which failed; None if nothing was run.
    """

    def __init__(
        self, path: Path | None, *, records: Iterable[Record] | None = None, outcome: Outcome | None = None
    ) -> None:
        """Take where results are; the records themselves if they are in no folder."""
        self.path, self.outcome = path, outcome
        if records is not None:
            self.records = tuple(records)

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The record of every cell: settings, scores, costs, environment; see `srbench.records.record.Record`.

        Raises:
            DataError: They are of a CSV file, which has no records, or cannot be read.
        """
        folder = self._folder()
        if not has_records(folder):
            raise DataError(f"{folder} has no records, only tables; run its suite, or give a results folder with them.")
        return read_records(folder).records

    @cached_property
    def side(self) -> Side:
        """The rows as texts, for comparisons.

        Raises:
            DataError: There is no such file or folder, it is not a leaderboard, or it has a row twice.
        """
        return read_side(self.path) if self.path and self._is_a_table else side_of(self.records)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row for each cell, with the columns of ``leaderboard.csv``; ``reasons`` says why values are missing.

        Raises:
            DataError: See `side`.
        """
        return frame_of_cells(self.side.rows)

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row for each image of each cell, with the columns of ``per_image.csv``, and ``reasons`` likewise.

        Raises:
            DataError: See `records`.
        """
        return frame_of_images(self.records)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row for each sample of an image, with the columns of ``per_sample.csv``; none unless several were drawn.

        Raises:
            DataError: See `records`.
        """
        return frame_of_samples(self.records)

    @cached_property
    def gains(self) -> pd.DataFrame:
        """One row for each distiller and metric, with the columns of ``distillation.csv``: gains with their intervals.

        It is empty unless a student was trained in two ways.

        Raises:
            DataError: See `records`.
        """
        return frame_of_gains(self.records)

    def report(self) -> ReportFiles:
        """Write the leaderboards of a results folder, unless they are up to date, and return which files there are.

        Raises:
            DataError: There are no records.
            StoreError: The folder cannot be written.
        """
        return self._report

    @cached_property
    @without_collections()
    def _report(self) -> ReportFiles:
        return build_report(self._folder())

    def _folder(self) -> Path:
        if self.path is None:
            raise DataError("These results were not written to a folder; give srbench.evaluate one with results=.")
        if self.path.is_file():
            raise DataError(f"{self.path} is a table without records; give the results folder that it comes from.")
        return self.path

    @cached_property
    def _sections(self) -> list[Section]:
        return make_sections(self.records)

    @property
    def _is_a_table(self) -> bool:
        """Whether there are no records to draw."""
        return self.path is not None and "records" not in self.__dict__ and not has_records(self.path)

    @property
    def _scores(self) -> pd.DataFrame:
        """The cells without what few people look at."""
        return self.cells[[name for name in map(str, self.cells) if name in _SHOWN or is_score(name)]]

    def __repr__(self) -> str:
        """Return the tables as text."""
        if self._is_a_table:
            return self._scores.to_string()
        text = io.StringIO()
        print_tables(PlainConsole(file=text, width=_WIDTH), self._sections)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def _repr_html_(self) -> str:
        """Return the tables for a notebook."""
        if self._is_a_table:
            return str(self._scores.to_html())
        return "\n".join(map(_html_of, drawn_tables(self._sections, _WIDTH)))


def _html_of(table: Table) -> str:
    """Return a table that was drawn for a terminal as HTML."""

    def row(cells: Iterable[object], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    rows = zip(*(column.cells for column in table.columns), strict=True)
    heads = row((column.header for column in table.columns), "th")
    body = "".join(row(cells, "td") for cells in rows)
    caption = html.escape(str(table.title))
    return f"<table><caption>{caption}</caption><thead>{heads}</thead><tbody>{body}</tbody></table>"


def read_results(path: Path | str) -> Results:
    """Read the results of a run: ``srbench.read_results("results").cells`` is a data frame.

    Args:
        path: A results folder, a folder of records, or the CSV file of a leaderboard, which has ``cells`` alone.

    Raises:
        DataError: There is no such file or folder, it is not a leaderboard, or it has a row twice.
    """
    results = Results(Path(path))
    _ = results.side  # a fault is better reported here than where a frame is first used
    return results
