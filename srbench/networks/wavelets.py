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
    pixels = torch.unflatten(F.pixel_unshuffle(images, 2), 1, (-1, 4))
    upper_left, upper_right, lower_left, lower_right = pixels.unbind(2)
    left, right = upper_left + lower_left, upper_right + lower_right
    left_step, right_step = lower_left - upper_left, lower_right - upper_right
    return torch.cat((left + right, right - left, left_step + right_step, right_step - left_step), dim=1) / 2


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
    pixels = (left - left_step, right - right_step, left + left_step, right + right_step)
    return F.pixel_shuffle(torch.stack(pixels, dim=2).flatten(1, 2), 2) / 2


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
