"""What a benchmark says: one ratio of two things timed in turns, and the ratio that was promised."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

_REST = 0.02
"""Seconds before each timing. The threads of torch's pool wait busily for milliseconds after their last work, and would
take time from whatever comes next."""


@dataclass(frozen=True)
class Row:
    """One line of the benchmark table.

    Attributes:
        what: What of srbench was timed.
        against: What it was timed against, on the same input.
        ratio: How the two compare, in the sense that ``target`` reads.
        target: The promise, in words: "≥ 20 (times as fast)".
        met: Whether the ratio keeps it.
    """

    what: str
    against: str
    ratio: float
    target: str
    met: bool


def compare(first: Callable[[], object], second: Callable[[], object], repeats: int = 9) -> float:
    """How many times longer ``second`` takes than ``first``.

    Both run once to warm up, then in turns, so that whatever else the machine does meets both alike.

    Args:
        first: What is judged.
        second: What it is judged against.
        repeats: Turns, at least 1.

    Returns:
        The median over the turns of the time of ``second`` over that of ``first``; above 1 where ``first`` is faster.
    """
    first()
    second()
    return statistics.median(1 / (_seconds(first) / _seconds(second)) for _ in range(repeats))


def _seconds(run: Callable[[], object]) -> float:
    time.sleep(_REST)
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
