"""The events of a run, as plain data: any process can send them, and a display or a log can listen to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a run."""

    @property
    def name(self) -> str:
        """Its name in a log: "training"."""
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Event):
    """The run is laid out, and begins."""

    suite: str
    cells: int
    impossible: int
    """Cells that cannot be measured, such as where a dataset is missing."""
    jobs: int
    """Jobs to do; what is cached is not among them."""
    estimated_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    """A sentence that a person should know."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent(Event):
    """Something that happened to a job."""

    number: int
    """Number of the job in the order in which jobs begin, from 1."""
    jobs: int
    """Jobs of the run."""
    job: str
    """Title of the job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(JobEvent):
    """A worker began the job."""

    worker: str = ""
    """The worker's machine and process: "node7:4242"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(JobEvent):
    """A training begins (at step 0, or where an earlier run left it) or goes on."""

    step: int
    steps: int
    title: str
    """Title of the training for people."""
    loss: float | None = None
    """Mean over the last steps; None before the first, or if it is not finite."""
    held_out: str = ""
    """The score on what is held out, with its unit; empty until it is measured."""
    images_per_second: float = 0.0
    seconds_left: float | None = None
    """About how long the rest takes, at the pace so far; None only for the event with which a training begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring(JobEvent):
    """A cell is measured, and some of its images are done."""

    image: int
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(JobEvent):
    """The job is done, and its result is stored."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(JobEvent):
    """The job failed, or what it needs did."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing(Event):
    """All jobs have ended, and tables and figures are written."""

    results: str
    """Folder of the results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Event):
    """The run is over, and its tables are written."""

    measured: int
    """Cells measured now."""
    cached: int
    """Cells that had been measured before."""
    failed: int
    """Cells that could not be measured."""
    seconds: float
    results: str
    """Folder of the results."""


EVENTS = {
    kind.__name__.lower(): kind
    for kind in (Planned, Note, Started, Training, Measuring, Finished, Failed, Writing, Done)
}
"""Every kind of event, by its name."""

Listener = Callable[[Event], None]
"""Receives the events of a run, in order."""


def unheard(event: Event) -> None:
    """Ignore an event."""
