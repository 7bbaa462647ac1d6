"""Show a run: bars on a terminal, lines in a log, JSON for programs, or nothing; and how it ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from srbench.cli.console import complain, plain_console, say
from srbench.cli.help import OUTPUT

if TYPE_CHECKING:
    from srbench.report.build import ReportFiles
    from srbench.running.events import Event, Listener
    from srbench.running.runner import Outcome

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


def print_end(
    folder: Path, report: Callable[[], ReportFiles], *, quiet: bool, json_log: str | None, more: Iterable[Path] = ()
) -> None:
    """Print the tables of a run that ended, and its files; or where they are, or nothing."""
    if not is_silent(quiet=quiet, json_log=json_log):
        from srbench.report.terminal import print_report

        print_report(plain_console(), report())
        for path in more:
            say(str(path))
    elif json_log != "-":
        say(f"Results: {folder}")


def print_failures(outcome: Outcome, *, silent: bool) -> None:
    """Print why cells failed, on standard error if nothing else is printed; the exit status is 1 if there are any."""
    from rich.text import Text

    from srbench.escaping import one_line

    console = plain_console(stderr=silent)
    for title, reason in outcome.failed:
        console.print(Text.assemble(("failed", "red"), one_line(f" {title}: {reason}")))
    if outcome.failed:
        complain(
            f"{len(outcome.failed)} of {outcome.cells} cells failed, for the reasons above; "
            "the same command tries them again."
        )
        raise typer.Exit(1)
