"""Filter with small kernels, with as few multiplications as their values allow.

All loops are in one file: numba's cache does not notice changes to a called loop in another file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srbench.imaging.borders import Border, margins, sources
from srbench.imaging.parallel import compiled, for_each

_Floats = NDArray[np.float32]
_Places = NDArray[np.int64]
_Weights = NDArray[np.float64]

_FAINT = 2.0**-26
"""Share of the sum of a kernel's weights that float32 cannot distinguish from 0; lines with less are cut off."""
_EQUAL = 2.0**-23
"""Largest difference, as a share of that sum, between a kernel and two lines whose outer product it is taken for."""
_ROWS, _RUN = 3, 256
"""Number of rows that are computed together, so that each pixel is read once for all of them, and their length; as
measured."""
_WIDE = 32
"""Lengths are rounded up to multiples of this; a rest would be computed one by one, which takes as long again."""


def filter2d(images: Tensor, kernels: Sequence[Tensor], *, border: Border, flip: bool) -> Tensor:
    """See `srbench.imaging.filtering.filter2d`, which checks the arguments; ``images`` are float32."""
    images = images.detach().contiguous()
    filtered = torch.empty_like(images)
    planes, out = images.numpy(), filtered.numpy()
    weights = [(kernel.flip(-2, -1) if flip else kernel).detach().double().contiguous().numpy() for kernel in kernels]

    def filter_one(image: int) -> None:
        kernel = weights[image % len(weights)]
        (top, bottom), (left, right) = (margins(side) for side in kernel.shape)
        height, width = planes.shape[-2:]
        rows, columns = _sources(height, top, bottom, border), _sources(width, left, right, border)
        _correlate(planes[image], kernel, (top, left), rows, columns, out[image])

    for_each(len(planes), filter_one)
    return filtered


@lru_cache(maxsize=256)
def _sources(side: int, before: int, after: int, border: Border) -> _Places:
    places: _Places = sources(side, before, after, border).numpy()
    return places


@compiled
def _correlate(
    image: _Floats,
    kernel: _Weights,
    middle: tuple[int, int],
    row_sources: _Places,
    column_sources: _Places,
    out: _Floats,
) -> None:
    """Filter all channels of one image.

    Args:
        image: (C, H, W).
        kernel: (k, l).
        middle: The place in the kernel that is on the computed pixel.
        row_sources: (H + k − 1,), for each row of the extended image its row in the image.
        column_sources: (W + l − 1,), the same for columns.
        out: (C, H, W), the result.
    """
    top, bottom, left, right = _inner(kernel, middle)
    kernel = kernel[top:bottom, left:right]
    rows, columns, outer = _lines(kernel)
    tables = _tables(kernel)
    height, width = out.shape[1] + kernel.shape[0] + _ROWS, _whole(out.shape[2] + kernel.shape[1] + _WIDE)
    extended = _aligned(height * width).reshape(height, width)
    for c in range(len(image)):
        _extend(image[c], row_sources[top:], column_sources[left:], middle[1] - left, kernel.shape, extended)
        if outer:
            _correlate_lines(extended, rows, columns, out[c])
        else:
            _correlate_directly(extended, tables, out[c])


