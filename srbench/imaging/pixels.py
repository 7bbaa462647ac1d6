"""8-bit pixels: as tensors, on their levels, and their hash."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from srbench.errors import DataError

if TYPE_CHECKING:
    import torch

Pixels = NDArray[np.uint8]


def to_tensor(pixels: Pixels) -> torch.Tensor:
    """Pixels as a network takes them.

    Args:
        pixels: ``(H, W, C)`` or ``(H, W)`` uint8.

    Returns:
        ``(C, H, W)`` float32 in [0, 1]; grey has C = 1.
    """
    import torch

    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes)).to(torch.float32).div_(255)


def to_uint8(image: torch.Tensor) -> torch.Tensor:
    """Round an image in [0, 1] to the 256 levels it would be saved with.

    ``round(255·x)`` clamped, exact ties to even: what the field's NumPy and PyTorch evaluation scripts do. (MATLAB
    rounds ties up; ties are rare in the output of a network, and `imresize` has its own rounding.)

    Args:
        image: Floating point of any shape, in [0, 1]; values outside are clamped.

    Returns:
        uint8 of the same shape.

    Raises:
        DataError: If a value is not a number: no grey level stands for that.
    """
    import torch

    levels = (image.to(torch.promote_types(image.dtype, torch.float32)) * 255).round_().clamp_(0, 255)
    if bool(levels.isnan().any()):
        count = int(levels.isnan().sum())
        raise DataError(f"{count} of the {levels.numel()} values of an image are not numbers; look for what made them.")
    return levels.to(torch.uint8)


def settled(levels: torch.Tensor) -> torch.Tensor:
    """Values on a fine grid: steps of 2^-20 levels in float64, of 2^-13 in float32.

    The sum of four pixels, a quarter each, is exactly half-way between two levels one time in four; which way it is
    rounded would otherwise depend on the last bits of the machine that added them.

    Args:
        levels: Of any shape, in units of 8-bit levels.

    Returns:
        The same shape and dtype.
    """
    import torch

    step = 2.0**20 if levels.dtype == torch.float64 else 2.0**13
    return (levels * step).round() / step


def pixel_hash(image: Pixels) -> str:
    r"""sha256 of an image's pixels, the same however the file was compressed.

    It is taken over ``"{height}x{width}x{channels}\n"`` and the values, rows first, channels last. A colour image
    whose three channels are equal is hashed as the grey image it is.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3), 8 bit.
    """
    if image.ndim == 2:
        image = image[..., None]
    if (
        image.shape[2] == 3
        and np.array_equal(image[..., 0], image[..., 1])
        and np.array_equal(image[..., 0], image[..., 2])
    ):
        image = image[..., :1]
    height, width, channels = image.shape
    digest = hashlib.sha256(f"{height}x{width}x{channels}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
