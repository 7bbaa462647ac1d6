"""The loops of `jpeg`: sixteen rows and at most 256 columns at a time, which stay in the CPU's nearest cache.

Such a part of an image is three tiles of 8 × 256 numbers, row after row: upper luma, lower luma, and chroma of half the
resolution, first blue, then red. A cosine transform down the rows is the same arithmetic in all columns, which is done
for many at once; for the transform along the columns, the blocks are transposed before and after.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from srbench.imaging.parallel import compiled

_Floats = NDArray[np.float32]
_Eight = tuple[np.float32, ...]

_TILE = 256
"""Number of columns; a constant, so that the compiler can vectorise."""
_ROW = tuple(np.uintp(row * _TILE) for row in range(8))
"""The index at which each row of a tile begins."""

_ZERO, _ONE, _LEVELS, _MIDDLE, _QUARTER = (np.float32(value) for value in (0, 1, 255, 128, 0.25))
_FLAT = np.float32(math.sqrt(1 / 8))
_C1, _C2, _C3, _C5, _C6, _C7 = (np.float32(math.cos(n * math.pi / 16) / 2) for n in (1, 2, 3, 5, 6, 7))
_ROUND = np.float32(1.5 * 2**23)
"""Adding and subtracting it rounds numbers below 2^22, half to even."""


@compiled
def requantise(
    images: _Floats, luma: _Floats, chroma: _Floats, to_ycbcr: _Floats, to_rgb: _Floats, out: _Floats
) -> None:
    """Round the frequencies of images to multiples of the steps.

    Args:
        images: (N, 3, H, W) RGB; values beyond [0, 1] are clamped.
        luma: (N, 8, 8), steps of luma by vertical and horizontal frequency.
        chroma: (N, 8, 8), steps of chroma.
        to_ycbcr: (3, 3), the weights of the colours in luma, blue and red difference.
        to_rgb: (3, 3), the inverse.
        out: (N, 3, H, W), the result.
    """
    height, width = out.shape[2:]
    steps = np.empty((2, 8 * _TILE), np.float32)
    tiles = np.empty((3, 8 * _TILE), np.float32)
    colours = np.empty(2 * _TILE, np.float32)
    for image in range(len(images)):
        _repeat(luma[image], steps[0])
        _repeat(chroma[image], steps[1])
        inverses = _ONE / steps
        for top in range(0, height, 16):
            for left in range(0, width, _TILE):
                columns = min(_TILE, (width - left + 15) // 16 * 16)
                rows = min(16, height - top)
                _take_apart(images[image], top, left, rows, columns, to_ycbcr, tiles, colours)
                for n in range(3):
                    kind = n // 2
                    _to_frequencies(tiles[n], columns)
                    _turn(tiles[n], columns)
                    _on_steps(tiles[n], steps[kind], inverses[kind], columns)
                    _turn(tiles[n], columns)
                    _from_frequencies(tiles[n], columns)
                _put_together(tiles, top, left, rows, columns, to_rgb, out[image], colours)


@compiled
def _repeat(table: _Floats, tile: _Floats) -> None:
    """Arrange steps for `_on_steps`, where blocks are transposed."""
    for across in range(8):
        for x in range(_TILE):
            tile[across * _TILE + x] = table[x % 8, across]


@compiled
def _take_apart(
    image: _Floats, top: int, left: int, rows: int, columns: int, weights: _Floats, tiles: _Floats, colours: _Floats
) -> None:
    """Fill the tiles; beyond the image they are black."""
    width = min(columns, image.shape[2] - left)
    half = columns // 2
    for y in range(16):
        tile, start = tiles[y // 8], y % 8 * _TILE
        tile[start + width : start + columns] = -_MIDDLE
        if y % 2 == 0:
            colours[:] = 0
        if y < rows:
            _add_colours(tile[start:], colours, image[:, top + y, left : left + width], weights)
        else:
            tile[start : start + width] = -_MIDDLE
        if y % 2:
            start = y // 2 * _TILE
            _halve(tiles[2, start : start + half], colours[:columns])
            _halve(tiles[2, start + half : start + columns], colours[_TILE : _TILE + columns])


@compiled
def _add_colours(luma: _Floats, colours: _Floats, rgb: _Floats, weights: _Floats) -> None:
    """Compute the luma of a row, and add its chroma to ``colours``."""
    red, green, blue = rgb[0], rgb[1], rgb[2]
    p0, p1, p2 = weights[0]
    q0, q1, q2 = weights[1]
    r0, r1, r2 = weights[2]
    for x in range(np.uintp(len(red))):
        a = min(max(red[x], _ZERO), _ONE) * _LEVELS
        b = min(max(green[x], _ZERO), _ONE) * _LEVELS
        c = min(max(blue[x], _ZERO), _ONE) * _LEVELS
        luma[x] = p0 * a + p1 * b + p2 * c - _MIDDLE
        colours[x] += q0 * a + q1 * b + q2 * c
        colours[x + np.uintp(_TILE)] += r0 * a + r1 * b + r2 * c


@compiled
def _halve(half: _Floats, whole: _Floats) -> None:
    """Compute the means of blocks of 2 × 2 from the sums of their rows."""
    for x in range(np.uintp(len(half))):
        at = x + x
        half[x] = (whole[at] + whole[at + np.uintp(1)]) * _QUARTER


@compiled
def _put_together(
    tiles: _Floats, top: int, left: int, rows: int, columns: int, weights: _Floats, out: _Floats, colours: _Floats
) -> None:
    width = min(columns, out.shape[2] - left)
    half = columns // 2
    for y in range(rows):
        if y % 2 == 0:
            start = y // 2 * _TILE
            _double(tiles[2, start : start + half], colours[:columns])
            _double(tiles[2, start + half : start + columns], colours[_TILE : _TILE + columns])
        for c in range(3):
            row = out[c, top + y, left : left + width]
            _mix(tiles[y // 8, y % 8 * _TILE :], colours, weights[c], row)


@compiled
def _double(half: _Floats, whole: _Floats) -> None:
    for x in range(np.uintp(len(half))):
        at = x + x
        whole[at] = half[x]
        whole[at + np.uintp(1)] = half[x]


@compiled
def _mix(luma: _Floats, colours: _Floats, weights: _Floats, out: _Floats) -> None:
    p, q, r = weights
    for x in range(np.uintp(len(out))):
        value = p * (luma[x] + _MIDDLE) + q * colours[x] + r * colours[x + np.uintp(_TILE)]
        out[x] = min(max(value, _ZERO), _ONE)


@compiled
def _turn(tile: _Floats, columns: int) -> None:
    """Transpose every block."""
    for start in range(np.uintp(0), np.uintp(columns), np.uintp(8)):
        for i in range(np.uintp(8)):
            for j in range(i):
                one, other = start + i * np.uintp(_TILE) + j, start + j * np.uintp(_TILE) + i
                tile[one], tile[other] = tile[other], tile[one]


@compiled
def _to_frequencies(tile: _Floats, columns: int) -> None:
    for x in range(np.uintp(columns)):
        _store(tile, x, _transformed(_load(tile, x)))


@compiled
def _from_frequencies(tile: _Floats, columns: int) -> None:
    for x in range(np.uintp(columns)):
        _store(tile, x, _restored(_load(tile, x)))


@compiled
def _on_steps(tile: _Floats, steps: _Floats, inverses: _Floats, columns: int) -> None:
    """Transform to frequencies, round to multiples of the steps, and transform back."""
    for x in range(np.uintp(columns)):
        f0, f1, f2, f3, f4, f5, f6, f7 = _transformed(_load(tile, x))
        s0, s1, s2, s3, s4, s5, s6, s7 = _load(steps, x)
        i0, i1, i2, i3, i4, i5, i6, i7 = _load(inverses, x)
        rounded = (
            s0 * (f0 * i0 + _ROUND - _ROUND),
            s1 * (f1 * i1 + _ROUND - _ROUND),
            s2 * (f2 * i2 + _ROUND - _ROUND),
            s3 * (f3 * i3 + _ROUND - _ROUND),
            s4 * (f4 * i4 + _ROUND - _ROUND),
            s5 * (f5 * i5 + _ROUND - _ROUND),
            s6 * (f6 * i6 + _ROUND - _ROUND),
            s7 * (f7 * i7 + _ROUND - _ROUND),
        )
        _store(tile, x, _restored(rounded))


@compiled
def _load(tile: _Floats, x: int) -> _Eight:
    a, b, c, d = tile[x], tile[x + _ROW[1]], tile[x + _ROW[2]], tile[x + _ROW[3]]
    e, f, g, h = tile[x + _ROW[4]], tile[x + _ROW[5]], tile[x + _ROW[6]], tile[x + _ROW[7]]
    return a, b, c, d, e, f, g, h


@compiled
def _store(tile: _Floats, x: int, values: _Eight) -> None:
    tile[x], tile[x + _ROW[1]], tile[x + _ROW[2]], tile[x + _ROW[3]] = values[:4]
    tile[x + _ROW[4]], tile[x + _ROW[5]], tile[x + _ROW[6]], tile[x + _ROW[7]] = values[4:]


@compiled
def _transformed(values: _Eight) -> _Eight:
    """Apply the orthonormal cosine transform to eight numbers, by their sums and differences from both ends."""
    a, b, c, d, e, f, g, h = values
    s0, s1, s2, s3 = a + h, b + g, c + f, d + e
    d0, d1, d2, d3 = a - h, b - g, c - f, d - e
    outer, inner, s, t = s0 + s3, s1 + s2, s0 - s3, s1 - s2
    return (
        _FLAT * (outer + inner),
        _C1 * d0 + _C3 * d1 + _C5 * d2 + _C7 * d3,
        _C2 * s + _C6 * t,
        _C3 * d0 - _C7 * d1 - _C1 * d2 - _C5 * d3,
        _FLAT * (outer - inner),
        _C5 * d0 - _C1 * d1 + _C7 * d2 + _C3 * d3,
        _C6 * s - _C2 * t,
        _C7 * d0 - _C5 * d1 + _C3 * d2 - _C1 * d3,
    )


@compiled
def _restored(values: _Eight) -> _Eight:
    """Invert `_transformed`."""
    f0, f1, f2, f3, f4, f5, f6, f7 = values
    outer, inner = _FLAT * (f0 + f4), _FLAT * (f0 - f4)
    s, t = _C2 * f2 + _C6 * f6, _C6 * f2 - _C2 * f6
    e0, e1, e2, e3 = outer + s, inner + t, inner - t, outer - s
    o0 = _C1 * f1 + _C3 * f3 + _C5 * f5 + _C7 * f7
    o1 = _C3 * f1 - _C7 * f3 - _C1 * f5 - _C5 * f7
    o2 = _C5 * f1 - _C1 * f3 + _C7 * f5 + _C3 * f7
    o3 = _C7 * f1 - _C5 * f3 + _C3 * f5 - _C1 * f7
    return e0 + o0, e1 + o1, e2 + o2, e3 + o3, e3 - o3, e2 - o2, e1 - o1, e0 - o0
