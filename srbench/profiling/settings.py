"""The settings of a suite for profiling."""

from __future__ import annotations

from pydantic import Field

from srbench.toml import Table


class Profiling(Table):
    """How the costs of networks are measured."""

    enabled: bool = True
    """Whether costs are measured at all; ``--no-profile`` turns it off too."""
    latency_height: int = Field(default=256, gt=0)
    """Height of the input for latency and memory, in LR pixels."""
    latency_width: int = Field(default=256, gt=0)
    """Width of that input, in LR pixels."""
    latency_seconds: float = Field(default=2.0, gt=0)
    """Seconds for which each network is timed."""
    latency_repeats: int = Field(default=5, gt=0)
    """Minimum number of measured calls, even if they take longer."""
    memory: bool = True
    """Whether the memory of a forward pass is measured, in a process of its own."""
