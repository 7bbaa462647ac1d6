"""The loop of `resizing`: both passes of a resize at once, row by row of the result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from srbench.imaging.parallel import compiled

_Floats = NDArray[np.float32]
_Places = NDArray[np.uint32]


@compiled
def resize(
    images: _Floats, row_places: _Places, row_weights: _Floats, places: _Places, weights: _Floats, out: _Floats
) -> None:
    """Resize images.

    Args:
        images: (N, C, H, W).
        row_places: (taps, H'), the rows that each row of the result reads; the taps a multiple of four, or less.
        row_weights: (taps, H'), how much of each.
        places: (taps, W'), the same along a row.
        weights: (taps, W').
        out: (N, C, H', W'), where they go.
    """
    line = np.empty(images.shape[3], np.float32)
    for n in range(len(images)):
        for c in range(images.shape[1]):
            for y in range(out.shape[2]):
                _add_rows(line, images[n, c], row_places[:, y], row_weights[:, y])
                _add_columns(out[n, c, y], line, places, weights)


@compiled
def _add_rows(line: _Floats, plane: _Floats, places: _Places, weights: _Floats) -> None:
    taps = len(places)
    if taps == 1:
        line[:] = plane[places[0]]
        return
    if taps == 2:
        a, b, p, q = plane[places[0]], plane[places[1]], weights[0], weights[1]
        for x in range(len(line)):
            line[x] = p * a[x] + q * b[x]
        return
    line[:] = 0
    for k in range(0, taps, 4):
        a, b, c, d = plane[places[k]], plane[places[k + 1]], plane[places[k + 2]], plane[places[k + 3]]
        p, q, r, s = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for x in range(len(line)):
            line[x] = line[x] + p * a[x] + q * b[x] + r * c[x] + s * d[x]


@compiled
def _add_columns(out: _Floats, line: _Floats, places: _Places, weights: _Floats) -> None:
    taps = len(places)
    if taps == 1:
        i = places[0]
        for x in range(len(out)):
            out[x] = line[i[x]]
        return
    if taps == 2:
        i, j, p, q = places[0], places[1], weights[0], weights[1]
        for x in range(len(out)):
            out[x] = p[x] * line[i[x]] + q[x] * line[j[x]]
        return
    out[:] = 0
    for n in range(0, taps, 4):
        i, j, k, m = places[n], places[n + 1], places[n + 2], places[n + 3]
        p, q, r, s = weights[n], weights[n + 1], weights[n + 2], weights[n + 3]
        for x in range(len(out)):
            out[x] = out[x] + p[x] * line[i[x]] + q[x] * line[j[x]] + r[x] * line[k[x]] + s[x] * line[m[x]]
