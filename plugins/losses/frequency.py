"""A loss on DCT coefficients, as FreqNet is trained with (Cai, Ding and Lu, arXiv 2111.10800). A reconstruction.

The paper's abstract says that there is one. The rest follows a public re-implementation: blocks of 32x32, coefficients
divided by their standard deviations, a Charbonnier penalty on each, and weights by rings of frequency. A loss knows no
training set, so the deviations here are a law fitted to photographs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.freqnet import PAPER, BlockDCT
from torch import Tensor, nn

import srbench

EPSILON = 1e-3
"""Added in quadrature to coefficients of deviation 1."""
RINGS = (0.04, 0.08, 0.12, 0.16, 0.20, 0.24, 0.28, 0.32)
"""Outer edges, in units of the highest frequency along a side; lr of x4 ends at 0.25."""
WEIGHTS = (1.0, 1.0, 5.0, 10.0, 10.0, 5.0, 1.0, 1.0, 1.0)
"""Of the rings, and of what lies beyond them."""


def deviation(radius: Tensor) -> Tensor:
    """Standard deviation of a coefficient of luma in photographs in [0, 1], from its frequency: 0.03 r^-1.2.

    Fitted to the orthonormal coefficients of B100's images, for blocks of 8x8 and 32x32 alike; within 14 % (one
    standard deviation).
    """
    return 0.03 * radius.pow(-1.2)


class FrequencyLoss(nn.Module):
    """Mean of ``weight * sqrt((difference / deviation)² + ε²)`` over the coefficients of all whole and partial blocks.

    Args:
        block: Side of a block.
    """

    def __init__(self, block: int = 32) -> None:
        super().__init__()
        self.dct = BlockDCT(block)
        radius = self.dct.radius.clamp_min(0.5 / block)  # the mean varies about as half a period in the block would
        ring = torch.bucketize(radius, torch.tensor(RINGS))
        self.weight: Tensor
        self.deviation: Tensor
        self.register_buffer("weight", torch.tensor(WEIGHTS)[ring].view(-1, 1, 1))
        self.register_buffer("deviation", deviation(radius).view(-1, 1, 1))

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """(N, C, H, W) each, in [0, 1], to one number; colours are transformed one by one."""
        difference = (sr - hr).flatten(0, 1).unsqueeze(1)
        missing = (-side % self.dct.block for side in (difference.shape[3], difference.shape[2]))
        padding = [amount for after in missing for amount in (0, after)]  # a difference of zero counts for nothing
        scores = self.dct(F.pad(difference, padding)) / self.deviation
        loss: Tensor = (self.weight * (scores.square() + EPSILON**2).sqrt()).mean()
        return loss


@srbench.hookimpl
def register_losses() -> list[srbench.LossSpec]:
    """With blocks as large as the re-implementation has them."""
    return [
        srbench.LossSpec(
            name="frequency",
            label="ring-weighted Charbonnier on DCT coefficients",
            build=FrequencyLoss,
            paper=PAPER,
            reconstruction=True,
            notes="Blocks of 32x32 and the rings of a re-implementation for x4, where they favour what lies about "
            "the highest frequency of lr; the deviations that coefficients are divided by are ours.",
        )
    ]
