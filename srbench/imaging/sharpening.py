"""Unsharp masking, which some methods apply to ground truths before they degrade them."""

from __future__ import annotations

import torch
from torch import Tensor

from srbench.imaging.filtering import filter_lines


def sharpen(images: Tensor, *, weight: float = 0.5, radius: int = 50, threshold: float = 10.0) -> Tensor:
    """Unsharp masking as Real-ESRGAN and BSRGAN do it to ground truths.

    Where an image differs from its blurred self by more than a threshold, part of the difference is added; the map of
    those places is blurred too. The blur's standard deviation is OpenCV's for the radius, 8.0 pixels for 50.

    Args:
        images: (N, C, H, W) in [0, 1].
        weight: Of the difference.
        radius: Side of the blur in pixels; the next odd number is taken. Borders are reflected.
        threshold: In 8-bit levels, for each channel.

    Returns:
        (N, C, H, W) in [0, 1] where ``images`` are.
    """
    side = radius + 1 - radius % 2
    steps = torch.arange(side, dtype=torch.float64, device=images.device) - side // 2
    line = torch.softmax(-0.5 * (steps / (0.3 * ((side - 1) * 0.5 - 1) + 0.8)).square(), 0)
    residual = images - filter_lines(images, line, line)
    mask = (residual.abs() * 255 > threshold).to(images.dtype)
    soft = filter_lines(mask, line, line)
    sharp = (images + weight * residual).clamp(0, 1)
    return soft * sharp + (1 - soft) * images
