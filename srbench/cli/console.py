"""Print sentences and errors. Rich is imported when something is printed, so that help starts fast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from srbench.plain import PlainConsole

T = TypeVar("T")


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


def with_bar(items: Iterable[T], title: str, count: int) -> Iterator[T]:
    """Yield items, with a bar on standard error if that is a terminal."""
    from rich.progress import Progress

    from srbench.escaping import one_line

    errors = plain_console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        yield from progress.track(items, total=count, description=one_line(title))


def _mark(mark: str, style: str, text: str) -> None:
    from rich.text import Text

    from srbench.escaping import one_line

    plain_console(stderr=True).print(Text.assemble((mark, style), f" {one_line(text)}"))
