"""Read a leaderboard: a CSV file, a folder of records, or a results folder."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Sequence
from pathlib import Path

from srbench.errors import DataError
from srbench.garbage import without_collections
from srbench.records.record import Record
from srbench.records.row import RowId
from srbench.report.comparing.rows import Cells, holds_numbers, identity_of, row_title
from srbench.report.comparing.sides import Origin, Side
from srbench.report.formats import cell_text
from srbench.report.leaderboard.columns import dtype_of, leaderboard_columns, leaderboard_row, metric_columns
from srbench.report.leaderboard.sections import rank_order
from srbench.report.reading import has_records, read_records
from srbench.scales import parse_scale


def read_leaderboard(path: Path) -> list[Cells]:
    """Return the rows that `read_side` reads."""
    return read_side(path).rows


@without_collections()
def read_side(path: Path) -> Side:
    """Read a CSV file, or a folder with records or, without these, a ``leaderboard.csv``.

    Raises:
        DataError: There is no such file or folder, it is not a leaderboard, or it has a row twice.
    """
    if path.is_dir():
        if has_records(path):
            return side_of(read_records(path).records)
        if not (path / "leaderboard.csv").is_file():
            raise DataError(f"{path} has neither records nor a leaderboard.csv; give a results folder or a CSV file.")
        path /= "leaderboard.csv"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; give a leaderboard.csv or a results folder.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text; give a leaderboard.csv that `srbench report` wrote.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error
    parsed = _parse(path, text)
    return Side(rows=parsed, origin=Origin.of_rows(parsed))


def side_of(records: Sequence[Record]) -> Side:
    """Return the rows of records, in the order of the leaderboard, with the texts that its CSV file has."""
    metrics = metric_columns(records)
    header = leaderboard_columns(metrics, records)
    rows = (leaderboard_row(record, metrics) for record in rank_order(records))
    cells: list[Cells] = [{name: cell_text(row.get(name)) for name in header} for row in rows]
    return Side(rows=cells, origin=Origin.of_records(records))


def _parse(path: Path, text: str) -> list[Cells]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        numbered = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}, is not CSV: {error}.") from error
    if not numbered:
        raise DataError(f"{path} is empty; `srbench report` writes a leaderboard.csv.")
    header = numbered[0][1]
    missing = [name for name in RowId._fields if name not in header]
    if missing:
        raise DataError(
            f"{path} is not a leaderboard: it lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            "give a leaderboard.csv that `srbench report` wrote."
        )
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise DataError(f"{path} has the column {twice!r} twice; remove one.")
    if len(numbered) == 1:
        raise DataError(f"{path} has a header and no rows; run a suite first.")
    checked = [name for name in header if name == "scale" or dtype_of(name) == "Int64" or holds_numbers(name)]
    rows: list[Cells] = []
    seen: dict[tuple[str, ...], int] = {}
    for line, values in numbered[1:]:
        if len(values) != len(header):
            raise DataError(f"{path}, line {line}, has {len(values)} cells where the header has {len(header)}.")
        row = dict(zip(header, values, strict=True))
        for name in checked:
            if (value := row[name]) and (fault := _fault(name, value)):
                raise DataError(f"{path}, line {line}: {name} is {value!r}, which is {fault}.")
        first = seen.setdefault(identity_of(row), line)
        if first != line:
            raise DataError(f"{path} has the row '{row_title(identity_of(row))}' twice, in lines {first} and {line}.")
        rows.append(row)
    return rows


def _fault(column: str, text: str) -> str:
    """Return what is wrong with the text of a cell: "not a number"; "" if it is right."""
    if column == "scale":
        return "" if _is_scale(text) else "not a scale"
    try:
        number = float(text)
    except ValueError:
        return "not a number"
    whole = dtype_of(column) == "Int64"
    return "not a whole number" if whole and not (number.is_integer() and abs(number) < 2**53) else ""


@functools.cache
def _is_scale(text: str) -> bool:
    try:
        parse_scale(text)
    except ValueError:
        return False
    return True
