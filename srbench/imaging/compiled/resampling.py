"""The loops of `resampling_cpu`, compiled when they are first called on a machine and remembered on disk.

Inside an image the weights repeat: at 1/3 for every output pixel, at 2/3 for every second. Pixels sorted by their
place in the period make each inner loop a weighted sum of long runs, which is what a CPU is fastest at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.imaging.parallel import compiled
from srbench.imaging.resampling import Period

_Floats = NDArray[np.float32]
_Pixels = NDArray[Any]

_HALF, _BLACK, _WHITE = np.float32(0.5), np.float32(0), np.float32(255)


@compiled
def _add(total: _Floats, weight: np.float32, run: _Pixels) -> None:
    for x in range(len(total)):
        total[x] += weight * np.float32(run[x])


@compiled
def _add_four(total: _Floats, weights: _Floats, a: _Pixels, b: _Pixels, c: _Pixels, d: _Pixels) -> None:
    """As `_add` four times, with a quarter of the reading and writing of ``total``."""
    p, q, r, s = weights
    for x in range(len(total)):
        total[x] += p * np.float32(a[x]) + q * np.float32(b[x]) + r * np.float32(c[x]) + s * np.float32(d[x])


@compiled
def _round(values: _Floats) -> None:
    """To levels, half up, as MATLAB stores doubles in uint8."""
    for x in range(len(values)):
        values[x] = min(max(np.floor(values[x] + _HALF), _BLACK), _WHITE)


@compiled
def _sort(phases: _Floats, row: _Floats) -> None:
    """``phases[p, m] = row[m * step + p]``; the steps in common use are spelt out, which makes them 7 times as fast."""
    step = len(phases)
    times = len(row) // step
    if step == 2:
        a, b = phases[0], phases[1]
        for m in range(times):
            a[m], b[m] = row[2 * m], row[2 * m + 1]
    elif step == 3:
        a, b, c = phases[0], phases[1], phases[2]
        for m in range(times):
            a[m], b[m], c[m] = row[3 * m], row[3 * m + 1], row[3 * m + 2]
    elif step == 4:
        a, b, c, d = phases[0], phases[1], phases[2], phases[3]
        for m in range(times):
            a[m], b[m], c[m], d[m] = row[4 * m], row[4 * m + 1], row[4 * m + 2], row[4 * m + 3]
    else:
        for m in range(times):
            for p in range(step):
                phases[p, m] = row[m * step + p]
    for p in range(len(row) - times * step):
        phases[p, times] = row[times * step + p]


@compiled
def _resample_columns(
    resized: _Floats, row: _Floats, phases: _Floats, indices: NDArray[np.int64], weights: _Floats, period: Period
) -> None:
    first, times, length, step = period
    taps = weights.shape[1]
    base = indices[first : first + length].min()
    _sort(phases, row[base:])
    last = first + times * length
    run = resized[first:last] if length == 1 else np.empty(times, np.float32)
    for x in range(first, first + length):
        run[:] = 0
        for k in range(0, taps - 3, 4):
            a, b = indices[x, k] - base, indices[x, k + 1] - base
            c, d = indices[x, k + 2] - base, indices[x, k + 3] - base
            _add_four(
                run, weights[x, k : k + 4],
                phases[a % step, a // step :], phases[b % step, b // step :],
                phases[c % step, c // step :], phases[d % step, d // step :],
            )  # fmt: skip
        for k in range(taps // 4 * 4, taps):
            a = indices[x, k] - base
            _add(run, weights[x, k], phases[a % step, a // step :])
        if length > 1:
            for m in range(times):
                resized[x + m * length] = run[m]
    for borders in (range(first), range(last, len(resized))):
        for x in borders:
            resized[x] = 0
            for k in range(taps):
                resized[x] += weights[x, k] * row[indices[x, k]]


@compiled
def resample_rows(
    planes: _Pixels,
    row_indices: NDArray[np.int64],
    row_weights: _Floats,
    column_indices: NDArray[np.int64],
    column_weights: _Floats,
    period: Period,
    start: int,
    stop: int,
    out: _Pixels,
) -> None:
    """Make some rows of every resized plane.

    Args:
        planes: (N, H, W), float32, or uint8, whose values are then rounded to levels after each pass.
        row_indices: (out_H, taps), the input rows that each output row reads.
        row_weights: (out_H, taps), how much of each.
        column_indices: (out_W, taps), the same along a row.
        column_weights: (out_W, taps).
        period: Of the columns.
        start: First row to make.
        stop: The row behind the last.
        out: (N, out_H, out_W), where they go.
    """
    levels = planes.itemsize == 1
    row, resized = np.empty(planes.shape[2], np.float32), np.empty(out.shape[2], np.float32)
    phases = np.empty((period.step, len(row) // period.step + 1), np.float32)
    taps = row_weights.shape[1]
    for n in range(len(planes)):
        image = planes[n]
        for y in range(start, stop):
            indices, weights = row_indices[y], row_weights[y]
            row[:] = 0
            for k in range(0, taps - 3, 4):
                a, b, c, d = indices[k], indices[k + 1], indices[k + 2], indices[k + 3]
                _add_four(row, weights[k : k + 4], image[a], image[b], image[c], image[d])
            for k in range(taps // 4 * 4, taps):
                _add(row, weights[k], image[indices[k]])
            if levels:
                _round(row)
            _resample_columns(resized, row, phases, column_indices, column_weights, period)
            if levels:
                _round(resized)
            for x in range(len(resized)):
                out[n, y, x] = resized[x]
