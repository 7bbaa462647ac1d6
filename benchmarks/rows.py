"""The result of a benchmark: the ratio of two things timed in turns, and the promised ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

_REST = 0.02
"""Seconds before each timing. The threads of torch's pool spin for milliseconds after their last work, which would slow
down the next timing."""


@dataclass(frozen=True)
class Row:
    """One line of the benchmark table.

    Attributes:
        what: The part of srbench that was timed.
        against: The reference that was timed on the same input.
        ratio: The ratio of the two, in the sense of ``target``.
        target: The promised ratio in words: "≥ 20 (times as fast)".
        met: Whether the ratio meets the target.
    """

    what: str
    against: str
    ratio: float
    target: str
    met: bool


def compare(first: Callable[[], object], second: Callable[[], object], repeats: int = 9) -> float:
    """Measure how many times longer ``second`` takes than ``first``.

    Both run once to warm up, then in turns, so that other work on the machine affects both equally.

    Args:
        first: The function to judge.
        second: The reference.
        repeats: Turns, at least 1.

    Returns:
        The median over the turns of the time of ``second`` over that of ``first``; above 1 if ``first`` is faster.
    """
    first()
    second()
    return statistics.median(1 / (_seconds(first) / _seconds(second)) for _ in range(repeats))


def compare_shortest(first: Callable[[], object], second: Callable[[], object], seconds: float = 3.0) -> float:
    """Measure how many times longer ``second`` takes than ``first`` on one core, by their shortest times.

    Both run once to warm up, then in turns, each as often the first as the second. Times are those of the processor, so
    that waiting for it does not count.

    Args:
        first: The function to judge, which must run on one core.
        second: The reference, likewise.
        seconds: How long to repeat; there are at least five turns.

    Returns:
        The shortest time of ``second`` over that of ``first``; above 1 if ``first`` is faster.
    """
    first()
    second()
    ours, reference = list[float](), list[float]()
    end = time.perf_counter() + seconds
    while len(ours) < 6 or time.perf_counter() < end:
        ours.append(_processor_seconds(first))
        reference += [_processor_seconds(second), _processor_seconds(second)]
        ours.append(_processor_seconds(first))
    return min(reference) / min(ours)


def _processor_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def _seconds(run: Callable[[], object]) -> float:
    time.sleep(_REST)
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
