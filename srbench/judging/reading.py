"""Read what is judged: a results folder, its leaderboard, or a table of measurements such as the organisers publish."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from srbench.errors import DataError, UnknownNameError, UsageError
from srbench.judging.entries import Entry
from srbench.judging.track import Track
from srbench.records.row import RowId
from srbench.report.comparing.reading import read_side
from srbench.report.comparing.rows import Cells, number, reason_of
from srbench.scales import Scale, parse_scale

_REPEATS = ("seed", "realisation")
"""What the rows of a method differ in."""
_IN_NAME = ("architecture", "checkpoint", "distiller", "teacher")


def read_entries(path: Path, track: Track, *, scale: Scale | None = None, dataset: str | None = None) -> list[Entry]:
    """Read entries with the terms of a track.

    Args:
        path: A results folder, a ``leaderboard.csv``, or a table: a line of heads, then a row for each model with its
            name first, separated by commas or tabs. Heads are names of terms, or what the organisers call them.
        track: Has the terms.
        scale: The factor to judge, of a leaderboard; None for that of the track.
        dataset: The dataset to judge, of a leaderboard; None for the one with most rows.

    Raises:
        DataError: The file or folder cannot be read, or has no row of that scale.
        UnknownNameError: It has no such dataset.
    """
    if path.is_dir():
        return _of_leaderboard(read_side(path).rows, path, track, scale, dataset)
    heads, rows = _table(path)
    if set(RowId._fields) <= set(heads):
        return _of_leaderboard(read_side(path).rows, path, track, scale, dataset)
    if scale is not None or dataset is not None:
        raise UsageError(f"{path} is not a leaderboard, so that it has one dataset at one scale; leave the option out.")
    return _of_table(heads, rows, path, track)


def plain(head: str) -> str:
    """Return the head of a column in lower case, with an underscore for all that is not a letter or digit."""
    return re.sub(r"[^a-z0-9]+", "_", head.lower()).strip("_")


def _table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the heads of a table, and its rows with the numbers of their lines; blanks around cells are left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; give a results folder, or a table of measurements.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text; give a results folder, or a table of measurements.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error
    lines = text.splitlines()
    delimiter = "\t" if lines and "\t" in lines[0] else ","
    rows = []
    for line, cells in enumerate(csv.reader(lines, delimiter=delimiter), start=1):
        stripped = [cell.strip() for cell in cells]
        while stripped and not stripped[-1]:
            stripped.pop()
        if stripped:
            rows.append((line, stripped))
    if len(rows) < 2:
        raise DataError(f"{path} has no rows; give a line of heads, and below it a row for each model.")
    return rows[0][1], rows[1:]


def _of_table(heads: Sequence[str], rows: Sequence[tuple[int, list[str]]], path: Path, track: Track) -> list[Entry]:
    spelt = [plain(head) for head in heads]
    if doubled := [head for head, count in Counter(spelt).items() if count > 1]:
        raise DataError(f"{path} has the column {doubled[0]!r} twice; remove one.")
    entries: dict[str, Entry] = {}
    for line, cells in rows:
        if len(cells) > len(heads):
            raise DataError(f"{path}, line {line}, has {len(cells)} cells where the heads are {len(heads)}.")
        row = dict(zip(spelt, [*cells, *[""] * (len(heads) - len(cells))], strict=True))
        for term in track.shown:
            for column in (term.name, *term.columns):
                if row.get(column) and number(row[column]) is None:
                    raise DataError(f"{path}, line {line}: {column} is {row[column]!r}, which is not a number.")
        if cells[0] in entries:
            raise DataError(f"{path} has the row {cells[0]!r} twice; remove one.")
        entries[cells[0]] = _entry(cells[0], [row], track)
    return list(entries.values())


def _of_leaderboard(
    rows: Sequence[Cells], path: Path, track: Track, scale: Scale | None, dataset: str | None
) -> list[Entry]:
    wanted = track.scale if scale is None else scale
    fitting = [row for row in rows if row["status"] == "ok" and wanted in (None, parse_scale(row["scale"]))]
    if not fitting:
        raise DataError(f"{path} has no rows{'' if wanted is None else f' at scale {wanted}'}; give another --scale.")
    counts = Counter(row["dataset"] for row in fitting)
    if dataset is not None and dataset not in counts:
        raise UnknownNameError.among("dataset", dataset, counts)
    chosen = dataset or counts.most_common(1)[0][0]
    methods: dict[tuple[str, ...], list[Cells]] = {}
    for row in fitting:
        if row["dataset"] == chosen:
            identity = tuple(row[name] for name in RowId._fields if name not in _REPEATS)
            methods.setdefault(identity, []).append(row)
    fields = [name for name in RowId._fields if name not in _REPEATS]
    return [
        _entry(name, [{plain(head): cell for head, cell in row.items()} for row in own], track, own[0])
        for name, own in zip(_names(fields, list(methods)), methods.values(), strict=True)
    ]


def _names(fields: Sequence[str], identities: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a short name for each method: architecture and distiller, and what else distinguishes it from another."""
    cells = [dict(zip(fields, identity, strict=True)) for identity in identities]
    short = [_method(row) for row in cells]
    names = []
    for own, row in zip(short, cells, strict=True):
        same = [other for other, name in zip(cells, short, strict=True) if name == own]
        more = [name for name in fields if name not in _IN_NAME and len({other[name] for other in same}) > 1]
        names.append(own + "".join(f", {name} {row[name]}" for name in more))
    return names


def _method(row: Mapping[str, str]) -> str:
    name = row["architecture"] + (f".{row['checkpoint']}" if row["checkpoint"] else "")
    name += "" if row["distiller"] in {"", "none"} else f", {row['distiller']}"
    return name + (f" from {row['teacher']}" if row["teacher"] else "")


def _entry(name: str, rows: Sequence[Cells], track: Track, first: Cells | None = None) -> Entry:
    """Return the entry of a method: means over its rows, which are seeds and realisations.

    Args:
        name: Its name.
        rows: With plain heads.
        track: Has the terms.
        first: The first row as the leaderboard has it, which knows why cells are empty.
    """
    values, reasons, conditions = {}, {}, {}
    for term in track.shown:
        known = (term.name, *term.columns)
        column = next((column for column in (*term.columns, term.name) if rows[0].get(column)), "")
        numbers = [found for row in rows if (found := number(row.get(column, ""))) is not None]
        if column and len(numbers) == len(rows):
            values[term.name] = fmean(numbers) * term.columns.get(column, 1)
        elif first is not None:
            heads = [head for head in first if plain(head) in known]
            reasons[term.name] = next((why for head in heads if (why := reason_of(first, head))), "")
        conditions[term.name] = ", ".join(filter(None, (rows[0].get(name, "") for name in term.conditions)))
    return Entry(
        name=name, values=values, reasons=reasons, conditions=conditions,
        uncounted=rows[0].get("uncounted_operators", ""),
    )  # fmt: skip
