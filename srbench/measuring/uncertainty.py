"""Uncertainty of means over images and seeds, and of the difference of two methods on the same images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

SIGNIFICANCE = 0.05
"""Two methods differ significantly where the paired test's p-value is below this."""


def mean_interval(values: ArrayLike, *, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of a mean over images, or over seeds and images.

    Over images alone it is Student's. Seeds and images are crossed (each seed has scored each image), so the mean has
    two standard errors, one of its seeds and one of its images. Each is multiplied by the quantile of Student's t for
    its own degrees of freedom, and the interval reaches the root of the sum of their squares to either side. It is
    never too narrow for normal scores; Satterthwaite's common degrees of freedom are, with two or three seeds: 88 %
    instead of 95 % for 2 seeds on 100 images. Percentiles of bootstrapped means reach 75 % for three images.

    Args:
        values: Scores, or differences of two methods' scores: (N,) one an image, or (S, N) one a seed and image.
        confidence: How often the interval is to contain the true mean, in (0, 1).

    Returns:
        Low and high end in the values' unit; None for fewer than two values, which do not show any spread.

    Source: Student, The probable error of a mean, Biometrika 6 (1908); Banerjee, On confidence interval for two-means
    problem based on separate estimates of variances and tabulated values of t-table, Sankhya 22 (1960).
    """
    from scipy.special import stdtrit

    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if array.size < 2:
        return None
    squares = 0.0
    for axis, count in enumerate(array.shape):
        if count > 1:
            error = float(array.mean(axis=1 - axis).std(ddof=1)) / math.sqrt(count)
            squares += (float(stdtrit(count - 1, (1 + confidence) / 2)) * error) ** 2
    middle, reach = float(array.mean()), math.sqrt(squares)
    return middle - reach, middle + reach


def paired_p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p-value of Student's paired t-test: could both methods have the same mean on such images?

    A permutation test would assume less, yet on the five images of Set5 its smallest possible p-value is 1/16: it
    could separate no network from bicubic interpolation. The t-test uses how similar the differences are.

    Args:
        first: One score an image.
        second: The other method's scores of the same images, in the same order.

    Returns:
        In [0, 1]; 1.0 for fewer than two images.

    Source: Student, The probable error of a mean, Biometrika 6 (1908); equals ``scipy.stats.ttest_rel``, whose module
    takes longer to import than a whole leaderboard takes to print.
    """
    from scipy.special import stdtr

    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if len(difference) < 2:
        return 1.0
    mean = float(difference.mean())
    error = float(difference.std(ddof=1)) / math.sqrt(len(difference))
    if error <= 1e-12 * abs(mean) or error == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return float(2 * stdtr(len(difference) - 1, -abs(mean / error)))


def shared_ranks(
    scores: Sequence[Sequence[float]],
    *,
    higher_is_better: bool,
    better: Callable[[int, int], bool | None] = lambda _one, _other: None,
) -> list[int]:
    """Ranks in which methods that do not differ significantly are not put before one another.

    A method's rank is one more than the number of methods that are better than it beyond chance.

    Args:
        scores: For every method its score of each image; all over the same images in the same order.
        higher_is_better: Whether a larger score wins.
        better: Whether one method is better than another beyond chance, by their numbers, where more is known of both
            than a score an image; None where not, which leaves it to the paired t-test.

    Returns:
        A rank from 1 for each method.
    """
    sign = 1.0 if higher_is_better else -1.0
    means = [sign * float(np.mean(s)) if len(s) else 0.0 for s in scores]

    def beats(one: int, other: int) -> bool:
        known = better(one, other)
        if known is not None:
            return known
        return means[one] > means[other] and paired_p_value(scores[one], scores[other]) < SIGNIFICANCE

    return [1 + sum(beats(other, own) for other in range(len(scores)) if other != own) for own in range(len(scores))]
