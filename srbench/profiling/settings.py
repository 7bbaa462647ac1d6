"""What a suite asks to be profiled."""

from __future__ import annotations

from pydantic import Field

from srbench.toml import Table


class Profiling(Table):
    """What to find out about cost."""

    enabled: bool = True
    latency_height: int = Field(default=256, gt=0)
    """Input for latency and memory, in LR pixels."""
    latency_width: int = Field(default=256, gt=0)
    latency_seconds: float = Field(default=2.0, gt=0)
    """Time budget for each network."""
    latency_repeats: int = Field(default=5, gt=0)
    """Measured calls at least, however long they take."""
    memory: bool = True