@compiled
def _inner(kernel: _Weights, middle: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of the kernel without the lines at its borders that weigh nothing."""
    sizes = np.abs(kernel)
    spare = _FAINT * sizes.sum()
    top, bottom, left, right = 0, sizes.shape[0], 0, sizes.shape[1]
    while top < middle[0] and sizes[top, left:right].sum() <= spare:
        spare -= sizes[top, left:right].sum()
        top += 1
    while bottom - 1 > middle[0] and sizes[bottom - 1, left:right].sum() <= spare:
        spare -= sizes[bottom - 1, left:right].sum()
        bottom -= 1
    while left < middle[1] and sizes[top:bottom, left].sum() <= spare:
        spare -= sizes[top:bottom, left].sum()
        left += 1
    while right - 1 > middle[1] and sizes[top:bottom, right - 1].sum() <= spare:
        spare -= sizes[top:bottom, right - 1].sum()
        right -= 1
    return top, bottom, left, right


@compiled
def _lines(kernel: _Weights) -> tuple[_Floats, _Floats, bool]:
    """Return a row and a column of the kernel, and whether the kernel is their outer product."""
    sizes = np.abs(kernel)
    strongest = sizes.argmax()
    y, x = strongest // kernel.shape[1], strongest % kernel.shape[1]
    peak = kernel[y, x]
    rows, columns = kernel[:, x].copy(), kernel[y] / (peak if peak != 0 else 1.0)
    difference = 0.0
    for i in range(len(rows)):
        for j in range(len(columns)):
            difference += abs(kernel[i, j] - rows[i] * columns[j])
    return rows.astype(np.float32), columns.astype(np.float32), difference <= _EQUAL * sizes.sum()


@compiled
def _extend(
    plane: _Floats, row_sources: _Places, column_sources: _Places, first: int, size: tuple[int, int], extended: _Floats
) -> None:
    """Extend a plane beyond its edges; its own columns begin at ``first``."""
    last = first + plane.shape[1]
    for y in range(plane.shape[0] + size[0] - 1):
        row, source = extended[y], plane[row_sources[y]]
        for x in range(first):
            row[x] = source[column_sources[x]]
        row[first:last] = source
        for x in range(last, plane.shape[1] + size[1] - 1):
            row[x] = source[column_sources[x]]


@compiled
def _aligned(length: int) -> _Floats:
    """Return zeros that begin at a cache line; access across two lines takes twice as long."""
    zeros = np.zeros(length + 16, np.float32)
    start = -(zeros.ctypes.data // 4) % 16
    return zeros[start : start + length]


@compiled
def _whole(length: int) -> int:
    return (length + _WIDE - 1) // _WIDE * _WIDE


@compiled
def _tables(kernel: _Weights) -> NDArray[np.float32]:
    """Arrange weights for `_correlate_directly`: (k + 2, l / 4, 3, 4), four columns at a time.

    Weights that amount to nothing even together, as in the corners around a slanted kernel, become zero.
    """
    high, wide = kernel.shape
    sizes = np.abs(kernel)
    least = _FAINT * sizes.sum() / sizes.size
    tables = np.zeros((high + _ROWS - 1, (wide + 3) // 4, _ROWS, 4), np.float32)
    for i in range(high):
        for j in range(wide):
            if sizes[i, j] > least:
                for n in range(_ROWS):
                    tables[i + n, j // 4, n, j % 4] = kernel[i, j]
    return tables


@compiled
def _correlate_lines(extended: _Floats, rows: _Floats, columns: _Floats, out: _Floats) -> None:
    width = _whole(out.shape[1])
    across, total = _aligned(_whole(width + len(columns))), _aligned(width)
    run = across[: _whole(out.shape[1] + len(columns) - 1)]
    for y in range(len(out)):
        run[:] = 0
        _add_below(run, rows, extended[y:])
        total[:] = 0
        _add_beside(total, columns, across)
        out[y] = total[: out.shape[1]]


@compiled
def _add_below(total: _Floats, weights: _Floats, lines: _Floats) -> None:
    """Add the weighted sum of rows."""
    fours = len(weights) // 4 * 4
    for i in range(0, fours, 4):
        p, q, r, s = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        a, b, c, d = lines[i], lines[i + 1], lines[i + 2], lines[i + 3]
        for x in range(len(total)):
            total[x] = total[x] + p * a[x] + q * b[x] + r * c[x] + s * d[x]
    for i in range(fours, len(weights)):
        p, a = weights[i], lines[i]
        for x in range(len(total)):
            total[x] += p * a[x]


# Indices are unsigned below: signed ones may count from the end, which would keep the compiler from vectorising.


@compiled
def _add_beside(total: _Floats, weights: _Floats, line: _Floats) -> None:
    """Add the weighted sum of one row, moved to the left by 0, 1, … columns."""
    fours = len(weights) // 4 * 4
    for j in range(0, fours, 4):
        p, q, r, s = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        run = line[j:]
        for x in range(np.uintp(len(total))):
            a, b, c, d = run[x], run[x + np.uintp(1)], run[x + np.uintp(2)], run[x + np.uintp(3)]
            total[x] = total[x] + p * a + q * b + r * c + s * d
    for j in range(fours, len(weights)):
        p, run = weights[j], line[j:]
        for x in range(np.uintp(len(total))):
            total[x] += p * run[x]


@compiled
def _correlate_directly(extended: _Floats, tables: NDArray[np.float32], out: _Floats) -> None:
    height, width = out.shape
    sums = _aligned(_ROWS * _RUN)
    used = np.empty(tables.shape[:2], np.bool_)
    for i in range(len(tables)):
        for j in range(len(tables[i])):
            used[i, j] = tables[i, j].any()
    for y in range(0, height, _ROWS):
        for x in range(0, width, _RUN):
            length = min(_RUN, width - x)
            sums[:] = 0
            for i in range(len(tables)):
                _add_row(sums, tables[i], used[i], extended[y + i, x:], _whole(length))
            for n in range(min(_ROWS, height - y)):
                out[y + n, x : x + length] = sums[n * _RUN : n * _RUN + length]


@compiled
def _add_row(sums: _Floats, table: NDArray[np.float32], used: NDArray[np.bool_], row: _Floats, length: int) -> None:
    """Add what one row of the image contributes to three rows of the result, which follow one another in ``sums``."""
    for j in range(len(table)):
        if not used[j]:
            continue
        p0, p1, p2, p3 = table[j, 0]
        q0, q1, q2, q3 = table[j, 1]
        r0, r1, r2, r3 = table[j, 2]
        run = row[4 * j :]
        for x in range(np.uintp(length)):
            a, b, c, d = run[x], run[x + np.uintp(1)], run[x + np.uintp(2)], run[x + np.uintp(3)]
            y, z = x + np.uintp(_RUN), x + np.uintp(2 * _RUN)
            sums[x] = sums[x] + p0 * a + p1 * b + p2 * c + p3 * d
            sums[y] = sums[y] + q0 * a + q1 * b + q2 * c + q3 * d
            sums[z] = sums[z] + r0 * a + r1 * b + r2 * c + r3 * d
