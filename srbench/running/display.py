"""The progress of a run on a terminal: a bar for all jobs, and one for each job under way."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from srbench.escaping import one_line
from srbench.plain import PlainConsole
from srbench.running.events import Done, Event, Failed, Finished, JobEvent, Measuring, Note, Training, Writing
from srbench.running.log import totals


class Display:
    """Listens to a run and draws bars with loss, held-out score, images a second and time left.

    Finished jobs scroll past above them.
    """

    def __init__(self, console: PlainConsole) -> None:
        """Take the console to draw on, which is a terminal."""
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._console = console
        self._all: TaskID | None = None
        self._own: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, JobEvent) and self._all is None:
            self._all = self._bars.add_task("[bold]jobs", total=event.jobs, facts="")
        match event:
            case Training():
                quality = f" · {event.held_out} held out" if event.held_out else ""
                loss = "" if event.loss is None else f"loss {event.loss:.4g}{quality} · "
                facts = "" if event.seconds_left is None else f"{loss}{event.images_per_second:,.0f} images/s"
                self._move(event, event.title, event.step, event.steps, facts)
            case Measuring():
                self._move(event, event.job, event.image, event.images, "")
            case Finished() | Failed():
                self._end(event, event.reason if isinstance(event, Failed) else None)
            case Note():
                self._console.print(event.text)
            case Writing():  # what follows is printed without bars
                self._bars.stop()
            case Done():
                self._console.print(totals(event))

    def _move(self, event: JobEvent, title: str, done: int, total: int, facts: str) -> None:
        if event.number not in self._own:
            text = escape(one_line(title))
            self._own[event.number] = self._bars.add_task(text, total=total, completed=done, facts="")
        self._bars.update(self._own[event.number], completed=done, facts=facts)

    def _end(self, event: JobEvent, failure: str | None) -> None:
        if event.number in self._own:
            self._bars.remove_task(self._own.pop(event.number))
        if self._all is not None:
            self._bars.advance(self._all)
            if self._bars.finished:  # no bar is left but that of all jobs; a search has many runs
                self._bars.remove_task(self._all)
                self._all = None
        mark = ("failed", "red") if failure else ("done  ", "green")
        text = f"{event.job}: {failure}" if failure else event.job
        self._console.print(Text.assemble(mark, f" {one_line(text)}"))
