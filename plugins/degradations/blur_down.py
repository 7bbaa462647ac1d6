"""Gaussian blur and direct sub-sampling: the field's "BD" (SRMD, RDN and RCAN publish it at x3, with σ = 1.6).

As in the MATLAB script that RDN and RCAN prepare their test images with: ``imfilter`` with replicated borders on a
uint8 image, which rounds half up, then every scale-th pixel. It is sub-sampling, not a second bicubic filter.

Phase: lr stays aligned with bicubic's, its pixels in the middle of blocks of scale x scale. For odd scales that is
the block's centre pixel and the kernel has an odd side (7 at x3, as published; 2⌈3σ⌉+1 otherwise). For even scales no
pixel is in the middle: a kernel of even side 2⌈3σ⌉+2 (12) is centred between pixels, as the same authors' general
function does. Code that keeps pixels 0, s, 2s, ... is another degradation, (s-1)/2 pixels off: `blur_down_ircnn`,
IRCNN's direct down-sampler, with circular borders and otherwise alike.
"""

from __future__ import annotations

import math
from functools import partial

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
    """One side of MATLAB's ``fspecial('gaussian', side, sigma)``, in float64; their outer product is the kernel."""
    offsets = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    weights = torch.exp(-offsets.square() / (2 * sigma**2))
    return weights / weights.sum()


def kernel_side(scale: int, sigma: float = SIGMA) -> int:
    """Side of the kernel for ``scale``."""
    if scale == 3 and sigma == SIGMA:
        return 7
    return 2 * math.ceil(3 * sigma) + (1 if scale % 2 else 2)


def blur_down(hr: Tensor, scale: int, generator: Generator, *, rounding: bool = True) -> Tensor:  # noqa: ARG001
    """Blur, round to 8 bits, and keep the middle of every block.

    Args:
        hr: (N, C, scale*h, scale*w) in [0, 1].
        scale: Factor.
        generator: Not used.
        rounding: Take hr on the 255 levels and round the blurred image to them.

    Returns:
        (N, C, h, w) in [0, 1], of hr's dtype.
    """
    side = kernel_side(scale)
    weights = gaussian(side, SIGMA).to(hr.device)
    image = hr.double()
    if rounding:
        image = (image * 255).round()
    count, channels = image.shape[:2]
    # window of the first kept pixel: from `before` pixels outside; the last one's ends as far beyond the other edge
    before = (side - scale) // 2
    image = F.pad(image.flatten(0, 1).unsqueeze(1), (before,) * 4, mode="replicate")
    # only the pixels that are kept are computed
    image = F.conv2d(image, weights.view(1, 1, side, 1), stride=(scale, 1))
    image = F.conv2d(image, weights.view(1, 1, 1, side), stride=(1, scale))
    if rounding:
        image = (image + 0.5).floor() / 255
    return image.view(count, channels, *image.shape[-2:]).to(hr.dtype)


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """The published σ, and both phases."""
    return [
        srbench.DegradationSpec(
            name="blur_down",
            label="blur + subsample",
            apply=blur_down,
            unrounded=partial(blur_down, rounding=False),
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
            notes="Published at x3. lr lies (s-1)/2 pixels up and left of bicubic's.",
        ),
    ]
