"""All records of a results folder in one compressed file, small enough to be committed beside the leaderboard.

The file is JSON Lines, a record a line, sorted by key. Equal records give an equal file.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from srbench.errors import DataError
from srbench.files import atomic_write
from srbench.records import Record

PACKED = "records.jsonl.xz"
"""xz, since it is a quarter smaller than gzip here, and holds no date."""


def lines_of(records: Iterable[Record]) -> str:
    """The text of the packed file."""
    return "".join(f"{record.model_dump_json()}\n" for record in sorted(records, key=lambda r: r.key))


def write_packed(results: Path, records: Iterable[Record]) -> None:
    """Write the packed file of a results folder; one that holds the same is left alone.

    Raises:
        DataError: The file that is there is damaged; it may hold what nothing else does.
        StoreError: The folder cannot be written.
    """
    path = results / PACKED
    text = lines_of(records).encode()
    if _unpack(path) != text:
        atomic_write(path, lzma.compress(text, preset=6))


def read_packed(results: Path) -> list[Record]:
    """The records in the packed file of a results folder; none without such a file.

    Raises:
        DataError: The file is damaged, or was written by an srbench with other records.
    """
    path = results / PACKED
    records = []
    for number, line in enumerate(_unpack(path).splitlines(), start=1):
        try:
            records.append(Record.model_validate_json(line))
        except ValidationError as error:
            raise DataError(
                f"{path}, line {number}, is not a record that this srbench can read ({first_fault(error)}); {_REMEDY}"
            ) from error
    return records


def first_fault(error: ValidationError) -> str:
    """Where a record is wrong, and what is wrong there."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}"


_REMEDY = "restore it from version control, or delete it and run `srbench run` again."


def _unpack(path: Path) -> bytes:
    try:
        return lzma.decompress(path.read_bytes())
    except FileNotFoundError:
        return b""
    except lzma.LZMAError as error:
        raise DataError(f"{path} is damaged ({error}); {_REMEDY}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error
