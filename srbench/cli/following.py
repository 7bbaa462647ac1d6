"""Show a run while it goes on: bars on a terminal, lines in a log, JSON for programs, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from srbench.cli.console import plain_console
from srbench.cli.help import OUTPUT

if TYPE_CHECKING:
    from srbench.running.events import Event, Listener

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only errors, and where the results are.", rich_help_panel=OUTPUT)
]
JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json-log",
        metavar="FILE",
        help="Append the events of the run to this file, a JSON object a line; - prints them instead of the rest.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]


@contextmanager
def following(*, quiet: bool, json_log: str | None) -> Iterator[Listener]:
    """Yield the listener that the options ask for.

    Raises:
        StoreError: The file cannot be written.
    """
    from srbench.running.log import SECONDS_BETWEEN_LINES, SECONDS_BETWEEN_OBJECTS, JsonLog, LogLines, Sparse

    console = plain_console()
    with ExitStack() as stack:
        listeners: list[Listener] = []
        if json_log is not None:
            file = sys.stdout if json_log == "-" else stack.enter_context(_appended(json_log))
            listeners.append(Sparse(JsonLog(file), SECONDS_BETWEEN_OBJECTS))
        if not is_silent(quiet=quiet, json_log=json_log):
            if console.is_terminal:
                from srbench.running.display import Display

                listeners.append(stack.enter_context(Display(console)))
            else:
                listeners.append(Sparse(LogLines(console.print), SECONDS_BETWEEN_LINES))

        def hear(event: Event) -> None:
            for listener in listeners:
                listener(event)

        yield hear


def _appended(name: str) -> TextIO:
    from srbench.files import cannot_write

    try:
        return Path(name).open("a", encoding="utf-8")
    except OSError as error:
        raise cannot_write(Path(name), error) from error


def is_silent(*, quiet: bool, json_log: str | None) -> bool:
    """Whether a command prints nothing for people but errors and where the results are."""
    return quiet or json_log == "-"
