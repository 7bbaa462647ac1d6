"""MATLAB's ``imresize``, as the field's low-resolution images were made with it.

The resampling of one dimension is a banded matrix. It is cut into blocks of rows, each with the narrow run of
input pixels that it reads, so that a resize is a handful of small dense matrix products: any scale, any device,
differentiable, and several times faster than gathering taps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from srbench.errors import ShapeError, UsageError

Border = Literal["symmetric", "replicate"]
Rounding = Literal["none", "uint8"]
Kernel = Literal["bicubic", "bilinear"]

_Array = NDArray[np.float64]

# Output pixels per block. Larger blocks multiply more zeros, smaller ones make more calls; measured on CPU.
_BLOCK = 16


def imresize(
    image: torch.Tensor,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    antialias: bool = True,
    border: Border = "symmetric",
    rounding: Rounding = "none",
    kernel: Kernel = "bicubic",
) -> torch.Tensor:
    """Resize an image the way MATLAB's ``imresize`` does.

    As in MATLAB the dimension with the smaller scale goes first, the vertical one where both are equal. The arithmetic
    is that of the input's own dtype (half and bfloat16: float32 inside), except with ``rounding="uint8"``, which
    computes in float64. Autocast does not reach inside. Differentiable with ``rounding="none"``.

    Args:
        image: ``(…, H, W)``, at least two dimensions; floating point of any range, or uint8 with
            ``rounding="uint8"``.
        scale: Output over input side, for both dimensions; the output has ``ceil(scale * side)`` pixels. Either this
            or ``size``.
        size: Output ``(height, width)``; each dimension then has its own scale.
        antialias: When shrinking, widen the kernel by 1/scale, as MATLAB does by default.
        border: What stands beyond the edge: the mirrored image, edge pixel included ("symmetric", MATLAB of today), or
            the edge pixel repeated ("replicate", MATLAB before R2010; the usual LR images of B100 were made so).
        rounding: "uint8" is MATLAB on uint8 images: after each of the two passes values are rounded half up and
            clamped to 0 … 255. A uint8 image gives a uint8 image; a floating one is taken as [0, 1], put on the 255
            levels, and returned on them.
        kernel: "bicubic" (Keys, a = −0.5) or "bilinear" (triangle).

    Returns:
        ``(…, out_H, out_W)`` of the dtype and on the device of ``image``.

    Raises:
        UsageError: If not exactly one of ``scale`` and ``size`` is given, or an option has no meaning.
        ShapeError: If the image is empty or has fewer than two dimensions, or the output would be empty.
    """
    _check(image, border=border, rounding=rounding, kernel=kernel)
    height, width = image.shape[-2:]
    (out_h, scale_h), (out_w, scale_w) = _output((height, width), scale, size)
    rows = _banded(height, out_h, scale_h, antialias, border, kernel)
    columns = _banded(width, out_w, scale_w, antialias, border, kernel)

    levels = rounding == "uint8"
    given = image.dtype
    dtype = torch.float64 if levels else torch.promote_types(given, torch.float32)
    if levels and given != torch.uint8:
        image = _round_to_levels(image.to(dtype) * 255)
    with torch.autocast(_autocast_device(image), enabled=False):
        for vertical in (False, True) if scale_w < scale_h else (True, False):
            image = _resample(image, rows if vertical else columns, vertical, dtype, levels)
    if levels and given != torch.uint8:
        image = image.to(dtype) / 255
    return image.to(given)


class _Block(NamedTuple):
    """Some consecutive output pixels of one dimension: ``output = weights @ input[start : start + width]``."""

    start: int
    weights: _Array  # (output pixels, input pixels)


def _resample(
    image: torch.Tensor, blocks: tuple[_Block, ...], vertical: bool, dtype: torch.dtype, levels: bool
) -> torch.Tensor:
    dim = -2 if vertical else -1
    parts = []
    for start, table in blocks:
        # A tensor made here each time, never a cached one: one that was made under inference mode, tracing or fake
        # tensors would poison every later call. On CPU a float64 one shares the cached table's memory.
        weights = torch.from_numpy(table).to(image.device, dtype)
        pixels = image.narrow(dim, start, table.shape[1]).to(dtype)
        part = weights @ pixels if vertical else pixels @ weights.mT
        parts.append(_round_to_levels(part) if levels else part)
    return torch.cat(parts, dim)


def _round_to_levels(values: torch.Tensor) -> torch.Tensor:
    """Round half up and clamp, as MATLAB stores doubles in uint8; ``values`` itself is overwritten."""
    # For 1/2, 1/4, 1/8 the weights are dyadic, so ties are met exactly; for 1/3 no tie can occur (denominators 81).
    return values.add_(0.5).floor_().clamp_(0, 255).to(torch.uint8)


@lru_cache(maxsize=256)
def _banded(side: int, out: int, scale: float, antialias: bool, border: Border, kernel: Kernel) -> tuple[_Block, ...]:
    """The resampling matrix of one dimension, in blocks."""
    indices, weights = _contributions(side, out, scale, antialias, border, kernel)
    blocks = []
    for first in range(0, out, _BLOCK):
        read, weight = indices[first : first + _BLOCK], weights[first : first + _BLOCK]
        start, stop = int(read.min()), int(read.max()) + 1
        dense = np.zeros((len(read), stop - start))
        # `add.at`, since beyond the edge several taps fall on one pixel
        np.add.at(dense, (np.arange(len(read))[:, None], read - start), weight)
        blocks.append(_Block(start, dense))
    return tuple(blocks)


def _contributions(
    side: int, out: int, scale: float, antialias: bool, border: Border, kernel: Kernel
) -> tuple[NDArray[np.int64], _Array]:
    """Which input pixels each output pixel reads, and how much of each: ``(out, taps)`` twice."""
    function, support = _KERNELS[kernel]
    stretch = min(scale, 1.0) if antialias else 1.0
    centre = (np.arange(out) + 0.5) / scale - 0.5
    left = np.floor(centre - support / stretch / 2)
    # as many taps as can carry weight: pixels at exactly the kernel's edge have none
    taps = math.ceil(support / stretch) + 2
    indices = (left[:, None] + np.arange(taps)).astype(np.int64)
    weights = function((centre[:, None] - indices) * stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    used = weights.any(axis=0)
    indices, weights = indices[:, used], weights[:, used]
    if border == "replicate":
        return indices.clip(0, side - 1), weights
    mirrored = np.mod(indices, 2 * side)
    return np.where(mirrored < side, mirrored, 2 * side - 1 - mirrored), weights


def _cubic(x: _Array) -> _Array:
    """Keys' cubic convolution kernel with a = −0.5 (IEEE TASSP 29(6), 1981, eq. 15)."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x**2 + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))


