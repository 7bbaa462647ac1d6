"""What commands print: tables, and the sentences on standard error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def warn(text: str) -> None:
    """Print a sentence on standard error that does not end the command."""
    _print("[yellow]warning:[/]", text)


def complain(text: str) -> None:
    """Print the one sentence on standard error that says why a command ends."""
    _print("[bold red]error:[/]", text)


def _print(mark: str, text: str) -> None:
    from rich.console import Console
    from rich.markup import escape

    Console(stderr=True, soft_wrap=True).print(f"{mark} {escape(text)}", highlight=False)


def plain_console() -> Console:
    """A console that prints text as it is: no markup, no colours for numbers, no line breaks of its own."""
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False, markup=False)


def named_table(title: str, *columns: str) -> Table:
    """A table whose first column, the name, is never cut."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def print_wide(*tables: Table) -> None:
    """Print tables as wide as the terminal; what goes to a file or a pipe is not cut."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(width=240)
    for table in tables:
        console.print(table)
