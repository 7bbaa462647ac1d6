"""Read the records of a results folder: its files ``records/*.json``, and the packed file that is committed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from srbench.errors import DataError
from srbench.records import Record, RowId
from srbench.report.packed import PACKED, first_fault, read_packed


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The record of every row of the leaderboard."""

    folder: Path
    """Image files named by the records are relative to it."""
    records: tuple[Record, ...]
    damaged: tuple[str, ...]
    """One sentence for every file that was skipped."""


def has_records(folder: Path) -> bool:
    """Whether a folder has record files, in itself or in its ``records``, or a packed file."""
    return (folder / PACKED).is_file() or any(_record_files(_records_folder(folder)))


def read_records(folder: Path) -> Records:
    """Read a results folder, or its ``records``.

    Rows come from the record files; the packed file supplies the rows that these lack. A record file that is damaged or
    from another version of srbench is named and skipped; of two records of the same row the newer one counts.

    Raises:
        DataError: No such folder, nothing readable in it, or a damaged packed file.
    """
    if not folder.is_dir():
        raise DataError(f"There is no results folder {folder}; give one that `srbench run` wrote.")
    found: list[Record] = []
    damaged: list[str] = []
    files = _record_files(_records_folder(folder))
    for file in files:
        try:
            found.append(Record.model_validate_json(file.read_bytes()))
        except ValidationError as error:
            damaged.append(f"{file.name} is not a record that this srbench can read ({first_fault(error)}).")
        except OSError as error:
            damaged.append(f"{file.name} could not be read ({error.strerror or error}).")
    rows = _newest(read_packed(folder)) | _newest(found)
    if not rows:
        raise DataError(
            f"There are no records in {folder}; run `srbench run` first." if not damaged else
            f"None of the {len(files)} records in {folder} can be read; the first: {damaged[0]}"
        )  # fmt: skip
    return Records(
        folder=_records_folder(folder),
        records=tuple(sorted(rows.values(), key=lambda r: tuple(map(str, r.row_id)))),
        damaged=tuple(damaged),
    )


def _records_folder(folder: Path) -> Path:
    inner = folder / "records"
    return inner if inner.is_dir() or (folder / PACKED).is_file() else folder


def _record_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.json") if not file.name.startswith("."))


def _newest(records: Iterable[Record]) -> dict[RowId, Record]:
    return {record.row_id: record for record in sorted(records, key=lambda r: (r.created, r.key))}
