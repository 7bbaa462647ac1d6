"""Write a leaderboard, or the part of it that someone wants, in other formats or into another folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from srbench.report.leaderboard.columns import has_samples
from srbench.report.leaderboard.sections import make_sections
from srbench.report.leaderboard.tables import Section
from srbench.report.pictures import FigureFormat
from srbench.report.reading import Records, read_records
from srbench.report.selection import Wanted, chosen_metrics, chosen_sections, parse_condition
from srbench.report.writing import FILES, PER_IMAGE, PER_SAMPLE, TableFormat, write_files


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The part of a leaderboard that someone wants."""

    records: Records
    sections: tuple[Section, ...]
    wanted: Wanted


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The files of an export, and what else a person should know."""

    paths: tuple[Path, ...]
    warnings: tuple[str, ...]


def choose(results: Path, wanted: Wanted, conditions: Sequence[str] = ()) -> Chosen:
    """Read a results folder, and leave what is wanted of it.

    Args:
        results: The folder.
        wanted: Rows and metrics.
        conditions: Further conditions on rows, as typed; see `srbench.report.selection.parse_condition`.

    Raises:
        DataError: There are no records.
        UsageError: A condition cannot be understood, or no row is left.
        UnknownNameError: There is no such column or metric.
    """
    found = read_records(results)
    read = tuple(parse_condition(text, found.records) for text in conditions)
    wanted = dataclasses.replace(wanted, conditions=(*wanted.conditions, *read))
    records = chosen_metrics(found.records, wanted.metrics)
    sections = chosen_sections(make_sections(records), wanted, records)
    kept = tuple(r for section in sections for table in section.tables for line in table.lines for r in line.records)
    return Chosen(
        records=dataclasses.replace(found, records=kept), sections=tuple(sections), wanted=wanted
    )  # fmt: skip


def export(
    chosen: Chosen,
    folder: Path,
    *,
    tables: Sequence[TableFormat],
    figures: Sequence[FigureFormat],
) -> Exported:
    """Write what was chosen into a folder; other files there stay as they are.

    Raises:
        StoreError: The folder cannot be written.
    """
    written = write_files(folder, chosen.records, chosen.sections, tables=tables, figures=figures)
    names = [FILES[kind] for kind in tables]
    if "csv" in tables:
        names += [PER_IMAGE, *([PER_SAMPLE] if has_samples(chosen.records.records) else [])]
    paths = (folder / name for name in names)
    return Exported(
        paths=(*paths, *written.distillation, *written.degradations, *written.deployment, *written.figures),
        warnings=(*chosen.records.damaged, *written.warnings),
    )
