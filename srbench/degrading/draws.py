"""Random numbers for degradations: named streams, the same on every machine and with every version of NumPy."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.random import Philox
from numpy.typing import NDArray

Range: TypeAlias = float | tuple[float, float]
"""A number, or the lower and upper bound of a uniform distribution."""

T = TypeVar("T")


class Random:
    """A stream of random numbers that depends on its seed alone.

    It reads the raw words of NumPy's Philox, which never change, and converts them to numbers by its own arithmetic, so
    that no version of a library changes a draw.

    Args:
        seed: From 0 to 2^64 - 1.
        batch: The stream that all images of a batch share; default: this one.
    """

    __slots__ = ("_batch", "_blocks", "_origin", "_words")

    def __init__(self, seed: int, batch: Random | None = None) -> None:
        self._origin: int | tuple[Random, tuple[int | str, ...]] = seed
        self._batch = batch
        self._words: list[int] = []
        self._blocks = 0

    @property
    def batch(self) -> Random:
        """The stream that starts at the same place for all images of a batch, for values that they share.

        Draws from it must not depend on what an image drew from its own stream.
        """
        return self if self._batch is None else self._batch

    def branch(self, *names: int | str, batch: Random | None = None) -> Random:
        """Return a separate stream for the part of a chain called ``names``; this stream does not advance.

        So the draws of one part of a chain never shift those of another part.

        Args:
            names: Decide the stream, together with this stream's seed.
            batch: The stream that the images of a batch share; default: a branch of this stream's.
        """
        branch = Random(0, batch or (self._batch and self._batch.branch(*names)))
        branch._origin = self, names
        return branch

    @property
    def _seed(self) -> int:
        """The seed; that of a branch is computed when it is first needed, since many branches draw nothing."""
        if isinstance(self._origin, tuple):
            stem, names = self._origin
            digest = hashlib.blake2b(repr((stem._seed, *names)).encode(), digest_size=8).digest()
            self._origin = int.from_bytes(digest, "little")
        return self._origin

    def unit(self) -> float:
        """Draw uniformly from [0, 1), in steps of 2^-53."""
        if not self._words:
            self._words = _words(self._seed, self._blocks, 1)[::-1]
            self._blocks += 1
        return (self._words.pop() >> 11) * 2.0**-53

    def units(self, count: int) -> NDArray[np.float64]:
        """Draw many numbers at once, (count,): the same that repeated calls of `unit` would return."""
        missing = -(-(count - len(self._words)) // 4)
        if missing > 0:
            self._words = _words(self._seed, self._blocks, missing)[::-1] + self._words
            self._blocks += missing
        first = len(self._words) - count
        taken = np.array(self._words[first:][::-1], dtype=np.uint64)
        del self._words[first:]
        return np.ldexp((taken >> np.uint64(11)).astype(np.float64), -53)

    def uniform(self, low: float, high: float) -> float:
        """Draw uniformly from [low, high)."""
        return low + (high - low) * self.unit()

    def within(self, bounds: Range) -> float:
        """Draw uniformly between two bounds; a single number is returned without a draw."""
        return self.uniform(*bounds) if isinstance(bounds, tuple) else bounds

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number from ``low`` to ``high``, both included."""
        return low + math.floor(self.unit() * (high - low + 1))

    def normal(self) -> float:
        """Draw from the standard normal distribution (Box and Muller)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.unit()))
        return radius * math.cos(2.0 * math.pi * self.unit())

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.unit() < probability

    def choice(self, items: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """Choose one of ``items``, with equal probability or by ``weights``, which need not add up to 1."""
        if weights is None:
            return items[self.integer(0, len(items) - 1)]
        left = self.unit() * math.fsum(weights)
        for item, weight in zip(items, weights, strict=True):
            left -= weight
            if left < 0:
                return item
        return next(item for item, weight in zip(reversed(items), reversed(weights), strict=True) if weight > 0)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order, with equal probability for every order (Fisher and Yates)."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.integer(0, last)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def seed(self) -> int:
        """Draw a seed for a field of noise: a whole number in [0, 2^53), which every JSON reader keeps exactly."""
        return int(self.unit() * 2.0**53)


_OF_THREAD = threading.local()


def _words(seed: int, number: int, blocks: int) -> list[int]:
    """Return blocks of four words of ``Philox(key=seed)``; one Philox is reused, which is seven times as fast."""
    try:
        philox: Philox = _OF_THREAD.philox
    except AttributeError:
        philox = _OF_THREAD.philox = Philox(key=0)
    state: Any = {  # NumPy accepts tuples for the arrays that it returns
        "bit_generator": "Philox",
        "state": {"counter": (number, 0, 0, 0), "key": (seed, 0)},
        "buffer": (0, 0, 0, 0),
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    philox.state = state
    words: list[int] = philox.random_raw(4 * blocks).tolist()
    return words
