"""Resizing without antialiasing, as PyTorch and OpenCV do it; MATLAB's resize is `srbench.imaging.imresize`.

Both use cubic weights with a = −0.75 where MATLAB has −0.5, align images by the outer edges of their corners, and
repeat edge pixels. They average areas differently: PyTorch takes whole pixels, OpenCV parts of pixels too.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from srbench.errors import ShapeError, UsageError

Mode: TypeAlias = Literal["bilinear", "bicubic", "area"]
MODES: tuple[Mode, ...] = ("bilinear", "bicubic", "area")

_LEAST_PART = 1e-3
"""OpenCV ignores smaller parts of pixels at the ends of an area."""


def interpolate(
    images: Tensor, mode: Mode, *, size: tuple[int, int] | None = None, factor: float | None = None
) -> Tensor:
    """Resize with PyTorch's ``F.interpolate``, to an output size or by a factor.

    The two differ: by a factor the output has ``⌊factor · side⌋`` pixels, whose positions follow from the factor and
    not from the ratio of the sides, so that the last ones may not reach the image's edge. Real-ESRGAN's first resize
    uses a factor, its others a size.

    Args:
        images: (N, C, H, W).
        mode: "area" is the mean over all pixels that an output pixel touches, even when enlarging.
        size: Output height and width, or …
        factor: … output over input side.

    Returns:
        (N, C, H', W'), beyond the range of ``images`` where "bicubic" overshoots.
    """
    _check(mode, size)
    if (size is None) == (factor is None):
        raise UsageError("interpolate needs either an output size or a factor; give one of them.")
    if factor is not None and min(int(side * factor) for side in images.shape[-2:]) < 1:
        raise ShapeError(f"Images of {images.shape[-2]}×{images.shape[-1]} have no pixel left at factor {factor}.")
    return F.interpolate(images, size=size, scale_factor=factor, mode=mode)


def opencv(images: Tensor, mode: Mode, size: tuple[int, int]) -> Tensor:
    """Resize as OpenCV's ``cv2.resize`` does on floating point images.

    Args:
        images: (N, C, H, W).
        mode: "bilinear", "bicubic" and "area" are OpenCV's INTER_LINEAR, INTER_CUBIC and INTER_AREA. The last averages
            areas if neither side grows; otherwise it is a linear interpolation that keeps hard edges between pixels.
        size: Output height and width.

    Returns:
        (N, C, *size), beyond the range of ``images`` where "bicubic" overshoots.
    """
    _check(mode, size)
    if mode != "area":
        return interpolate(images, mode, size=size)
    averages = size[0] <= images.shape[-2] and size[1] <= images.shape[-1]
    weigh = _areas if averages else _hard_edges
    rows, columns = (weigh(old, new).to(images) for old, new in zip(images.shape[-2:], size, strict=True))
    # image by image, since the last bits of a product depend on how many rows it has
    return torch.stack([rows @ image @ columns.mT for image in images])


def _areas(old: int, new: int) -> Tensor:
    """Make the matrix (new, old) that averages ``old / new`` pixels; those at the ends count by the part within."""
    width = old / new
    start = torch.arange(new, dtype=torch.float64).unsqueeze(1) * width
    pixel = torch.arange(old, dtype=torch.float64)
    part = (torch.minimum(start + width, pixel + 1) - torch.maximum(start, pixel)).clamp(0, 1)
    return part * (part > _LEAST_PART) / torch.minimum(torch.tensor(width, dtype=torch.float64), old - start)


def _hard_edges(old: int, new: int) -> Tensor:
    """Make the matrix (new, old) that interpolates where an output pixel contains an edge, and copies elsewhere."""
    at = torch.arange(new, dtype=torch.float64)
    ratio = new / old
    # not old / new, and in float32: where edges coincide, the rounding must be OpenCV's
    before = (at * (1 / ratio)).floor()
    part = ((at + 1) - (before + 1) * ratio).float().double()
    part = torch.where((part <= 0) | (before >= old - 1), 0.0, part - part.floor())
    first = before.long().clamp(max=old - 1)
    weights = torch.zeros(new, old, dtype=torch.float64)
    weights.scatter_add_(1, first.unsqueeze(1), (1 - part).unsqueeze(1))
    return weights.scatter_add_(1, (first + 1).clamp(max=old - 1).unsqueeze(1), part.unsqueeze(1))


def _check(mode: str, size: tuple[int, int] | None) -> None:
    if mode not in MODES:
        raise UsageError(f"The resize mode {mode!r} is unknown; choose one of {', '.join(MODES)}.")
    if size is not None and min(size) < 1:
        raise ShapeError(f"An image cannot be resized to {size[0]}×{size[1]}; give at least 1×1.")
