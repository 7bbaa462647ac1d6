"""What a plugin declares of a training loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from srbench.naming import Paper, check_name

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSpec:
    """A training loss."""

    name: str
    build: Callable[[], Callable[[Tensor, Tensor], Tensor]]
    """``build()`` gives ``loss(sr, hr) -> ()``, both (N, C, H, W) in [0, 1]. May be an ``nn.Module``."""
    label: str = ""
    paper: Paper | None = None
    reconstruction: bool = False
    """True where the paper leaves the loss open and this is our reading of it."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("loss", self.name)
