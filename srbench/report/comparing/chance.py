"""The change of a method that chance explains: another training, or the same one on another processor, ends elsewhere.

It is the limit of rules such as ``psnr_y_db < -chance``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FALSE_FAILURES = 0.05
"""The share of comparisons without a real change in which a rule on chance may fail, for all its rows together."""


def explained_by_chance(base: Sequence[float], head: Sequence[float], *, tests: int = 1) -> float | None:
    """Return the change between two means over trainings that chance exceeds in one of twenty comparisons.

    Trainings of both sides have one variance, which is that within the sides. The change then has Student's
    distribution, and the result is its quantile. It is divided among all tests (Bonferroni), since one failure of many
    rows fails a comparison.

    Args:
        base: The score of each training before, in any unit.
        head: The score of each training after.
        tests: Number of methods that are tested together.

    Returns:
        The change in that unit, at least 0; None where no side has two trainings, which do not show any spread.

    Source: Student, The probable error of a mean, Biometrika 6 (1908), for two samples.
    """
    return _explained(_spread_of(base), _spread_of(head), tests)


@dataclass(frozen=True, slots=True)
class Spread:
    """How far scores are from the mean of their group, such as the samples of a dataset in a row."""

    count: int
    """Scores of all groups together."""
    squares: float
    """Sum of their squared distances from these means."""
    freedom: int
    """Scores without one of each group."""

    @classmethod
    def of_groups(cls, groups: Iterable[tuple[int, float]]) -> Spread:
        """Return what groups show together, of each of which the number of scores and their deviation is known."""
        groups = list(groups)
        return cls(
            sum(count for count, _ in groups),
            sum((count - 1) * deviation**2 for count, deviation in groups),
            sum(count - 1 for count, _ in groups),
        )  # fmt: skip


def explained_by_samples(base: Spread, head: Spread, *, tests: int = 1) -> float | None:
    """Return `explained_by_chance` for means over samples that were drawn by one set of weights on each side."""
    return _explained(base, head, tests)


def _spread_of(scores: Sequence[float]) -> Spread:
    squares = sum((score - sum(scores) / len(scores)) ** 2 for score in scores)
    return Spread(len(scores), squares, len(scores) - 1)


def _explained(base: Spread, head: Spread, tests: int) -> float | None:
    from scipy.special import stdtrit

    freedom = base.freedom + head.freedom
    if not base.count or not head.count or freedom < 1:
        return None
    error = math.sqrt((base.squares + head.squares) / freedom * (1 / base.count + 1 / head.count))
    return float(stdtrit(freedom, 1 - FALSE_FAILURES / tests)) * error
