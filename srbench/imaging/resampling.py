"""Which pixels each output pixel of a resized dimension reads, and how much of each: MATLAB's rule as tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Border = Literal["symmetric", "replicate"]
Kernel = Literal["bicubic", "bilinear"]

_Array = NDArray[np.float64]
_Indices = NDArray[np.int64]

# Output pixels per block. Larger blocks multiply more zeros, smaller ones make more calls; measured on CPU.
_BLOCK = 16


class Block(NamedTuple):
    """Some consecutive output pixels: ``output = weights @ input[start : start + weights.shape[1]]``."""

    start: int
    weights: _Array  # (output pixels, input pixels)


class Period(NamedTuple):
    """Inside a dimension, output pixel ``n + length`` reads as ``n`` does, ``step`` input pixels further on."""

    first: int
    """The output pixel with which it starts."""
    times: int
    """How often it comes."""
    length: int
    """Output pixels."""
    step: int
    """Input pixels."""


class Taps:
    """The resampling of one dimension, each form of it made once.

    Attributes:
        indices: ``(out, taps)``, the input pixels that each output pixel reads; beyond the edge one may come twice.
        weights: ``(out, taps)``, how much of each; every row sums to one.
    """

    def __init__(self, side: int, indices: _Indices, weights: _Array) -> None:
        """Take the two tables of a dimension of ``side`` pixels."""
        self.side, self.indices, self.weights = side, indices, weights

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The banded matrix, cut into blocks of rows that cover all output pixels."""
        out = len(self.indices)
        return tuple(self.block(first, min(first + _BLOCK, out)) for first in range(0, out, _BLOCK))

    def block(self, first: int, stop: int) -> Block:
        """Rows ``first : stop`` of the banded matrix."""
        read, weight = self.indices[first:stop], self.weights[first:stop]
        start = int(read.min())
        dense = np.zeros((len(read), int(read.max()) + 1 - start))
        # `add.at`, since beyond the edge several taps fall on one pixel
        np.add.at(dense, (np.arange(len(read))[:, None], read - start), weight)
        return Block(start, dense)

    @cached_property
    def period(self) -> Period | None:
        """What repeats itself all over the inside of the dimension; None where the scale is too irregular for that."""
        gaps = np.diff(self.indices, axis=1)
        inside = np.flatnonzero((gaps == gaps[len(gaps) // 2]).all(axis=1))  # at the borders taps turn back or pile up
        first, stop = int(inside[0]), int(inside[-1]) + 1
        indices, weights = self.indices[first:stop], self.weights[first:stop]
        for length in range(1, min(_BLOCK, len(indices) - 1) + 1):
            steps = indices[length:] - indices[:-length]
            if (steps == steps[0, 0]).all() and np.abs(weights[length:] - weights[:-length]).max() < 1e-9:
                return Period(first, len(indices) // length, length, int(steps[0, 0]))
        return None

    @cached_property
    def levels_fit_float32(self) -> bool:
        """Whether 8-bit levels resampled in float32, in any order of summing, provably round to the right levels."""
        reach = 255 * np.abs(self.weights).sum(axis=1).max()
        dyadic = self.weights * 2**15
        if (dyadic == np.rint(dyadic)).all():  # 1/2, 1/4, 2, 4: float32 holds every partial sum exactly
            return bool(reach * 2**15 < 2**24)
        # 1/3, 3: all sums are multiples of 1/81, so none is nearer than 1/162 to a tie
        thirds = self.weights * 81
        error = reach * (self.weights.shape[1] + 2) * 2.0**-24
        return bool(np.abs(thirds - np.rint(thirds)).max() < 1e-6 and error < 1 / 200)


@lru_cache(maxsize=256)
def contributions(side: int, out: int, scale: float, antialias: bool, border: Border, kernel: Kernel) -> Taps:
    """The taps of a dimension of ``side`` pixels that becomes ``out``, as MATLAB's ``imresize`` chooses them.

    Args:
        side: Input pixels.
        out: Output pixels.
        scale: Output over input; not always ``out / side``.
        antialias: When shrinking, widen the kernel by 1/scale.
        border: What stands beyond the edge; see `imresize`.
        kernel: One of `KERNELS`.

    Returns:
        The tables, shared by all who ask for the same.
    """
    function, support = KERNELS[kernel]
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
        return Taps(side, indices.clip(0, side - 1), weights)
    mirrored = np.mod(indices, 2 * side)
    return Taps(side, np.where(mirrored < side, mirrored, 2 * side - 1 - mirrored), weights)


def _cubic(x: _Array) -> _Array:
    """Keys' cubic convolution kernel with a = −0.5 (IEEE TASSP 29(6), 1981, eq. 15)."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x**2 + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))


def _triangle(x: _Array) -> _Array:
    return np.where(np.abs(x) < 1, 1 - np.abs(x), 0.0)


KERNELS: dict[str, tuple[Callable[[_Array], _Array], float]] = {"bicubic": (_cubic, 4.0), "bilinear": (_triangle, 2.0)}
