"""Read a folder of records."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from srbench.errors import DataError
from srbench.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What a folder of records holds: the newest record of every row of the leaderboard."""

    folder: Path
    """Image files named by the records are relative to it."""
    records: tuple[Record, ...]
    damaged: tuple[str, ...]
    """One sentence for every file that was skipped."""
    digest: str
    """sha256 over the names and bytes of all files read."""


def record_files(folder: Path) -> list[Path]:
    """The record files in ``folder``, or in its ``records`` where it is a results folder."""
    inner = folder / "records"
    return sorted(f for f in (inner if inner.is_dir() else folder).glob("*.json") if not f.name.startswith("."))


def read_records(folder: Path) -> Records:
    """Read a results folder, or its ``records``.

    A file that is damaged or from another version of srbench is named and skipped; of two records of the same row
    the newer one counts.

    Raises:
        DataError: No such folder, or nothing readable in it.
    """
    if not folder.is_dir():
        raise DataError(f"There is no results folder {folder}; give one that `srbench run` wrote.")
    newest: dict[tuple[object, ...], Record] = {}
    damaged: list[str] = []
    digest = hashlib.sha256()
    files = record_files(folder)
    for file in files:
        try:
            data = file.read_bytes()
            digest.update(f"{file.name}\0{len(data)}\0".encode() + data)
            record = Record.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            damaged.append(f"{file.name} is no record that this srbench can read ({where or 'JSON'}: {first['msg']}).")
        except OSError as error:
            damaged.append(f"{file.name} could not be read ({error.strerror or error}).")
        else:
            known = newest.get(record.row)
            if known is None or (known.created, known.key) < (record.created, record.key):
                newest[record.row] = record
    if not newest:
        raise DataError(
            f"There are no records in {folder}; run `srbench run` first." if not damaged else
            f"None of the {len(files)} records in {folder} can be read; the first: {damaged[0]}"
        )  # fmt: skip
    return Records(
        folder=files[0].parent,
        records=tuple(sorted(newest.values(), key=lambda r: tuple(map(str, r.row)))),
        damaged=tuple(damaged),
        digest=digest.hexdigest(),
    )
