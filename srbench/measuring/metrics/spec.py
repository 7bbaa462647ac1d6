"""The spec of a metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from srbench.naming import check_name

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """A score of sr, with or without hr."""

    name: str
    load: Callable[[torch.device], Callable[[Tensor, Tensor], Tensor]]
    """``load(device)`` returns ``metric(sr, hr) -> (N,)``; sr and hr are (N, C, H, W) float64 in [0, 1] on ``device``.
    May raise `UnavailableError`: the column is then empty with that reason."""
    unavailable: Callable[[], str | None] | None = None
    """Returns, without loading, the reason why it cannot be loaded, or None if it can; when this changes, cells that
    lack the metric are measured again. None: always available."""
    label: str
    unit: str = ""
    """"dB", or empty."""
    higher_is_better: bool = True
    needs_hr: bool = True
    channels: Literal["rgb", "y"] = "rgb"
    shaved: bool = True
    """Whether the protocol's border is removed first."""
    decimals: int = 4
    version: str = "1"
    """Part of the protocol id; raised whenever a value changes."""

    def __post_init__(self) -> None:
        check_name("metric", self.name)

    @property
    def column(self) -> str:
        """Name of the column, with its unit."""
        return f"{self.name}_{self.unit.lower()}" if self.unit else self.name
