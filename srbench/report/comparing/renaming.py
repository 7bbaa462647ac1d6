"""Rows that have another name in head than in base: a method that was renamed is neither gone nor new."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import get_type_hints

from srbench.errors import UnknownNameError, UsageError
from srbench.records.row import RowId
from srbench.report.comparing.rows import Cells, identity_of, row_title

_NAMED = tuple(name for name, kind in get_type_hints(RowId).items() if kind is str and name != "inference")
"""Fields that hold names."""


def renamed(base: Sequence[Cells], head: Sequence[Cells], renamings: Iterable[str]) -> list[Cells]:
    """Return the rows of base with the names that head has.

    A name is replaced wherever it is a whole word of a row: as architecture, within ``after:bicubic:NAME``, as teacher.

    Args:
        base: The rows before.
        head: The rows after.
        renamings: Each as ``OLD=NEW``.

    Raises:
        UsageError: One cannot be understood, or two rows of base would be the same.
        UnknownNameError: Base lacks the old name, or head the new one.
    """
    rows = list(base)
    for text in renamings:
        old, new = _parts(text, rows, head)
        rows = [{**row, **{field: _replaced(row[field], old, new) for field in _NAMED}} for row in rows]
        seen: set[tuple[str, ...]] = set()
        for identity in map(identity_of, rows):
            if identity in seen:
                raise UsageError(
                    f"--renamed {text} would make two rows of BASE the same, '{row_title(identity)}'; {new} is there "
                    "already."
                )
            seen.add(identity)
    return rows


def _parts(text: str, base: Sequence[Cells], head: Sequence[Cells]) -> tuple[str, str]:
    """Return the old and the new name; names may contain = themselves, as in ``stack:n_blocks=4``."""
    splits = [(text[: sign.start()].strip(), text[sign.end() :].strip()) for sign in re.finditer("=", text)]
    splits = [(old, new) for old, new in splits if old and new]
    if not splits:
        raise UsageError(f"--renamed {text!r} cannot be understood; write OLD=NEW, such as my_net=my_net_v2.")
    there = [(old, new) for old, new in splits if _with_name(base, old)]
    if not there:
        raise UnknownNameError.among("name in BASE", splits[0][0], _names(base), f"--renamed is {text!r}.")
    for old, new in there:
        if _with_name(head, new):
            return old, new
    raise UnknownNameError.among("name in HEAD", there[0][1], _names(head), f"--renamed is {text!r}.")


def _with_name(rows: Iterable[Cells], name: str) -> bool:
    return any(_word(name).search(row[field]) for row in rows for field in _NAMED)


def _names(rows: Iterable[Cells]) -> set[str]:
    return {row[field] for row in rows for field in _NAMED} - {""}


def _replaced(value: str, old: str, new: str) -> str:
    return _word(old).sub(lambda _: new, value)


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
