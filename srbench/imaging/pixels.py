"""8-bit pixels: to tensors and back, their levels, their hash."""

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
    """Convert ``(H, W, C)`` or ``(H, W)`` to the ``(C, H, W)`` float32 in [0, 1] of networks; grey has C = 1."""
    import torch

    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes)).to(torch.float32).div_(255)


def to_uint8(image: torch.Tensor) -> torch.Tensor:
    """Round an image in [0, 1] to the 256 levels of an 8-bit file.

    This is ``round(255·x)``, clamped, with ties to even, as in the field's NumPy and PyTorch evaluation scripts.
    (MATLAB rounds ties up; ties are rare in the output of a network, and `imresize` has its own rounding.)

    Raises:
        DataError: If a value is not a number.
    """
    import torch

    levels = (image.to(torch.promote_types(image.dtype, torch.float32)) * 255).round_().clamp_(0, 255)
    if bool(levels.isnan().any()):
        count = int(levels.isnan().sum())
        raise DataError(f"{count} of the {levels.numel()} values of an image are not numbers; check what produced it.")
    return levels.to(torch.uint8)


def settled(levels: torch.Tensor) -> torch.Tensor:
    """Round values in 8-bit levels to a fine grid, of 2^-20 levels in float64 and 2^-13 in float32.

    Rounding to whole levels then gives the same on every machine: the mean of four pixels is exactly half-way between
    two levels one time in four, and would otherwise be rounded by the last bits of the addition.
    """
    import torch

    step = 2.0**20 if levels.dtype == torch.float64 else 2.0**13
    return (levels * step).round() / step


def pixel_hash(image: Pixels) -> str:
    r"""Return the sha256 of the pixels (H, W), (H, W, 1) or (H, W, 3), which does not depend on the file format.

    It is taken over ``"{height}x{width}x{channels}\n"`` and the values, rows first, channels last. A colour image
    whose three channels are equal has the hash of the grey image.
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
