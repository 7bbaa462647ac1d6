"""MATLAB's ``imresize``, with which the field makes its low-resolution images.

The resampling of one dimension is a banded matrix. It is cut into blocks of rows, each with the narrow range of input
pixels that it reads. A resize is then a few small dense matrix products: for any scale, on any device, differentiable.
In a network that becomes a program, a resize to a multiple of the size has the same operations for every size instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from srbench.errors import ShapeError, UsageError
from srbench.imaging.programs import enlarge, enlarging_weights, in_a_program
from srbench.imaging.resampling import KERNELS, Block, Border, Kernel, contributions

Rounding = Literal["none", "uint8"]
_Table: TypeAlias = "Sequence[Block] | NDArray[np.float64]"
"""How one dimension is resampled: blocks of a matrix, or what `enlarging_weights` returns."""


def imresize(
    image: torch.Tensor,
    *,
    scale: float | tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    antialias: bool = True,
    border: Border = "symmetric",
    rounding: Rounding = "none",
    kernel: Kernel = "bicubic",
) -> torch.Tensor:
    """Resize an image the way MATLAB's ``imresize`` does.

    As in MATLAB the dimension with the smaller scale goes first; if both are equal, the vertical one. It computes in
    the dtype of the input (half and bfloat16: in float32), with ``rounding="uint8"`` in float64. Autocast has no
    effect inside. Differentiable with ``rounding="none"``.

    Args:
        image: ``(…, H, W)``, at least two dimensions; floating point of any range, or uint8 with
            ``rounding="uint8"``.
        scale: Output over input side, for both dimensions or for height and width; the output has
            ``ceil(scale * side)`` pixels. Give either this or ``size``.
        size: Output ``(height, width)``; each dimension then has its own scale.
        antialias: When shrinking, widen the kernel by 1/scale, as MATLAB does by default.
        border: How the image goes on beyond its edges: mirrored with the edge pixel ("symmetric", today's MATLAB), or
            with the edge pixel repeated ("replicate", MATLAB before R2010, which made the usual LR images of B100).
        rounding: "uint8" is MATLAB on uint8 images: after each of the two passes values are rounded half up and
            clamped to 0 … 255. A uint8 image gives a uint8 image. A floating point image in [0, 1] is rounded to the
            255 levels first, and the result is on them too.
        kernel: "bicubic" (Keys, a = −0.5) or "bilinear" (triangle).

    Returns:
        ``(…, out_H, out_W)`` of the dtype and on the device of ``image``.

    Raises:
        UsageError: If not exactly one of ``scale`` and ``size`` is given, or the value of an option is unknown.
        ShapeError: If the image is empty or has fewer than two dimensions, or the output would be empty.
    """
    _check(image, border=border, rounding=rounding, kernel=kernel)
    height, width = image.shape[-2:]
    rows: _Table
    columns: _Table
    if in_a_program() and border == "symmetric" and (whole := _whole_factors((height, width), scale, size)):
        scale_h, scale_w = map(float, whole)
        rows, columns = (enlarging_weights(factor, kernel) for factor in whole)
    else:
        (out_h, scale_h), (out_w, scale_w) = _output((height, width), scale, size)
        rows = contributions(height, out_h, scale_h, antialias, border, kernel)
        columns = contributions(width, out_w, scale_w, antialias, border, kernel)

    levels = rounding == "uint8"
    given = image.dtype
    dtype = torch.float64 if levels else torch.promote_types(given, torch.float32)
    if levels and given != torch.uint8:
        image = _round_to_levels(image.to(dtype) * 255)
    with torch.autocast(_autocast_device(image), enabled=False):
        for vertical in (False, True) if scale_w < scale_h else (True, False):
            image = _resample(image, rows if vertical else columns, vertical, dtype, levels)
    if levels and given != torch.uint8:
        image = image / 255
    return image.to(given)


def _resample(image: torch.Tensor, table: _Table, vertical: bool, dtype: torch.dtype, levels: bool) -> torch.Tensor:
    dim = -2 if vertical else -1
    if isinstance(table, np.ndarray):
        enlarged = enlarge(image.to(dtype), torch.from_numpy(table).to(image.device, dtype), dim)
        return _round_to_levels(enlarged) if levels else enlarged
    parts = []
    for start, block in table:
        # The tensor is made here each time and never cached: one from inference mode, tracing or fake tensors would
        # break every later call. On a CPU a float64 tensor shares the memory of the cached table.
        weights = torch.from_numpy(block).to(image.device, dtype)
        pixels = image.narrow(dim, start, block.shape[1]).to(dtype)
        part = weights @ pixels if vertical else pixels @ weights.mT
        parts.append(_round_to_levels(part) if levels else part)
    return torch.cat(parts, dim)


def _round_to_levels(values: torch.Tensor) -> torch.Tensor:
    """Round half up and clamp, as MATLAB stores doubles in uint8; ``values`` itself is overwritten."""
    # For 1/2, 1/4, 1/8 the weights are dyadic, so ties are exact; for 1/3 there are no ties (denominators 81).
    # The levels stay floating point until the end, which is faster than converting them.
    return values.add_(0.5).floor_().clamp_(0, 255)


def _output(
    sides: tuple[int, int], scale: float | tuple[float, float] | None, size: tuple[int, int] | None
) -> tuple[tuple[int, float], tuple[int, float]]:
    """Return the output side and the scale, for height and width."""
    if size is not None and scale is None:
        if min(size) < 1:
            raise ShapeError(f"An image cannot be resized to {size[0]}×{size[1]}; give at least 1×1.")
        return (size[0], size[0] / sides[0]), (size[1], size[1] / sides[1])
    if scale is not None and size is None:
        vertical, horizontal = scale if isinstance(scale, tuple) else (scale, scale)
        if not (math.isfinite(vertical) and math.isfinite(horizontal) and min(vertical, horizontal) > 0):
            raise UsageError(f"imresize was given scale {scale}; give a positive number, or two.")
        return (_ceil(sides[0] * vertical), vertical), (_ceil(sides[1] * horizontal), horizontal)
    raise UsageError("imresize needs either a scale or an output size; give one of them.")


def _whole_factors(
    sides: tuple[int, int], scale: float | tuple[float, float] | None, size: tuple[int, int] | None
) -> tuple[int, int] | None:
    """Return the factors of height and width if both are whole, else None."""
    if size is not None and scale is None:
        whole = [int(out // side) for out, side in zip(size, sides, strict=True) if out % side == 0]
    elif scale is not None and size is None:
        given = scale if isinstance(scale, tuple) else (scale, scale)
        whole = [int(factor) for factor in given if factor >= 1 and factor % 1 == 0]
    else:
        whole = []
    return (whole[0], whole[1]) if len(whole) == 2 else None


def _ceil(value: float) -> int:
    """Round up, unless the value exceeds a whole number by no more than its own rounding error."""
    return max(1, math.ceil(value * (1 - 1e-12)))


def _autocast_device(image: torch.Tensor) -> str:
    return image.device.type if torch.amp.is_autocast_available(image.device.type) else "cpu"


def _check(image: torch.Tensor, **options: Any) -> None:  # noqa: ANN401 - strings, unless the caller is wrong
    known = {"border": ("symmetric", "replicate"), "rounding": ("none", "uint8"), "kernel": tuple(KERNELS)}
    for option, value in options.items():
        if value not in known[option]:
            raise UsageError(f"imresize has no {option} {value!r}; choose one of {', '.join(known[option])}.")
    if image.ndim < 2 or 0 in image.shape:
        raise ShapeError(f"imresize was given a tensor of shape {tuple(image.shape)}; it needs (…, H, W), not empty.")
    if not (image.is_floating_point() or (image.dtype == torch.uint8 and options["rounding"] == "uint8")):
        raise UsageError(
            f"imresize was given {image.dtype} with rounding {options['rounding']!r}; "
            "make it floating point, or give uint8 with rounding 'uint8'."
        )
