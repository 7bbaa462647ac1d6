"""Resizes that do not antialias, as PyTorch's and OpenCV's do; MATLAB's is `srbench.imaging.imresize`.

Both take cubic weights with a = −0.75 where MATLAB has −0.5, align images by the outer edges of their corners, and
repeat edge pixels. They part where areas are averaged: PyTorch over whole pixels, OpenCV over parts of them too.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from srbench.errors import ShapeError, UsageError
from srbench.imaging.parallel import in_shares, values_alone

Mode: TypeAlias = Literal["bilinear", "bicubic", "area"]
MODES: tuple[Mode, ...] = ("bilinear", "bicubic", "area")

_LEAST_PART = 1e-3
"""OpenCV leaves out smaller parts of pixels at the ends of an area."""


def interpolate(
    images: Tensor, mode: Mode, *, size: tuple[int, int] | None = None, factor: float | None = None
) -> Tensor:
    """PyTorch's ``F.interpolate``, by an output size or by a factor.

    Between the two lies a trap: by a factor the output has ``⌊factor · side⌋`` pixels, and these are placed by the
    factor and not by the ratio of the sides, so that the last ones may look at a place before the image's edge.
    Real-ESRGAN's first resize goes by a factor and the others by a size.

    Args:
        images: (N, C, H, W).
        mode: "area" is the mean over all pixels that an output pixel touches, also when enlarging.
        size: Output height and width, or …
        factor: … output over input side.

    Returns:
        (N, C, H', W'), beyond the range of ``images`` where "bicubic" overshoots.
    """
    _check(mode, size)
    if (size is None) == (factor is None):
        raise UsageError("interpolate needs an output size or a factor, and not both.")
    if factor is not None and min(int(side * factor) for side in images.shape[-2:]) < 1:
        raise ShapeError(f"Images of {images.shape[-2]}×{images.shape[-1]} have no pixel left at factor {factor}.")
    if not _by_loops(images):
        return F.interpolate(images, size=size, scale_factor=factor, mode=mode)
    goal = size or (int(images.shape[-2] * factor), int(images.shape[-1] * factor))  # type: ignore[operator]
    sides = zip(images.shape[-2:], goal, strict=True)
    if mode == "area":
        return _resized(images, *(_taps(_whole_pixels(old, new)) for old, new in sides))
    return _resized(images, *(_neighbours(old, new, mode, factor) for old, new in sides))


def opencv(images: Tensor, mode: Mode, size: tuple[int, int]) -> Tensor:
    """OpenCV's ``cv2.resize`` on floating point images.

    Args:
        images: (N, C, H, W).
        mode: "bilinear", "bicubic" or "area" are OpenCV's INTER_LINEAR, INTER_CUBIC and INTER_AREA. Areas are averaged
            if neither side grows; else INTER_AREA is a linear interpolation that keeps pixels hard-edged.
        size: Output height and width.

    Returns:
        (N, C, *size), beyond the range of ``images`` where "bicubic" overshoots.
    """
    _check(mode, size)
    if mode != "area":
        return interpolate(images, mode, size=size)
    averages = size[0] <= images.shape[-2] and size[1] <= images.shape[-1]
    weigh = _areas if averages else _hard_edges
    rows, columns = (weigh(old, new) for old, new in zip(images.shape[-2:], size, strict=True))
    if _by_loops(images):
        return _resized(images, _taps(rows), _taps(columns))
    return rows.to(images) @ images @ columns.to(images).mT


def _by_loops(images: Tensor) -> bool:
    return images.dtype == torch.float32 and images.ndim == 4 and images.numel() > 0 and values_alone(images)


def _resized(images: Tensor, rows: _Taps, columns: _Taps) -> Tensor:
    from srbench.imaging.compiled.interpolation import resize  # imports a compiler

    planes = images.detach().contiguous().numpy()
    resized = torch.empty(*images.shape[:2], rows.places.shape[1], columns.places.shape[1])
    out = resized.numpy()
    in_shares(len(out), lambda share: resize(planes[share], *rows, *columns, out[share]))
    return resized


class _Taps(NamedTuple):
    """What each output pixel of a side reads: one, two, or a multiple of four pixels; (taps, new)."""

    places: NDArray[np.uint32]
    weights: NDArray[np.float32]


def _taps(matrix: Tensor) -> _Taps:
    """Of a matrix (new, old) whose rows have one run of weights each."""
    weights = matrix.numpy()
    first = (weights != 0).argmax(1)
    most = int((weights != 0).sum(1).max())
    most = most if most <= 2 else -(-most // 4) * 4
    places = first + np.arange(most)[:, None]
    inside = places < weights.shape[1]
    places = places.clip(max=weights.shape[1] - 1)
    values = np.where(inside, np.take_along_axis(weights, places.T, 1).T, 0)
    return _Taps(places.astype(np.uint32), values.astype(np.float32))


def _neighbours(old: int, new: int, mode: Mode, factor: float | None) -> _Taps:
    """Of PyTorch's interpolations, which places pixels in float32, with a fused multiplication and addition."""
    ratio = np.float32(old) / np.float32(new) if factor is None else np.float32(1 / factor)
    at = ((np.arange(new) + 0.5) * np.float64(ratio) - 0.5).astype(np.float32)
    if mode == "bilinear":
        at = np.arange(new, dtype=np.float32) if old == new else at.clip(min=0)
    first = np.minimum(np.floor(at).astype(np.int64), old - 1)
    part = (at - first).clip(0, 1).astype(np.float64)
    if mode == "bilinear":
        places, weights = [first, first + 1], [1 - part, part]
    else:
        places = [first - 1, first, first + 1, first + 2]
        weights = [_far(part + 1), _near(part), _near(1 - part), _far(2 - part)]
    return _Taps(np.stack(places).clip(0, old - 1).astype(np.uint32), np.stack(weights).astype(np.float32))


