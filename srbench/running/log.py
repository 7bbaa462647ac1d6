"""The log of a run: a line for each event, for people or for programs."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from srbench.escaping import one_line
from srbench.running.estimate import in_words
from srbench.running.events import (
    Done,
    Event,
    Failed,
    Finished,
    JobEvent,
    Listener,
    Measuring,
    Note,
    Planned,
    Started,
    Training,
    Writing,
)

SECONDS_BETWEEN_LINES = 60.0
"""A job writes a line about its progress no more often, after that of its beginning."""
SECONDS_BETWEEN_OBJECTS = 10.0
"""A job writes an object about its progress no more often."""


class Sparse:
    """Passes on the beginnings and ends of jobs, and their progress only now and then."""

    def __init__(self, listener: Listener, seconds: float) -> None:
        """Take who listens, and the least seconds between two events about the progress of one job."""
        self._listener, self._seconds = listener, seconds
        self._passed: dict[int, float] = {}

    def __call__(self, event: Event) -> None:
        """Pass on an event, or drop it."""
        now = time.monotonic()
        if isinstance(event, Started):
            self._passed[event.number] = now
        elif isinstance(event, Training | Measuring) and not _begins(event):
            if now - self._passed.get(event.number, 0.0) < self._seconds:
                return
            self._passed[event.number] = now
        self._listener(event)


class LogLines:
    """Writes a line for an event, with the time of day: for a log file, or a terminal that scrolls."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """Take what writes a line, and flushes it."""
        self._write = write

    def __call__(self, event: Event) -> None:
        """Write an event."""
        if text := _text(event):
            self._write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {one_line(text)}")  # noqa: DTZ005 - the clock of the reader


class JsonLog:
    """Writes a JSON object a line: ``time`` (UTC, ISO 8601), ``event`` (its name), and the fields of the event."""

    def __init__(self, file: TextIO) -> None:
        """Take an open file."""
        self._file = file

    def __call__(self, event: Event) -> None:
        """Write an event."""
        facts = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "event": event.name}
        self._file.write(json.dumps(facts | dataclasses.asdict(event), ensure_ascii=False) + "\n")
        self._file.flush()


def totals(event: Done) -> str:
    """Return how a run ended in one line."""
    took = in_words(event.seconds)
    return f"{event.measured} cells measured, {event.cached} from the cache, {event.failed} failed. It took {took}."


def _text(event: Event) -> str:
    """Return an event in words; empty for those of which people need no line."""
    text = ""
    match event:
        case JobEvent():
            text = _text_of_job(event)
        case Planned():
            impossible = f", {event.impossible} of them impossible" if event.impossible else ""
            work = (
                f"{event.jobs} jobs to do, about {in_words(event.estimated_seconds)}" if event.jobs else "no job to do"
            )
            text = f"suite {event.suite}: {event.cells} cells{impossible}, {work}"
        case Note():
            text = event.text
        case Writing():
            text = f"writing tables and figures to {event.results}"
        case Done():
            text = totals(event)
    return text


def _text_of_job(event: JobEvent) -> str:
    state, more = "", ""
    match event:
        case Training(step=step, steps=steps) if _begins(event):
            state, more = "begun", f": continues after step {step:,} of {steps:,}" if step else f": {steps:,} steps"
        case Training():
            loss = "not finite" if event.loss is None else f"{event.loss:.4g}"
            quality = f", {event.held_out} held out" if event.held_out else ""
            left = "" if event.seconds_left is None else f", about {in_words(event.seconds_left)} left"
            state = "going"
            more = (
                f": step {event.step:,} of {event.steps:,}, loss {loss}{quality}, {event.images_per_second:,.0f} "
                f"images/s{left}"
            )
        case Measuring():
            state, more = "going", f": image {event.image:,} of {event.images:,}"
        case Finished():
            state, more = "done", f" ({in_words(event.seconds)})"
        case Failed():
            state, more = "failed", f": {event.reason}"
    return f"{event.number:>{len(str(event.jobs))}}/{event.jobs} {state:<6} {event.job}{more}" if state else ""


def _begins(event: Event) -> bool:
    """Whether a training takes its first step."""
    return isinstance(event, Training) and event.seconds_left is None
