"""What people see of a training: how far it is, notes and curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from srbench.training.tracking import NO_TRACKING, Setting, Tracking


class Progress:
    """Receives the progress of a training; this base shows nothing of it."""

    def begin(self, title: str, steps: int, done: int) -> None:
        """Begin a training of ``steps`` steps, or resume it after ``done``."""

    def advance(self, done: int, *, loss: float, held_out: str, images_per_second: float) -> None:
        """Note that ``done`` steps are done; ``held_out`` is the score on what is held out, empty until measured."""

    def note(self, sentence: str) -> None:
        """Note something that a person should know."""

    def end(self) -> None:
        """End the training, finished or failed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Oversight:
    """Shows how a training goes and may stop it; nothing in it decides the weights."""

    progress: Progress = field(default_factory=Progress)
    curves: Path | None = None
    """The CSV file of the curves; None for none."""
    tracking: Tracking = NO_TRACKING
    """Trackers that also get the curves."""
    run: str = ""
    """The name of the training in trackers."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """What trackers list of it."""
    stop: Callable[[], bool] = lambda: False
    """Asked after every step; True saves and ends the training."""
    title: str = ""
    """For the progress display; the student's label if empty."""
