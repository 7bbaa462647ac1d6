"""Luma and chroma as super-resolution measures them: MATLAB's ``rgb2ycbcr`` and ``ycbcr2rgb`` on doubles.

ITU-R BT.601 limited range: Y runs from 16/255 to 235/255, not from 0 to 1. The full-range luma that JPEG, OpenCV and
YIQ use gives a PSNR 1.32 dB lower for the same image.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from srbench.errors import ShapeError

# Rows Y, Cb, Cr for R, G, B in [0, 1], on the scale 0 … 255.
_TO_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
_OFFSETS = (16.0, 128.0, 128.0)
# MATLAB prints this inverse with six digits; the exact one makes the way back exact.
_TO_RGB = np.linalg.inv(_TO_YCBCR)


def rgb_to_y(rgb: torch.Tensor) -> torch.Tensor:
    """BT.601 luma, not rounded.

    Args:
        rgb: ``(…, 3, H, W)`` floating point in [0, 1].

    Returns:
        ``(…, 1, H, W)`` in [16/255, 235/255], of the same dtype. Multiply by 255 for the scale of 8-bit images.

    Raises:
        ShapeError: If there are not three floating point channels.
    """
    _need_three(rgb, "RGB")
    red, green, blue = rgb.unbind(-3)
    return ((65.481 * red + 128.553 * green + 24.966 * blue + 16.0) / 255).unsqueeze(-3)


def rgb_to_ycbcr(rgb: torch.Tensor) -> torch.Tensor:
    """Luma and chroma.

    Args:
        rgb: ``(…, 3, H, W)`` floating point in [0, 1].

    Returns:
        ``(…, 3, H, W)`` of the same dtype: Y in [16/255, 235/255], Cb and Cr in [16/255, 240/255].

    Raises:
        ShapeError: If there are not three floating point channels.
    """
    _need_three(rgb, "RGB")
    planes = _mix(_TO_YCBCR, list(rgb.unbind(-3)))
    return torch.stack([(plane + offset) / 255 for plane, offset in zip(planes, _OFFSETS, strict=True)], dim=-3)


def ycbcr_to_rgb(ycbcr: torch.Tensor) -> torch.Tensor:
    """The way back from `rgb_to_ycbcr`; not clamped, since clamping belongs to whoever writes the image.

    Args:
        ycbcr: ``(…, 3, H, W)`` floating point, as `rgb_to_ycbcr` gives it.

    Returns:
        ``(…, 3, H, W)`` of the same dtype.

    Raises:
        ShapeError: If there are not three floating point channels.
    """
    _need_three(ycbcr, "YCbCr")
    planes = [plane * 255 - offset for plane, offset in zip(ycbcr.unbind(-3), _OFFSETS, strict=True)]
    return torch.stack(_mix(_TO_RGB, planes), dim=-3)


def _mix(matrix: NDArray[np.float64], planes: list[torch.Tensor]) -> list[torch.Tensor]:
    # plane by plane and not as a matrix product, whose precision others may have lowered (TF32, autocast)
    first, second, third = planes
    return [float(a) * first + float(b) * second + float(c) * third for a, b, c in matrix]


def _need_three(image: torch.Tensor, colours: str) -> None:
    if image.ndim < 3 or image.shape[-3] != 3 or not image.is_floating_point():
        raise ShapeError(
            f"{colours} was expected as a floating point tensor (…, 3, H, W), not {image.dtype} of shape "
            f"{tuple(image.shape)}; a greyscale image is its own luma."
        )
