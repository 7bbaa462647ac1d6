"""Make the files of a results folder again, or show and export a part of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from srbench.errors import UsageError
from srbench.garbage import without_collections
from srbench.report.build import build_report
from srbench.report.export import choose, export
from srbench.report.leaderboard.tables import Section
from srbench.report.pictures import FigureFormat
from srbench.report.reading import has_records
from srbench.report.selection import Wanted
from srbench.report.writing import USUAL_FIGURES, USUAL_TABLES, TableFormat
from srbench.running.store import results_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """The tables that somebody asked for, and the files that were written."""

    sections: Sequence[Section]
    paths: Sequence[Path] = ()
    warnings: Sequence[str] = ()


@without_collections()
def make_report(
    results: Path,
    wanted: Wanted = Wanted(),  # noqa: B008 - frozen
    conditions: Sequence[str] = (),
    *,
    tables: Sequence[TableFormat] | None = None,
    figures: Sequence[FigureFormat] | None = None,
    to: Path | None = None,
    images: bool = False,
) -> Reported:
    """Rebuild every file of a results folder; or show a part, and write it if a format or a folder is given.

    Args:
        results: The folder.
        wanted: Rows and metrics to keep.
        conditions: Further conditions on rows; see `srbench.report.selection.parse_condition`.
        tables: Formats of tables; the usual ones if none of the three is given.
        figures: Formats of figures, likewise.
        to: Folder to write to; the results folder if absent.
        images: Whether leaderboard.html shows the whole images too.

    Raises:
        DataError: There are no records.
        StoreError: The folder cannot be written, or another run writes to it.
        UsageError: Options exclude each other, or no row is left.
    """
    usual = tables is None and figures is None and to is None
    partial = not wanted.everything or bool(conditions)
    if usual and not partial:
        with results_lock(results) if has_records(results) else nullcontext():
            files = build_report(results, force=has_records(results), images=images)
        return Reported(sections=files.sections, paths=files.paths, warnings=files.warnings)
    if images:
        raise UsageError("--images is for the complete leaderboard.html; leave it out, or the other options.")
    if partial and not usual and (to is None or to.resolve() == results.resolve()):
        raise UsageError(
            f"The files in {results} hold every row and metric, and these options leave some out; "
            "give another folder with --to."
        )
    chosen = choose(results, wanted, conditions)
    if usual:
        return Reported(sections=chosen.sections)
    made = export(
        chosen,
        to or results,
        tables=(USUAL_TABLES if figures is None or to else ()) if tables is None else tables,
        figures=(USUAL_FIGURES if tables is None or to else ()) if figures is None else figures,
    )
    return Reported(sections=chosen.sections, paths=made.paths, warnings=made.warnings)
