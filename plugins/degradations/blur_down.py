"""Gaussian blur and direct sub-sampling, called "BD" in papers (SRMD, RDN and RCAN publish it at x3, with σ = 1.6).

It follows the MATLAB script that made the test images of RDN and RCAN: ``imfilter`` with replicated borders on a uint8
image, which rounds half up, then every scale-th pixel. It is sub-sampling, not a second bicubic filter.

Phase: lr is aligned with bicubic's, its pixels at the centres of blocks of scale x scale. For odd scales that is the
centre pixel, and the kernel has an odd side (7 at x3, as published; 2⌈3σ⌉+1 otherwise). For even scales the centre is
between pixels, so the kernel has an even side, 2⌈3σ⌉+2 (12), as in the same authors' general function. Code that keeps
pixels 0, s, 2s, ... shifts lr by (s-1)/2 pixels: `blur_down_ircnn`, IRCNN's direct down-sampler, which also has
circular borders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from srbench_plugins.steps.blur import GaussianBlur
from srbench_plugins.steps.down import Subsample
from srbench_plugins.steps.quantise import Quantise
from torch import Generator, Tensor
from torch.nn import functional as F

import srbench
from srbench.degrading import Chain

SIGMA = 1.6


def gaussian(side: int, sigma: float) -> Tensor:
    """The 1-D factor of MATLAB's ``fspecial('gaussian', side, sigma)`` in float64; its outer product is the kernel."""
    offsets = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    weights = torch.exp(-offsets.square() / (2 * sigma**2))
    return weights / weights.sum()


def kernel_side(scale: int, sigma: float = SIGMA) -> int:
    """The side of the kernel for ``scale``."""
    if scale == 3 and sigma == SIGMA:
        return 7
    return 2 * math.ceil(3 * sigma) + (1 if scale % 2 else 2)


def blur_down(hr: Tensor, scale: int, generator: Generator, *, rounding: bool = True) -> Tensor:  # noqa: ARG001
    """Blur hr, round it to 8 bits, and keep the centre of every block.

    Args:
        hr: (N, C, scale*h, scale*w) in [0, 1].
        scale: Factor.
        generator: Not used.
        rounding: Round hr and the blurred image to 8-bit levels.

    Returns:
        (N, C, h, w) in [0, 1], of hr's dtype.
    """
    side = kernel_side(scale)
    weights = gaussian(side, SIGMA).to(hr.device)
    image = hr.double()
    if rounding:
        image = (image * 255).round()
    count, channels = image.shape[:2]
    # the window of the first kept pixel begins `before` pixels outside; that of the last one ends as far outside
    before = (side - scale) // 2
    image = F.pad(image.flatten(0, 1).unsqueeze(1), (before,) * 4, mode="replicate")
    # only the kept pixels are computed
    image = F.conv2d(image, weights.view(1, 1, side, 1), stride=(scale, 1))
    image = F.conv2d(image, weights.view(1, 1, 1, side), stride=(1, scale))
    if rounding:
        image = (image + 0.5).floor() / 255
    return image.view(count, channels, *image.shape[-2:]).to(hr.dtype)


def kernel(drawn: Mapping[str, Any], scale: int) -> Tensor:  # noqa: ARG001 - the interface of kernels
    """Return the kernel, whose middle is that of the blocks."""
    line = gaussian(kernel_side(scale), SIGMA)
    return torch.outer(line, line)


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide the published σ in both phases."""
    return [
        srbench.DegradationSpec(
            name="blur_down",
            label="blur + subsample",
            apply=blur_down,
            unrounded=partial(blur_down, rounding=False),
            kernel=kernel,
            stochastic=False,
            scales=frozenset({2, 3, 4, 8}),
            paper=srbench.Paper(
                title="Learning a Single Convolutional Super-Resolution Network for Multiple Degradations",
                venue="CVPR",
                year=2018,
                url="https://arxiv.org/abs/1712.06116",
            ),
        ),
        srbench.DegradationSpec(
            name="blur_down_ircnn",
            label="blur + subsample (upper left)",
            chain=Chain(
                [
                    GaussianBlur(sigma_px=SIGMA, side_px=7, border="circular", fspecial=True),
                    Quantise(),
                    Subsample(phase="upper_left"),
                ]
            ),
            stochastic=False,
            scales=frozenset({2, 3, 4}),
            paper=srbench.Paper(
                title="Learning Deep CNN Denoiser Prior for Image Restoration",
                venue="CVPR",
                year=2017,
                url="https://arxiv.org/abs/1704.03264",
            ),
            notes="Published at x3. lr is shifted by (s-1)/2 pixels up and left relative to bicubic's.",
        ),
    ]
