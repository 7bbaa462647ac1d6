"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import torch

from srbench.measuring.metrics.checks import check_pair, check_range, in_double


def psnr(sr: torch.Tensor, hr: torch.Tensor, *, data_range: float) -> torch.Tensor:
    """Compute ``10·log10(data_range² / mse)`` of each image, in dB and in float64.

    Args:
        sr: ``(N, C, H, W)``, floating point or uint8.
        hr: The ground truth, of the same shape.
        data_range: White minus black: 1 for images in [0, 1], 255 for 8-bit images, and the same for their luma.

    Returns:
        ``(N,)`` float64; infinite for equal images.

    Raises:
        ShapeError: If the shapes differ, or are not ``(N, C, H, W)``.
        UsageError: If ``data_range`` is not a positive number.
    """
    check_pair(sr, hr, "PSNR")
    check_range(data_range, "PSNR")
    mse = (in_double(sr) - in_double(hr)).square().mean(dim=(1, 2, 3))
    return 20 * math.log10(data_range) - 10 * torch.log10(mse)
