"""The progress of a run on a terminal: a bar for all jobs, and one for the job under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from srbench.escaping import one_line
from srbench.plain import PlainConsole
from srbench.training.progress import Progress


class RunProgress(Progress):
    """Receives the progress of a run; shows nothing, for jobs in other processes."""

    @contextmanager
    def images(self, title: str, total: int) -> Iterator[Callable[[], None]]:  # noqa: ARG002
        """Begin work on ``total`` images; yields what to call after each."""
        yield lambda: None

    @contextmanager
    def jobs(self, total: int) -> Iterator[Callable[[str, str | None], None]]:  # noqa: ARG002
        """Begin ``total`` jobs; yields what to call with title and failure after each."""
        yield lambda title, failure: None  # noqa: ARG005


class Display(RunProgress):
    """Bars with loss, held-out score, images a second and time left; finished jobs scroll past above them.

    If the output is not a terminal (a log, CI), only the finished jobs are printed.
    """

    def __init__(self, console: PlainConsole) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._console = console
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, title: str, steps: int, done: int) -> None:
        """Draw a bar for a training."""
        self.end()
        self._task = self._bars.add_task(escape(one_line(title)), total=steps, completed=done, facts="")

    def advance(self, done: int, *, loss: float, held_out: str, images_per_second: float) -> None:
        """Move the bar of the training."""
        if self._task is not None:
            quality = f" · {held_out} held out" if held_out else ""
            facts = f"loss {loss:.4g}{quality} · {images_per_second:,.0f} images/s"
            self._bars.update(self._task, completed=done, facts=facts)

    def note(self, sentence: str) -> None:
        """Print above the bars."""
        self._console.print(sentence)

    def end(self) -> None:
        """Remove the bar of the training."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None

    @contextmanager
    def images(self, title: str, total: int) -> Iterator[Callable[[], None]]:
        """Draw a bar for images."""
        task = self._bars.add_task(escape(one_line(title)), total=total, facts="")
        try:
            yield lambda: self._bars.advance(task)
        finally:
            self._bars.remove_task(task)

    @contextmanager
    def jobs(self, total: int) -> Iterator[Callable[[str, str | None], None]]:
        """Draw the bar for the whole run."""
        task = self._bars.add_task("[bold]jobs", total=total, facts="", visible=total > 0)

        def finished(title: str, failure: str | None) -> None:
            self._bars.advance(task)
            mark = ("failed", "red") if failure else ("done  ", "green")
            text = f"{title}: {failure}" if failure else title
            self._console.print(Text.assemble(mark, f" {one_line(text)}"))

        yield finished
