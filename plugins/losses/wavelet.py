"""L1 on Haar sub-bands, with which any network can be trained to care for detail."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.wavelets import BANDS, haar

WEIGHTS = (1.0, 2.0, 2.0, 2.0)
"""Weights of LL, HL, LH and HH, our choice: a network that is trained by pixels alone misses most in the details."""


class SubbandL1(nn.Module):
    """The weighted mean of the sub-bands' mean absolute errors; with equal weights it is the L1 of all coefficients.

    Args:
        weights: Of LL, HL, LH and HH; they are divided by their sum.
    """

    def __init__(self, weights: Sequence[float] = WEIGHTS) -> None:
        super().__init__()
        self.shares = tuple(weight / sum(weights) for weight in weights)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss of sr and hr, (N, C, H, W) in [0, 1]."""
        error = sr - hr
        odd_height, odd_width = (side % 2 for side in error.shape[-2:])
        bands = haar(F.pad(error, (0, odd_width, 0, odd_height))).chunk(len(BANDS), dim=1)
        terms = [share * band.abs().mean() for share, band in zip(self.shares, bands, strict=True)]
        return torch.stack(terms).sum()


@srbench.hookimpl
def register_losses() -> list[srbench.LossSpec]:
    """Provide the loss with details that count twice."""
    return [
        srbench.LossSpec(
            name="subband_l1",
            label="weighted L1 of Haar sub-bands",
            build=SubbandL1,
            notes="One level of the orthonormal transform; LL has weight 1, HL, LH and HH have 2. For other weights, "
            "register SubbandL1 with yours under another name.",
        )
    ]
