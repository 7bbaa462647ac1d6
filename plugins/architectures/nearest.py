"""Nearest neighbours: every pixel of LR is repeated, the plainest way to enlarge."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

import srbench


class Nearest(nn.Module):
    """Repeats every pixel.

    Args:
        scale: Up-sampling factor.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, C, scale*h, scale*w)."""
        return F.interpolate(lr, scale_factor=self.scale, mode="nearest-exact")


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide enlargement by repetition."""
    return [
        srbench.ArchitectureSpec(
            name="nearest",
            label="Nearest",
            build=Nearest,
            scales=frozenset({2, 3, 4, 8}),
            trainable=False,
            license="Apache-2.0",
            notes="A control: no method should be below it.",
        )
    ]
