"""Pixel losses, which a recipe names under ``losses``."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

import srbench

CHARBONNIER_EPSILON = 1e-3
"""Added in quadrature, for images in [0, 1]; LapSRN's value (Lai et al., CVPR 2017)."""


def charbonnier(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean of ``sqrt((sr - hr)² + ε²)`` with ε = 1e-3 on [0, 1]: an L1 that is smooth at zero."""
    return ((sr - hr).square() + CHARBONNIER_EPSILON**2).sqrt().mean()


def largest(sr: Tensor, hr: Tensor) -> Tensor:
    """The mean over images and channels of their largest absolute error: CoMoNet's second term."""
    return (sr - hr).abs().amax((2, 3)).mean()


def charbonnier_colour(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean over pixels of ``sqrt(mean of (sr - hr)² over the colours + 1e-6)``: the colours of a pixel share a root.

    It is CharbonnierLossColor of SwinFIR's release. An error in one colour counts more if the others are right.
    """
    return ((sr - hr).square().mean(1) + CHARBONNIER_EPSILON**2).sqrt().mean()


@srbench.hookimpl
def register_losses() -> list[srbench.LossSpec]:
    """Provide the pixel losses."""
    lapsrn = srbench.Paper(
        title="Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution",
        venue="CVPR",
        year=2017,
        url="https://arxiv.org/abs/1704.03915",
    )
    swinfir = srbench.Paper(
        title="SwinFIR: Revisiting the SwinIR with Fast Fourier Convolution and Improved Training for Image "
        "Super-Resolution",
        venue="arXiv",
        year=2022,
        url="https://arxiv.org/abs/2208.11247",
    )
    return [
        srbench.LossSpec(name="l1", label="mean absolute error", build=lambda: F.l1_loss),
        srbench.LossSpec(name="mse", label="mean squared error", build=lambda: F.mse_loss),
        srbench.LossSpec(name="linf", label="mean of the largest absolute errors", build=lambda: largest),
        srbench.LossSpec(name="charbonnier", label="Charbonnier", build=lambda: charbonnier, paper=lapsrn),
        srbench.LossSpec(
            name="charbonnier_colour",
            label="Charbonnier over colours",
            build=lambda: charbonnier_colour,
            paper=swinfir,
        ),
    ]
