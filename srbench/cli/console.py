"""Print sentences, tables and errors. Rich is imported when something is printed, so that help starts fast."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from srbench.plain import PlainConsole


def plain_console(*, stderr: bool = False) -> PlainConsole:
    """Return a console that prints text as it is."""
    from srbench.plain import PlainConsole

    return PlainConsole(stderr=stderr)


def say(text: str) -> None:
    """Print a line."""
    plain_console().print(text)


def warn(text: str) -> None:
    """Print a sentence on standard error that does not end the command."""
    _mark("warning:", "yellow", text)


def complain(text: str) -> None:
    """Print the one sentence on standard error that says why a command ends."""
    _mark("error:", "bold red", text)


def _mark(mark: str, style: str, text: str) -> None:
    from rich.text import Text

    from srbench.escaping import one_line

    plain_console(stderr=True).print(Text.assemble((mark, style), f" {one_line(text)}"))


def named_table(title: str, *columns: str) -> Table:
    """Return a table whose first column, the name, is never cut."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


_UNBROKEN = 10_000
"""Columns of a file or a pipe: more than any row needs."""


def print_wide(*tables: Table) -> None:
    """Print tables as wide as the terminal; in a file or a pipe a row is one line, and ends with its last cell."""
    console = plain_console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNBROKEN
    for table in tables:
        if console.is_terminal:
            console.print(table)
            continue
        with console.capture() as printed:
            console.print(table)
        console.file.write("\n".join((*(line.rstrip() for line in printed.get().splitlines()), "")))
