"""Scores over a dataset and of its images, and whether the copy of the dataset was certified."""

from __future__ import annotations

import operator
from typing import Literal

from pydantic import Field

from srbench.records.stored import FileInside, Measured, Stored, absent


class Score(Measured):
    """The mean of a metric over a dataset. An infinite one (identical images) is missing, with that as the reason."""

    metric: str
    column: str
    """Name of the leaderboard column, with the unit."""
    protocol: str
    """Full id, see `srbench.measuring.protocol.score_id`."""
    higher_is_better: bool
    decimals: int = 4
    low: float | None = None
    """Low end of the 95 % interval of the mean over images (Student's t); None for a single image."""
    high: float | None = None
    """High end of that interval."""
    reported: float | None = None
    """The score that the authors report for the same dataset, scale and checkpoint."""
    reported_source: str | None = None
    label: str = Field(default="", exclude_if=operator.not_)
    """Name of the metric for people; empty for those that reports know."""
    binary: bool = Field(default=False, exclude_if=operator.not_)
    """Whether every image scores 0 or 100, right or wrong, which decides its intervals and tests."""
    of_input: bool = Field(default=False, exclude_if=operator.not_)
    """Whether it scores what the model was given, not what it made of it."""
    samples: tuple[float, ...] = Field(default=(), exclude_if=operator.not_)
    """The score of each sample over the dataset, if several sr were drawn for each image; ``value`` is their mean."""


class ImageScores(Stored):
    """The scores of one image."""

    name: str
    scores: dict[str, float | None]
    """Value by metric, the mean of the samples if several were drawn; None if not computed, or infinite."""
    samples: tuple[dict[str, float | None], ...] = Field(default=(), exclude_if=operator.not_)
    """The scores of each sample, if several were drawn."""
    sample_files: tuple[FileInside, ...] = Field(default=(), exclude_if=operator.not_)
    """The kept sr of each sample, if several were drawn; the first is ``sr_file``."""
    sr_file: FileInside | None = None
    """The super-resolved image below the records folder, if it was kept."""
    hr_file: FileInside | None = None
    lr_file: FileInside | None = None
    map_file: FileInside | None = Field(default=None, exclude_if=absent)
    """The network's map of its uncertainty; see `srbench.measuring.kept_maps`."""


class Certification(Stored):
    """Whether bicubic interpolation on this copy of the dataset gives the published row."""

    status: Literal["certified", "uncertified", "no reference"]
    detail: str
    """The difference, and the source of the published row."""
