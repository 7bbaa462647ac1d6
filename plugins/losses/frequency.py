"""The loss on DCT coefficients that trains FreqNet (Cai, Ding and Lu, arXiv 2111.10800). A reconstruction.

The paper's abstract only mentions such a loss. The rest follows a public reimplementation: blocks of 32x32,
coefficients divided by their standard deviations, a Charbonnier penalty on each, and weights by rings of frequency. A
loss has no access to the training set, so the deviations follow a law fitted to photographs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.freqnet import PAPER, BlockDCT
from torch import Tensor, nn

import srbench

CHARBONNIER_EPSILON = 1e-3
"""Added in quadrature to normalised coefficients."""
RING_EDGES = (0.04, 0.08, 0.12, 0.16, 0.20, 0.24, 0.28, 0.32)
"""Outer edges of the rings, in units of the highest frequency along a side; lr of x4 ends at 0.25."""
RING_WEIGHTS = (1.0, 1.0, 5.0, 10.0, 10.0, 5.0, 1.0, 1.0, 1.0)
"""Weights of the rings, and of all frequencies beyond them."""


def deviation(radius: Tensor) -> Tensor:
    """Standard deviation of a coefficient of luma in photographs in [0, 1], from its frequency: 0.03 r^-1.2.

    It was fitted to the orthonormal coefficients of B100's images, in blocks of 8x8 and of 32x32, and is accurate to
    14 % (one standard deviation).
    """
    return 0.03 * radius.pow(-1.2)


class FrequencyLoss(nn.Module):
    """Mean of ``weight * sqrt((difference / deviation)² + ε²)`` over the coefficients of all whole and partial blocks.

    Args:
        block: Side of a block in pixels.
    """

    def __init__(self, block: int = 32) -> None:
        super().__init__()
        self.dct = BlockDCT(block)
        radius = self.dct.radius.clamp_min(0.5 / block)  # treat the mean as half a period in the block
        ring = torch.bucketize(radius, torch.tensor(RING_EDGES))
        self.weight: Tensor
        self.deviation: Tensor
        self.register_buffer("weight", torch.tensor(RING_WEIGHTS)[ring].view(-1, 1, 1))
        self.register_buffer("deviation", deviation(radius).view(-1, 1, 1))

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss of sr and hr, (N, C, H, W) in [0, 1]; each colour is transformed separately."""
        difference = (sr - hr).flatten(0, 1).unsqueeze(1)
        missing = (-side % self.dct.block for side in (difference.shape[3], difference.shape[2]))
        padding = [amount for after in missing for amount in (0, after)]  # zeros change the loss only by a constant
        scores = self.dct(F.pad(difference, padding)) / self.deviation
        loss: Tensor = (self.weight * (scores.square() + CHARBONNIER_EPSILON**2).sqrt()).mean()
        return loss


@srbench.hookimpl
def register_losses() -> list[srbench.LossSpec]:
    """Provide the loss with the block size of the reimplementation."""
    return [
        srbench.LossSpec(
            name="frequency",
            label="ring-weighted Charbonnier on DCT coefficients",
            build=FrequencyLoss,
            paper=PAPER,
            reconstruction=True,
            notes="Blocks of 32x32 and the rings of a reimplementation for x4, which emphasise frequencies around the "
            "highest one of lr; the deviations that divide coefficients are ours.",
        )
    ]
