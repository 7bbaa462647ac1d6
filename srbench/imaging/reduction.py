"""Reduce images by any blur kernel and a whole factor, aligned with bicubic reduction."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from srbench.errors import ShapeError
from srbench.imaging.borders import Border, pad


def blur_and_subsample(images: Tensor, kernel: Tensor, scale: int, *, border: Border = "replicate") -> Tensor:
    """Blur images with one kernel and keep a pixel of every block of ``scale`` x ``scale``; differentiable.

    The kernel is laid with its middle on the middle of the block, so that the result has the phase of bicubic
    reduction. If one of its side and the scale is odd and the other even, this is between pixels; the pixel below and
    right of it is taken, as MATLAB's nearest does. Only the pixels that are kept are computed.

    Args:
        images: (N, C, H, W) floating point; where H or W does not divide by the scale, the last block is partly beyond
            the border.
        kernel: (k, k) at the size of ``images``, of any dtype and device. It is correlated, not convolved.
        scale: Factor, at least 1.
        border: How the images go on beyond their edges.

    Returns:
        (N, C, ceil(H / scale), ceil(W / scale)) of the dtype of ``images``.

    Raises:
        ShapeError: The kernel is not a square, or the scale is below 1.
    """
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or scale < 1:
        raise ShapeError(
            f"Images cannot be blurred with a kernel of shape {tuple(kernel.shape)} and reduced by {scale}; give a "
            "kernel (k, k) and a factor of at least 1."
        )
    around = max(0, (scale - kernel.shape[0] + 1) // 2)  # zeros around a kernel that is smaller than a block
    kernel = F.pad(kernel, (around,) * 4).to(images)
    side = kernel.shape[0]
    before = (side - scale) // 2
    kept = [-(-length // scale) for length in images.shape[-2:]]
    rows, columns = (
        (before, max(0, (count - 1) * scale + side - before - length))
        for count, length in zip(kept, images.shape[-2:], strict=True)
    )
    planes = pad(images, rows, columns, border).flatten(0, 1).unsqueeze(1)
    blurred = F.conv2d(planes, kernel[None, None], stride=scale)[..., : kept[0], : kept[1]]
    return blurred.view(*images.shape[:2], *kept)
