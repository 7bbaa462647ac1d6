"""The loops of `noise`: random words from a counter, and noise from the words.

Word n of a field is a function of n and the field's seed (Philox 4×32-10: Salmon et al. 2011, "Parallel random numbers:
as easy as 1, 2, 3"), so that many are computed at once, and none depends on the other images of a batch.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from srbench.imaging.parallel import compiled

_Floats = NDArray[np.float32]
_Words = NDArray[np.uint32]
_Block = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
Tables = tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]
"""The result of `tables_of_photons`."""

_BLOCKS = 256
"""Number of blocks of four words that are made together: first the first words of all, then the second words, …"""

_LOW = np.uint64(0xFFFFFFFF)
_HALF_WORD = np.uint64(32)
_FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_STRIDES = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_WORD = np.float32(2.0**-32)
_MINUS_TWO = np.float32(-2)
_LN_2, _ROOT_2 = np.float32(math.log(2)), np.float32(math.sqrt(2))
_QUARTER_TURN = np.float32(math.pi / 2 * 2.0**-32)
_LOG = tuple(
    np.float32(value)
    for value in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip
_SINE = tuple(np.float32(value) for value in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1))
_COSINE = tuple(np.float32(value) for value in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2))
"""The polynomials of single precision in Cephes (Moshier 1992): logarithm near 1, sine and cosine to π/4."""

_LEVELS, _SETTLED = np.float32(255), np.float32(2.0**13)
_ROUND = np.float32(1.5 * 2**23)
"""Adding and subtracting it rounds numbers below 2^22, half to even."""

_BUCKETS = 512
"""Number of equal parts of the unit interval; a table says for each where the search begins."""
_PER_BUCKET = 23
"""Number of bits of a word below those that are its bucket."""


@compiled
def philox(a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64, key: np.uint64, other_key: np.uint64) -> _Block:
    """Return four words of 32 bits for a counter of four words and a key of two, all as 64-bit numbers."""
    for _ in range(10):
        p, q = _FACTORS[0] * a, _FACTORS[1] * c
        a, b, c, d = ((q >> _HALF_WORD) ^ b ^ key, q & _LOW, (p >> _HALF_WORD) ^ d ^ other_key, p & _LOW)
        key, other_key = (key + _STRIDES[0]) & _LOW, (other_key + _STRIDES[1]) & _LOW
    return a, b, c, d


@compiled
def _fill(words: _Words, first: int, seed: np.uint64) -> None:
    """Fill in the words of `_BLOCKS` blocks, from block ``first`` on."""
    key, other_key = seed & _LOW, seed >> _HALF_WORD
    zero = np.uint64(0)
    for x in range(np.uintp(_BLOCKS)):
        a, b, c, d = philox(np.uint64(first) + x, zero, zero, zero, key, other_key)
        words[x] = a
        words[x + np.uintp(_BLOCKS)] = b
        words[x + np.uintp(2 * _BLOCKS)] = c
        words[x + np.uintp(3 * _BLOCKS)] = d


@compiled
def normal(field: _Floats, seed: np.uint64) -> None:
    """Fill a flat field with standard normal numbers, up to 6.7 standard deviations (Box and Muller)."""
    words, numbers = np.empty(4 * _BLOCKS, np.uint32), np.empty(4 * _BLOCKS, np.float32)
    for start in range(0, len(field), 4 * _BLOCKS):
        _fill(words, start // 4, seed)
        _to_normal(numbers, words)
        stop = min(start + 4 * _BLOCKS, len(field))
        field[start:stop] = numbers[: stop - start]


@compiled
def _to_normal(numbers: _Floats, words: _Words) -> None:
    """Take a radius from each word of the first half, and an angle from each of the second half."""
    half = 2 * _BLOCKS
    for x in range(np.uintp(half)):
        radius = np.sqrt(_MINUS_TWO * _log((np.float32(words[x]) + _HALF) * _WORD))
        angle = words[x + np.uintp(half)]
        # two bits are the quarter of the turn, the others the angle within it, from −π/4 on
        quarter = angle >> np.uint32(30)
        sine, cosine = _sine_and_cosine(np.float32(np.int32(np.uint32(angle << np.uint32(2)))) * _QUARTER_TURN)
        upright = (quarter & np.uint32(1)) != 0
        first, second = (sine, cosine) if upright else (cosine, sine)
        flipped = (quarter & np.uint32(2)) != 0
        numbers[x] = -radius * first if flipped != upright else radius * first
        numbers[x + np.uintp(half)] = -radius * second if flipped else radius * second


@compiled
def _log(value: np.float32) -> np.float32:
    """Take the logarithm of a normal number above 0, by its exponent and a polynomial between √½ and √2."""
    bits = np.float32(value).view(np.int32)
    exponent = np.float32(np.int32(bits >> np.int32(23)) - np.int32(127))
    part = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(np.float32)
    upper = part > _ROOT_2
    part = part * _HALF if upper else part
    exponent = exponent + _ONE if upper else exponent
    x = part - _ONE
    square = x * x
    total = _LOG[0]
    for n in range(1, 9):
        total = total * x + _LOG[n]
    return total * x * square - _HALF * square + x + exponent * _LN_2


@compiled
def _sine_and_cosine(angle: np.float32) -> tuple[np.float32, np.float32]:
    square = angle * angle
    sine = ((_SINE[0] * square + _SINE[1]) * square + _SINE[2]) * square * angle + angle
    cosine = ((_COSINE[0] * square + _COSINE[1]) * square + _COSINE[2]) * square * square - _HALF * square + _ONE
    return sine, cosine


@compiled
def add(images: _Floats, differences: _Floats, factors: _Floats, clamp: bool, out: _Floats) -> None:
    """Compute ``images + factors · differences``, (N, values) and (N,), clamped to [0, 1] on demand."""
    low, high = (_ZERO, _ONE) if clamp else (np.float32(-np.inf), np.float32(np.inf))
    for n in range(len(out)):
        image, difference, factor, total = images[n], differences[n], factors[n], out[n]
        for x in range(len(total)):
            total[x] = min(max(image[x] + factor * difference[x], low), high)


@compiled
def to_levels(image: _Floats, luma: _Floats, levels: NDArray[np.uint8]) -> None:
    """Compute 8-bit levels of an image (C, pixels), or of its luma if ``levels`` has one plane and the image three."""
    if len(levels) == len(image):
        for c in range(len(image)):
            _round(image[c], levels[c])
        return
    grey = np.empty(image.shape[1], np.float32)
    p, q, r = luma
    red, green, blue = image[0], image[1], image[2]
    for x in range(len(grey)):
        grey[x] = red[x] * p + green[x] * q + blue[x] * r
    _round(grey, levels[0])


@compiled
def _round(values: _Floats, levels: NDArray[np.uint8]) -> None:
    """Round as `srbench.imaging.pixels.settled` does, then half to even."""
    for x in range(len(values)):
        level = min(max(values[x] * _LEVELS, _ZERO), _LEVELS)
        settled = (level * _SETTLED + _ROUND - _ROUND) / _SETTLED
        levels[x] = np.uint8(np.int32(settled + _ROUND - _ROUND))


@compiled
def count_levels(levels: NDArray[np.uint8]) -> int:
    """Count the different levels in planes (C, pixels)."""
    seen = np.zeros(256, np.uint8)
    for c in range(len(levels)):
        for level in levels[c]:
            seen[level] = 1
    return int(seen.sum())


@compiled
def tables_of_photons(peak: float) -> Tables:
    """Make the Poisson distributions of all levels, for `count_photons`.

    Args:
        peak: Mean photons of level 255.

    Returns:
        Where the search in a level's bounds begins for each bucket of words, counted from their start (256, buckets);
        where the bounds of each level start (256,); the number of photons of its first bound (256,); and the bounds of
        all levels, one after the other: the last word that still means that many photons.
    """
    guide, starts, least = np.empty((256, _BUCKETS), np.uint16), np.empty(256, np.int64), np.empty(256, np.int64)
    total = 0
    for level in range(256):
        rate = level * peak / 255
        reach = 9 * math.sqrt(rate) + 20  # fewer than one word in 2^32 is beyond
        starts[level], least[level] = total, max(0, int(rate - reach))
        total += int(rate + reach) - least[level] + 1
    bounds = np.empty(total, np.uint32)
    for level in range(256):
        rate, start, first = level * peak / 255, starts[level], least[level]
        stop = starts[level + 1] if level < 255 else total
        chance = math.exp(first * math.log(rate) - rate - math.lgamma(first + 1)) if level else 1.0
        below, bucket = 0.0, 0
        for at in range(start, stop):
            below += chance
            bound = min(max(int(below * 2.0**32 + 0.5) - 1, 0), 2**32 - 1) if at < stop - 1 else 2**32 - 1
            bounds[at] = bound
            while bucket < _BUCKETS and bucket << _PER_BUCKET <= bound:
                guide[level, bucket] = at - start
                bucket += 1
            chance *= rate / (first + at - start + 1)
    return guide, starts, least, bounds


@compiled
def count_photons(levels: NDArray[np.uint8], peak: float, seed: np.uint64, tables: Tables, difference: _Floats) -> None:
    """Compute photons over ``peak`` minus the level over 255 for flat ``levels``, with the tables of this peak."""
    guide, starts, least, bounds = tables
    words, photon, step = np.empty(4 * _BLOCKS, np.uint32), np.float32(1 / peak), _ONE / _LEVELS
    for start in range(0, len(levels), 4 * _BLOCKS):
        _fill(words, start // 4, seed)
        for x in range(min(4 * _BLOCKS, len(levels) - start)):
            level, word = levels[start + x], words[x]
            at = starts[level] + guide[level, word >> np.uint32(_PER_BUCKET)]
            while bounds[at] < word:
                at += 1
            counted = np.float32(least[level] + at - starts[level])
            difference[start + x] = counted * photon - np.float32(level) * step