def _near(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic weights with a = −0.75, of pixels up to one pixel away."""
    return (1.25 * distance - 2.25) * distance**2 + 1


def _far(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same from one pixel to two."""
    return ((-0.75 * distance + 3.75) * distance - 6) * distance + 3


def _whole_pixels(old: int, new: int) -> Tensor:
    """Mean over all pixels that an output pixel touches, as PyTorch has it; (new, old)."""
    start, pixel = np.arange(new)[:, None] * old, np.arange(old)
    touched = (pixel >= start // new) & (pixel < (start + old + new - 1) // new)
    return torch.from_numpy(touched / touched.sum(1, keepdims=True))


def _areas(old: int, new: int) -> Tensor:
    """Mean over ``old / new`` pixels, the ends weighing by the part that lies within; (new, old)."""
    width = old / new
    start = torch.arange(new, dtype=torch.float64).unsqueeze(1) * width
    pixel = torch.arange(old, dtype=torch.float64)
    part = (torch.minimum(start + width, pixel + 1) - torch.maximum(start, pixel)).clamp(0, 1)
    return part * (part > _LEAST_PART) / torch.minimum(torch.tensor(width, dtype=torch.float64), old - start)


def _hard_edges(old: int, new: int) -> Tensor:
    """Linear interpolation in the output pixels that an input pixel's edge crosses, copies between; (new, old)."""
    at = torch.arange(new, dtype=torch.float64)
    ratio = new / old
    # not old / new, and in float32: where edges meet, whole numbers must fall as OpenCV's do
    before = (at * (1 / ratio)).floor()
    part = ((at + 1) - (before + 1) * ratio).float().double()
    part = torch.where((part <= 0) | (before >= old - 1), 0.0, part - part.floor())
    first = before.long().clamp(max=old - 1)
    weights = torch.zeros(new, old, dtype=torch.float64)
    weights.scatter_add_(1, first.unsqueeze(1), (1 - part).unsqueeze(1))
    return weights.scatter_add_(1, (first + 1).clamp(max=old - 1).unsqueeze(1), part.unsqueeze(1))


def _check(mode: str, size: tuple[int, int] | None) -> None:
    if mode not in MODES:
        raise UsageError(f"There is no way to resize called {mode!r}; choose one of {', '.join(MODES)}.")
    if size is not None and min(size) < 1:
        raise ShapeError(f"An image cannot be resized to {size[0]}×{size[1]}; give at least 1×1.")
