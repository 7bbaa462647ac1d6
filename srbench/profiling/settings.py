"""The settings of a suite for profiling."""

from __future__ import annotations

import operator

from pydantic import Field

from srbench.scales import Scale, Sides, covering_lr_size
from srbench.toml import Table


class Profiling(Table):
    """How the costs of networks are measured."""

    enabled: bool = True
    """Whether costs are measured at all; ``--no-profile`` turns it off too."""
    latency_height: int = Field(default=256, gt=0)
    """Height of the input for latency and memory, in LR pixels."""
    latency_width: int = Field(default=256, gt=0)
    """Width of that input, in LR pixels."""
    latency_output: str = Field(default="", pattern=r"^([1-9]\d{0,4}x[1-9]\d{0,4})?$", exclude_if=operator.not_)
    """Width and height of HR instead, such as "1280x720"; a network gets the scale-th part, rounded up."""
    batch: int = Field(default=1, gt=0, exclude_if=lambda batch: batch == 1)
    """Images in a timed call of a backend."""
    latency_seconds: float = Field(default=2.0, gt=0)
    """Seconds for which each network is timed."""
    latency_repeats: int = Field(default=5, gt=0)
    """Minimum number of measured calls, even if they take longer."""
    memory: bool = True
    """Whether the memory of a forward pass is measured, in a process of its own."""

    def size_at(self, scale: Scale) -> Sides:
        """Return height and width of the input, in LR pixels."""
        if not self.latency_output:
            return self.latency_height, self.latency_width
        width, height = map(int, self.latency_output.split("x"))
        return covering_lr_size((height, width), scale)
