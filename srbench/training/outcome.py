"""What a training has to tell when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from srbench.records import TrainingCosts


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """How a training went."""

    steps: int
    resumed_at: int
    """Steps that an earlier process had done; 0 for a training in one go."""
    seconds: float
    """Spent in training, in all processes together."""
    images_per_second: float
    """Patches a second over this process's steps; 0 if it had none to do."""
    held_out_psnr: float | None
    """dB on the held-out patches at the end; None where the images are too small for any."""
    terms: Mapping[str, float]
    """Mean of each loss term over the last stretch of steps."""
    notes: tuple[str, ...]
    costs: TrainingCosts | None
    """Of a step; None where there were too few to time one."""
