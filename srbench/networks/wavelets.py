"""The orthonormal Haar transform, as functions and as layers: an image becomes four sub-bands of half its size.

For authors of networks and losses: ``from srbench.networks.wavelets import haar, inverse_haar``. Sub-bands are ordered,
and signed, as in MWCNN's release.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srbench.errors import ShapeError

BANDS = ("LL", "HL", "LH", "HH")
"""The sub-bands in their order: twice the mean, the difference of columns, the difference of rows, that of both."""


def haar(images: Tensor) -> Tensor:
    """Split images into their sub-bands.

    Args:
        images: (N, C, H, W), whose sides are even.

    Returns:
        (N, 4C, H/2, W/2): LL of every channel, then HL, LH and HH. The transform keeps the sum of squares.

    Raises:
        ShapeError: A side is odd.
    """
    height, width = images.shape[-2:]
    if height % 2 or width % 2:
        raise ShapeError(
            f"The Haar transform halves both sides, and {height}x{width} has an odd one; pad the images, or declare a "
            "size_multiple in the network's spec."
        )
    upper, lower = images[..., 0::2, :], images[..., 1::2, :]  # rows first, which are contiguous in memory
    total, step = upper + lower, lower - upper
    left, right = total[..., 0::2], total[..., 1::2]
    left_step, right_step = step[..., 0::2], step[..., 1::2]
    bands = (left + right, right - left, left_step + right_step, right_step - left_step)
    return torch.cat(bands, dim=1).div_(2)


def inverse_haar(bands: Tensor) -> Tensor:
    """Put images together again from their sub-bands; the exact inverse of `haar`.

    Args:
        bands: (N, 4C, h, w) in the order of `haar`.

    Returns:
        (N, C, 2h, 2w).

    Raises:
        ShapeError: The channels are not a multiple of four.
    """
    if bands.shape[1] % 4:
        raise ShapeError(
            f"The inverse Haar transform needs four sub-bands of each channel, and {bands.shape[1]} channels are not a "
            "multiple of 4; give as many as haar returns."
        )
    low, across, down, both = bands.chunk(4, dim=1)
    left, right = low - across, low + across
    left_step, right_step = down - both, down + both
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        pixels = (left - left_step, right - right_step, left + left_step, right + right_step)
        return F.pixel_shuffle(torch.stack(pixels, dim=2).flatten(1, 2), 2).div_(2)
    count, channels, height, width = low.shape
    images = bands.new_empty(count, channels, 2 * height, 2 * width)
    for row, operator in enumerate((torch.sub, torch.add)):  # a third of the time of stacking pixels and moving them
        operator(left, left_step, out=images[..., row::2, 0::2])
        operator(right, right_step, out=images[..., row::2, 1::2])
    return images.div_(2)


def haar_matrix(channels: int) -> Tensor:
    """Return the transform of blocks of 2x2 pixels as a matrix (4C, 4C), from `F.pixel_unshuffle` to `haar`.

    It is orthonormal: its transpose is the way back, to what `F.pixel_shuffle` takes. Convolutions next to a transform
    can do its work; see `srbench.networks.folding`.

    Args:
        channels: C, the channels of the image.
    """
    blocks = F.pixel_shuffle(torch.eye(4 * channels)[..., None, None], 2)
    return haar(blocks).flatten(1).mT


class Haar(nn.Module):
    """`haar` as a layer, which replaces pooling without losing anything; it has no weights."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W), whose sides are even, to (N, 4C, H/2, W/2)."""
        return haar(x)


class InverseHaar(nn.Module):
    """`inverse_haar` as a layer; it has no weights."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 4C, h, w) to (N, C, 2h, 2w)."""
        return inverse_haar(x)
