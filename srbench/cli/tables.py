"""Tables in the width of a terminal, where no word is cut, and as plain rows in a pipe or a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from srbench.cli.console import plain_console

if TYPE_CHECKING:
    from rich.text import Text

    from srbench.plain import PlainConsole

GAP = 2
"""Blanks between two columns."""
SHORT = 16
"""A column up to this wide is broken last."""
_INDENT = 4


def print_text(text: str, indent: int = 0, hanging: int = 4) -> None:
    """Print a sentence; in a terminal it is broken between words, and lines after the first are indented further."""
    from textwrap import fill

    from srbench.escaping import one_line

    console, text = plain_console(), one_line(text)
    if is_laid_out(console):
        first, others = " " * indent, " " * (indent + hanging)
        width = max(console.width, len(others) + 20)
        text = fill(
            text, width, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
        )
        console.file.write(f"{text}\n")
    else:
        console.print(f"{' ' * indent}{text}")


def is_laid_out(console: PlainConsole) -> bool:
    """Whether people read the output in some width: that of a terminal, or one given by COLUMNS."""
    return console.is_terminal or "COLUMNS" in os.environ


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *,
    long: bool = False, right: Sequence[str] = (), breakable: bool = False, indent: int = 0,
) -> None:  # fmt: skip
    """Print a table whose first column has names.

    In a terminal, cells are broken between words. What still does not fit is left out, the last columns first, and a
    line below says so; with ``long`` nothing is, and a row may become a list of its cells. In a pipe or a file, cells
    are separated by tabs, and every row is one line.

    A name is never broken; one that is wider than half of the terminal has a line of its own.

    Args:
        title: A line above; empty for none.
        columns: The heads.
        rows: A cell for each column; a cell may have several lines.
        long: Show every column.
        right: Columns that are aligned to the right.
        breakable: Whether the first column may be broken too, between words.
        indent: Blanks before every line below the title; with any, no empty line follows.
    """
    from rich.text import Text

    console = plain_console()
    cells = [[_text(cell) for cell in row] for row in rows]
    if not is_laid_out(console):
        lines = ["\t".join(cell.plain.replace("\n", "; ") for cell in row) for row in ([*map(Text, columns)], *cells)]
        end = [""] if indent else ["", ""]
        console.file.write("\n".join([*([title] if title else ()), *(line.rstrip() for line in lines), *end]))
        return
    if title:
        console.print(Text(title, "" if indent else "bold"))
    width = console.width - indent
    for line in _laid_out(console, width, columns, cells, long=long, right=right, breakable=breakable):
        console.print(Text(" " * indent).append_text(line))
    if not indent:
        console.print()


def _text(cell: str | Text) -> Text:
    from rich.text import Text

    from srbench.escaping import one_line

    return Text("\n".join(map(one_line, cell.split("\n")))) if isinstance(cell, str) else cell


def _laid_out(
    console: PlainConsole, width: int, columns: Sequence[str], rows: Sequence[Sequence[Text]], *,
    long: bool, right: Sequence[str], breakable: bool,
) -> Iterator[Text]:  # fmt: skip
    from rich.text import Text

    table = [[Text(column, "dim") for column in columns], *rows]
    natural = [max(_width(row[place]) for row in table) for place in range(len(columns))]
    least = [max(_longest_word(row[place]) for row in table) for place in range(len(columns))]
    if not breakable:
        least[0] = natural[0] = min(natural[0], width // 2)  # a wider name has a line of its own
    count = len(columns)
    if long and not _fits(least, width):
        yield from _listed(columns, rows)
        return
    while count > 1 and not _fits(least[:count], width):
        count -= 1
    widths = _widths(least[:count], natural[:count], width, breakable=breakable)
    sides = [column in right for column in columns]
    for row in table:
        cells = row[:count]
        if not breakable and _width(cells[0]) > widths[0]:
            yield cells[0]
            cells = [Text(), *cells[1:]]
        if any(cell.plain for cell in cells):
            yield from _lines(console, cells, widths, sides)
    if count < len(columns):
        yield Text(f"Left out: {', '.join(columns[count:])}; --long shows all.", "dim")


def _fits(widths: Sequence[int], width: int) -> bool:
    return sum(widths) + GAP * (len(widths) - 1) <= width


def _widths(least: Sequence[int], natural: Sequence[int], width: int, *, breakable: bool) -> list[int]:
    """Return the widths of columns: what each needs at least, and then what is free to those that need the least more.

    A first column that may be broken comes before other long ones.
    """
    widths, free = list(least), width - sum(least) - GAP * (len(least) - 1)

    def turn(place: int) -> tuple[bool, int]:
        return breakable and place > 0 and natural[place] > SHORT, natural[place] - least[place]

    for place in sorted(range(len(widths)), key=turn):
        more = max(0, min(natural[place] - widths[place], free))
        widths[place] += more
        free -= more
    return widths


def _lines(console: PlainConsole, row: Sequence[Text], widths: Sequence[int], right: Sequence[bool]) -> Iterator[Text]:
    from rich.text import Text

    broken = [cell.wrap(console, width) for cell, width in zip(row, widths, strict=True)]
    for parts in zip_longest(*broken):
        line = Text()
        for part, width, to_the_right in zip(parts, widths, right, strict=False):
            own = part or Text()
            own.rstrip()
            room = " " * (width - own.cell_len)
            line.append(room if to_the_right else "").append_text(own).append("" if to_the_right else room)
            line.append(" " * GAP)
        line.rstrip()
        yield line


def _listed(columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> Iterator[Text]:
    """Yield every row as its name and, below it, its other cells."""
    from rich.text import Text

    for row in rows:
        yield Text(row[0].plain, "bold")
        for column, cell in zip(columns[1:], row[1:], strict=True):
            if cell.plain:
                text = cell.copy()
                yield Text(f"{' ' * _INDENT}{column}: ", "dim").append_text(Text("; ").join(text.split("\n")))


def _width(cell: Text) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, cell.plain.split("\n")))


def _longest_word(cell: Text) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, cell.plain.split()), default=0)
