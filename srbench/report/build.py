"""Make every file of a results folder from its records, unless they stand there already."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from srbench.files import atomic_write
from srbench.report.degradations.matrix import Crossing, make_crossings
from srbench.report.degradations.page import crossing_columns, crossing_rows, render_crossings
from srbench.report.degradations.plots import crossing_pictures
from srbench.report.degradations.representations import representation_pictures
from srbench.report.distillation.gains import GainTable, make_gain_tables
from srbench.report.distillation.page import gain_columns, gain_rows, render_gains
from srbench.report.distillation.plots import gain_pictures
from srbench.report.leaderboard.columns import (
    Row,
    cell_text,
    image_columns,
    image_rows,
    leaderboard_columns,
    leaderboard_row,
    metric_columns,
    rank_order,
)
from srbench.report.leaderboard.crops import crop_pictures
from srbench.report.leaderboard.page import render_markdown
from srbench.report.leaderboard.plots import plot_pictures
from srbench.report.leaderboard.tables import make_sections
from srbench.report.packed import PACKED, lines_of, write_packed
from srbench.report.pictures import can_draw, draw_pictures
from srbench.report.reading import read_records

REPORT_VERSION = 5
"""Raised by hand whenever the same records give other files."""
STATE = ".report"
"""Beside the records: what was made from them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """What a report consists of."""

    csv: Path
    markdown: Path
    per_image: Path
    packed: Path
    """Every record that these were made from, in one file."""
    gains: tuple[Path, ...]
    """What distillers gained: Markdown, CSV and figures; empty where no student was trained in two ways."""
    crossings: tuple[Path, ...]
    """Training against test degradations, likewise; empty where no model was tested on another than its own."""
    figures: tuple[Path, ...]
    warnings: tuple[str, ...] = ()
    """Records that were skipped, figures that could not be drawn; a sentence each."""
    rebuilt: bool = True
    """False where everything stood there already."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, the most wanted first."""
        return (self.markdown, self.csv, *self.gains, *self.crossings, self.per_image, self.packed, *self.figures)


def build_report(results: Path, *, force: bool = False) -> ReportFiles:
    """Write ``leaderboard.csv``, ``leaderboard.md``, ``per_image.csv`` and the figures of a results folder.

    All its records go into one packed file, from which a copy of the folder without ``records`` gets the same tables.

    Where a student was trained in more than one way, ``distillation.md`` and ``distillation.csv`` say what was gained;
    where models were tested on foreign degradations, ``degradations.md`` and ``degradations.csv`` have the matrix.

    Args:
        results: Folder with ``records`` or a packed file.
        force: Make them even if they were made from just these records before.

    Returns:
        The files.

    Raises:
        DataError: There are no records, or the packed file is damaged.
        StoreError: The folder cannot be written.
    """
    records = read_records(results)
    state = records.folder / STATE
    facts = f"{REPORT_VERSION} {can_draw()} {records.damaged}\n{lines_of(records.records)}"
    digest = hashlib.sha256(facts.encode()).hexdigest()
    before = _read_state(state)
    files = ReportFiles(
        csv=results / "leaderboard.csv",
        markdown=results / "leaderboard.md",
        per_image=results / "per_image.csv",
        packed=results / PACKED,
        gains=tuple(results / name for name in before.gains),
        crossings=tuple(results / name for name in before.crossings),
        figures=tuple(results / name for name in before.figures),
        warnings=(*records.damaged, *before.warnings),
        rebuilt=False,
    )
    if not force and before.digest == digest and all(path.is_file() for path in files.paths):
        return files

    write_packed(results, records.records)
    metrics = metric_columns(records.records)
    ordered = rank_order(records.records)
    write_csv(files.csv, leaderboard_columns(metrics), (leaderboard_row(r, metrics) for r in ordered))
    write_csv(files.per_image, image_columns(metrics), (row for r in ordered for row in image_rows(r, metrics)))

    sections = make_sections(records.records)
    gain_tables, matrices = make_gain_tables(sections), make_crossings(sections)
    crops, unreadable = crop_pictures(results, records.folder, sections)
    pictures = {
        "figures": [*plot_pictures(results, sections), *crops],
        "gains": gain_pictures(results, gain_tables),
        "crossings": [
            *crossing_pictures(results, matrices), *representation_pictures(results, records.folder, matrices)
        ],
    }  # fmt: skip
    there, undrawn = draw_pictures(picture for group in pictures.values() for picture in group)
    shown = {name: tuple(p.path for p in group if p.path in there) for name, group in pictures.items()}
    gains = _write_gains(results, gain_tables, shown["gains"])
    crossings = _write_crossings(results, matrices, shown["crossings"])
    atomic_write(files.markdown, render_markdown(records, sections, shown["figures"], gains[:1], crossings[:1]))
    for stale in {*files.figures, *files.gains, *files.crossings} - {*shown["figures"], *gains, *crossings}:
        with suppress(OSError):
            stale.unlink(missing_ok=True)
    warnings = (*unreadable, *undrawn)
    made = _State(digest, _names(shown["figures"]), warnings, _names(gains), _names(crossings))
    atomic_write(state, json.dumps(made._asdict()))
    return dataclasses.replace(
        files,
        gains=gains,
        crossings=crossings,
        figures=shown["figures"],
        warnings=(*records.damaged, *warnings),
        rebuilt=True,
    )


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table whole or not at all; UTF-8, commas, Unix line ends, empty cells for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([cell_text(row.get(name)) for name in header] for row in rows)
    atomic_write(path, text.getvalue())


def _write_gains(results: Path, tables: Sequence[GainTable], figures: tuple[Path, ...]) -> tuple[Path, ...]:
    """Where there are any, the Markdown file first."""
    if not tables:
        return ()
    markdown, table = results / "distillation.md", results / "distillation.csv"
    atomic_write(markdown, render_gains(tables, figures))
    write_csv(table, gain_columns(tables), gain_rows(tables))
    return (markdown, table, *figures)


def _write_crossings(results: Path, crossings: Sequence[Crossing], figures: tuple[Path, ...]) -> tuple[Path, ...]:
    """As `_write_gains`."""
    if not crossings:
        return ()
    markdown, table = results / "degradations.md", results / "degradations.csv"
    atomic_write(markdown, render_crossings(crossings, figures))
    write_csv(table, crossing_columns(), crossing_rows(crossings))
    return (markdown, table, *figures)


def _names(files: Iterable[Path]) -> tuple[str, ...]:
    return tuple(file.name for file in files)


class _State(NamedTuple):
    digest: str = ""
    figures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    gains: tuple[str, ...] = ()
    crossings: tuple[str, ...] = ()


def _read_state(path: Path) -> _State:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return _State(str(state["digest"]), *(tuple(state[name]) for name in _State._fields[1:]))
    except (OSError, ValueError, KeyError, TypeError):
        return _State()
