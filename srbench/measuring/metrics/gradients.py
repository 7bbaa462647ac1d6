"""Gradient magnitude similarity deviation, GMSD (Xue et al., IEEE TIP 2014)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from srbench.errors import ShapeError
from srbench.measuring.metrics.psnr_ssim import check_pair

STABILITY = 170.0
"""The constant of the similarity, in squared levels of 255."""
GREY = (0.298936021293776, 0.587043074451121, 0.114020904255103)
"""MATLAB's rgb2gray: the first row of the inverse of its matrix of YIQ, which BT.601 rounds to 0.299, 0.587, 0.114."""
SMALLEST = 4
"""Pixels of the shortest side."""


def gmsd(sr: Tensor, hr: Tensor) -> Tensor:
    """Return the sample deviation of the gradient similarity, by the authors' MATLAB code; lower is better.

    Args:
        sr: (N, 3, H, W) in [0, 1]; its grey is rounded to 8 bits, as MATLAB's rgb2gray does for images of 8 bits.
        hr: Likewise.

    Returns:
        (N,).

    Raises:
        ShapeError: The two are not RGB images of one size of at least `SMALLEST` pixels a side.
    """
    check_pair(sr, hr, "GMSD")
    if sr.shape[1] != 3 or min(sr.shape[-2:]) < SMALLEST:
        raise ShapeError(f"GMSD needs RGB images of at least {SMALLEST} pixels a side, not {tuple(sr.shape)}.")
    return gradient_similarity(_grey(sr), _grey(hr)).flatten(1).std(dim=1)


def gradient_similarity(first: Tensor, second: Tensor) -> Tensor:
    """Return the similarity of the gradients of two images, 1 where they are equal.

    Args:
        first: (N, 1, H, W) in levels of 255.
        second: Likewise.

    Returns:
        (N, 1, H // 2, W // 2): both are reduced by averages of 2 x 2 pixels first, and then filtered by Prewitt's.
    """
    one, other = (_gradient(functional.avg_pool2d(image, 2)) for image in (first, second))
    return (2 * one * other + STABILITY) / (one.square() + other.square() + STABILITY)


def _grey(image: Tensor) -> Tensor:
    weights = torch.tensor(GREY, dtype=image.dtype, device=image.device)
    return (image * 255 * weights[:, None, None]).sum(dim=1, keepdim=True).round()


def _gradient(image: Tensor) -> Tensor:
    """Return the magnitude of Prewitt's gradient, with zeros around the image."""
    across = image.new_tensor([[1.0, 0.0, -1.0]] * 3)[None, None] / 3
    filters = torch.cat([across, across.transpose(2, 3)])
    return functional.conv2d(image, filters, padding=1).square().sum(dim=1, keepdim=True).sqrt()
