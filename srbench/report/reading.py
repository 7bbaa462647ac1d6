"""Read the records of a results folder: its files ``records/*.json``, and the packed file that is committed.

The packed file is compressed JSON Lines, a record a line, sorted by key. Equal records give an equal file.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from srbench.errors import DataError
from srbench.files import atomic_write
from srbench.records.record import Record
from srbench.records.row import RowId

PACKED = "records.jsonl.xz"
"""xz, since it is a quarter smaller than gzip here, and holds no date; its extreme preset saves up to another tenth."""
_SMALL_BYTES = 2**24
"""Text up to this size is packed as small as can be; larger text ten times as fast, into half as much again."""
_MOST_BYTES = 2**31
"""What the packed file may unpack to: a record has some 10 KB, and files come from strangers too."""
_REMEDY = "restore it from version control, or delete it and run `srbench run` again."


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
        if not file.is_file():  # reading a pipe would wait for ever
            damaged.append(f"{file.name} is not a regular file.")
            continue
        try:
            found.append(Record.model_validate_json(file.read_bytes()))
        except ValidationError as error:
            damaged.append(f"{file.name} is not a record that this srbench can read ({_first_fault(error)}).")
        except OSError as error:
            damaged.append(f"{file.name} could not be read ({error.strerror or error}).")
    rows = _newest(read_packed(folder, found)) | _newest(found)
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


def lines_of(records: Iterable[Record]) -> str:
    """Return the text of the packed file."""
    return "".join(f"{record.model_dump_json()}\n" for record in sorted(records, key=lambda r: r.key))


def write_packed(results: Path, lines: str) -> None:
    """Write the packed file of a results folder from `lines_of` its records; one that holds the same is left alone.

    Raises:
        DataError: The file that is there is damaged; it may hold what nothing else does.
        StoreError: The folder cannot be written.
    """
    path = results / PACKED
    text = lines.encode()
    if _unpack(path) != text:
        preset = 6 | lzma.PRESET_EXTREME if len(text) <= _SMALL_BYTES else 2
        atomic_write(path, lzma.compress(text, preset=preset))


def read_packed(results: Path, known: Iterable[Record] = ()) -> list[Record]:
    """Return the records in the packed file of a results folder; none without such a file.

    Args:
        results: The folder.
        known: Records that are read already, which are not parsed again.

    Raises:
        DataError: The file is damaged, or was written by an srbench with other records.
    """
    path = results / PACKED
    records = []
    read = {record.model_dump_json().encode(): record for record in known}
    for number, line in enumerate(_unpack(path).splitlines(), start=1):
        try:
            records.append(read.get(line) or Record.model_validate_json(line))
        except ValidationError as error:
            raise DataError(
                f"{path}, line {number}, is not a record that this srbench can read ({_first_fault(error)}); {_REMEDY}"
            ) from error
    return records


def _first_fault(error: ValidationError) -> str:
    """Return where a record is wrong, and what is wrong there."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}"


def _unpack(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise DataError(f"{path} is not a regular file; {_REMEDY}")
    xz = lzma.LZMADecompressor()
    try:
        text = xz.decompress(path.read_bytes(), max_length=_MOST_BYTES)
    except FileNotFoundError:
        return b""
    except (lzma.LZMAError, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); {_REMEDY}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error
    if not xz.eof:
        raise DataError(f"{path} is damaged (it ends too early, or unpacks to more than 2 GiB); {_REMEDY}")
    return text