def _triangle(x: _Array) -> _Array:
    return np.where(np.abs(x) < 1, 1 - np.abs(x), 0.0)


_KERNELS: dict[str, tuple[Callable[[_Array], _Array], float]] = {"bicubic": (_cubic, 4.0), "bilinear": (_triangle, 2.0)}


def _output(
    sides: tuple[int, int], scale: float | None, size: tuple[int, int] | None
) -> tuple[tuple[int, float], tuple[int, float]]:
    """Output side and scale, of the height and of the width."""
    if size is not None and scale is None:
        if min(size) < 1:
            raise ShapeError(f"An image cannot be resized to {size[0]}×{size[1]}; give at least 1×1.")
        return (size[0], size[0] / sides[0]), (size[1], size[1] / sides[1])
    if scale is not None and size is None:
        if not (math.isfinite(scale) and scale > 0):
            raise UsageError(f"imresize was given scale {scale}; it has to be a positive number.")
        return (_ceil(sides[0] * scale), scale), (_ceil(sides[1] * scale), scale)
    raise UsageError("imresize needs a scale or an output size, and not both.")


def _ceil(value: float) -> int:
    """Round up, unless the value exceeds a whole number by no more than its own rounding error."""
    return max(1, math.ceil(value * (1 - 1e-12)))


def _autocast_device(image: torch.Tensor) -> str:
    return image.device.type if torch.amp.is_autocast_available(image.device.type) else "cpu"


def _check(image: torch.Tensor, **options: Any) -> None:  # noqa: ANN401 - strings, or what was given in their place
    known = {"border": ("symmetric", "replicate"), "rounding": ("none", "uint8"), "kernel": tuple(_KERNELS)}
    for option, value in options.items():
        if value not in known[option]:
            raise UsageError(f"imresize knows no {option} {value!r}; choose one of {', '.join(known[option])}.")
    if image.ndim < 2 or 0 in image.shape:
        raise ShapeError(f"imresize was given a tensor of shape {tuple(image.shape)}; it needs (…, H, W), not empty.")
    if not (image.is_floating_point() or (image.dtype == torch.uint8 and options["rounding"] == "uint8")):
        raise UsageError(
            f"imresize was given {image.dtype} with rounding {options['rounding']!r}; "
            "make it floating point, or give uint8 with rounding 'uint8'."
        )
