"""What the jobs of a run store, where `srbench.records` does not have it already."""

from __future__ import annotations

from srbench.records import Environment, ImageScores, Score, Stored, TrainingCosts, WarmStart
from srbench.running.late_names import CodeByName


class Pace(Stored):
    """How long the training steps of a method take, compared with those of plain training."""

    ratio: float
    """How many times as long; a multiple of `srbench.running.equal_time.GRAIN`."""
    seconds_per_step: float
    plain_seconds_per_step: float
    late_names: CodeByName
    """What the method asked for by name."""


class Trained(Stored):
    """How a training went; the weights are in a file beside this result."""

    weights_sha256: str
    train_seconds: float
    train_steps: int
    time_ratio: float | None = None
    """The `Pace.ratio` that decided the steps; None for trainings that take the steps of their recipe."""
    costs: TrainingCosts | None = None
    warm_start: WarmStart | None = None
    late_names: CodeByName
    """What the distiller asked for by name."""
    environment: Environment


class MeasuredCell(Stored):
    """The scores of a model on the images of one cell."""

    scores: dict[str, Score]
    images: tuple[ImageScores, ...]
    """Kept files are named relative to the folder ``images`` beside this result."""
    lr_source: str
    representation_file: str | None = None
    environment: Environment
    seconds: float
    created: str
    """UTC, ISO 8601."""
