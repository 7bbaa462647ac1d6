"""Find the rows of a results folder by name: ``results#edsr_small``, or the first digits of a record's key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from srbench.errors import UnknownNameError, UsageError
from srbench.records.record import Record
from srbench.report.reading import read_records

SEPARATOR = "#"
"""Between a results folder and the method or key of one of its rows."""
KEY_SHOWN = 10
"""Digits of a key that people see."""
_ROWS_LISTED = 8


def names_a_row(name: str) -> bool:
    """Whether a name is that of a row: "results#edsr_small"; a family's, such as "spandrel:a#b.pth", is not."""
    folder, separator, _ = name.rpartition(SEPARATOR)
    return bool(separator) and (Path(folder).is_dir() or ":" not in folder)


def rows_named(name: str, *, failed: bool = False) -> tuple[Record, ...]:
    """Return the records of the rows that a name means, at least one.

    Args:
        name: ``FOLDER#ROW``; the row is a method (see `method_of`), or the first digits of a record's key.
        failed: Whether rows count that could not be measured.

    Raises:
        DataError: There is no such folder, or nothing readable in it.
        UnknownNameError: It has no such row.
    """
    folder, _, row = name.rpartition(SEPARATOR)
    records = [record for record in records_beside(name) if failed or record.status == "ok"]
    found = tuple(record for record in records if row and (method_of(record) == row or record.key.startswith(row)))
    if not found:
        raise UnknownNameError.among(f"row of {folder}", row, sorted(set(map(method_of, records))))
    return found


def records_beside(name: str) -> tuple[Record, ...]:
    """Return all records of the folder that the name of a row names.

    Raises:
        DataError: There is no such folder, or nothing readable in it.
    """
    return read_records(Path(name.rpartition(SEPARATOR)[0])).records


def row_named(name: str, *, failed: bool = False) -> Record:
    """Return the record of the only row that a name means; see `rows_named`.

    Raises:
        UsageError: There are several; says what distinguishes them, and their keys.
    """
    return only_row(name, rows_named(name, failed=failed))


def only_row(name: str, found: Sequence[Record]) -> Record:
    """Return the only one of some records that ``name`` means.

    Raises:
        UsageError: There are several; says what distinguishes them, and their keys.
    """
    if len(found) == 1:
        return found[0]
    cells = [record.row_id.cells for record in found]
    differing = [column for column in cells[0] if len({row[column] for row in cells}) > 1]
    listed = [
        f"{record.key[:KEY_SHOWN]} ({', '.join(f'{column} {row[column]}' for column in differing)})"
        for record, row in zip(found[:_ROWS_LISTED], cells, strict=False)
    ]
    more = f", and {len(found) - _ROWS_LISTED} more" if len(found) > _ROWS_LISTED else ""
    raise UsageError(
        f"{name} means {len(found)} rows, which differ in {', '.join(differing)}. "
        f"Give the key of one instead of its method: {', '.join(listed)}{more}."
    )


def method_of(record: Record) -> str:
    """Return what a model is called in plans: "edsr_small, logits from edsr_medium"."""
    facts = record.model
    name = facts.architecture + (f".{facts.checkpoint}" if facts.source == "checkpoint" else "")
    name += f", {facts.distiller}" if facts.distiller != "none" else ""
    return name + (f" from {facts.teacher}" if facts.teacher else "")
