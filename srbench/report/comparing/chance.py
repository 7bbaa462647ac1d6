"""The change of a method that chance explains: another training, or the same one on another processor, ends elsewhere.

It is the limit of rules such as ``psnr_y_db < -chance``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    from scipy.special import stdtrit

    freedom = len(base) + len(head) - 2
    if not base or not head or freedom < 1:
        return None
    squares = sum((score - sum(side) / len(side)) ** 2 for side in (base, head) for score in side)
    error = math.sqrt(squares / freedom * (1 / len(base) + 1 / len(head)))
    return float(stdtrit(freedom, 1 - FALSE_FAILURES / tests)) * error
