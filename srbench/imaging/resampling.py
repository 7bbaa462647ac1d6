"""MATLAB's resampling of one dimension as tables: the input pixels of each output pixel, and their weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Border = Literal["symmetric", "replicate"]
Kernel = Literal["bicubic", "bilinear"]

_Array = NDArray[np.float64]
_Indices = NDArray[np.int64]

# Output pixels per block. Larger blocks multiply more zeros, smaller ones need more calls; measured on a CPU.
_BLOCK = 16


class Block(NamedTuple):
    """Some consecutive output pixels: ``output = weights @ input[start : start + weights.shape[1]]``."""

    start: int
    weights: _Array  # (output pixels, input pixels)


@lru_cache(maxsize=256)
def contributions(
    side: int, out: int, scale: float, antialias: bool, border: Border, kernel: Kernel
) -> tuple[Block, ...]:
    """Make the tables that resample ``side`` pixels to ``out`` as MATLAB's ``imresize`` does.

    Args:
        side: Input pixels.
        out: Output pixels.
        scale: Output over input side; not always ``out / side``.
        antialias: When shrinking, widen the kernel by 1/scale.
        border: How the image goes on beyond its edges; see `imresize`.
        kernel: One of `KERNELS`.

    Returns:
        The banded matrix, cut into blocks of rows that cover all output pixels; every row sums to one.
    """
    function, support = KERNELS[kernel]
    stretch = min(scale, 1.0) if antialias else 1.0
    centre = (np.arange(out) + 0.5) / scale - 0.5
    left = np.floor(centre - support / stretch / 2)
    # as many taps as can have a weight: pixels exactly at the kernel's edge have none
    taps = math.ceil(support / stretch) + 2
    indices = (left[:, None] + np.arange(taps)).astype(np.int64)
    weights = function((centre[:, None] - indices) * stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    used = weights.any(axis=0)
    indices, weights = indices[:, used], weights[:, used]
    if border == "replicate":
        indices = indices.clip(0, side - 1)
    else:
        mirrored = np.mod(indices, 2 * side)
        indices = np.where(mirrored < side, mirrored, 2 * side - 1 - mirrored)
    firsts = range(0, out, _BLOCK)
    return tuple(_block(indices[first : first + _BLOCK], weights[first : first + _BLOCK]) for first in firsts)


def _block(read: _Indices, weight: _Array) -> Block:
    """Make some rows of the banded matrix from the indices of the input pixels and their weights."""
    start = int(read.min())
    dense = np.zeros((len(read), int(read.max()) + 1 - start))
    # `add.at`, since several taps beyond the edge may read one pixel
    np.add.at(dense, (np.arange(len(read))[:, None], read - start), weight)
    return Block(start, dense)


def _cubic(x: _Array) -> _Array:
    """Evaluate Keys' cubic convolution kernel with a = −0.5 (IEEE TASSP 29(6), 1981, eq. 15)."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x**2 + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))


def _triangle(x: _Array) -> _Array:
    return np.where(np.abs(x) < 1, 1 - np.abs(x), 0.0)


KERNELS: dict[str, tuple[Callable[[_Array], _Array], float]] = {"bicubic": (_cubic, 4.0), "bilinear": (_triangle, 2.0)}
