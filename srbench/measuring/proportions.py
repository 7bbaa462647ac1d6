"""Uncertainty of scores that are 0 or 100, wrong or right, and of the difference of two methods with such scores.

Student's interval fails for them where nearly all images are right: if all are, its width is zero. A few images that
nobody has measured are therefore added, as many of each outcome: two right and two wrong ones to a mean, and one that
each method wins to a difference. The interval over seeds and images is then Student's, as for all other scores, cut
where no score can be. For one seed that is the interval of Agresti and Coull for a mean, and that of Bonett and Price
for a difference, with Student's quantiles.

Source: Agresti and Coull, Approximate is better than "exact" for interval estimation of binomial proportions, The
American Statistician 52 (1998); Bonett and Price, Adjusted Wald confidence interval for a difference of binomial
proportions based on paired data, Journal of Educational and Behavioral Statistics 37 (2012).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from srbench.measuring.uncertainty import (
    SIGNIFICANCE,
    STUDENT,
    Interval,
    Statistics,
    differing_by,
    mean_interval,
    paired_p_values,
)

RIGHT = 100.0
"""The score of an image with the right answer; 0 is that of a wrong one."""
TO_MEANS = (0.0, 0.0, RIGHT, RIGHT)
"""The scores that are added to a mean."""
TO_DIFFERENCES = (-RIGHT, RIGHT)
"""The differences that are added to those of two methods."""


def is_binary(values: ArrayLike) -> bool:
    """Return whether there are scores, and each is 0 or 100."""
    array = np.asarray(values, dtype=np.float64)
    return array.size > 0 and bool(np.isin(array, (0.0, RIGHT)).all())


def proportion_interval(values: ArrayLike) -> Interval:
    """Return the 95 % interval of a mean over images, or over seeds and images, within [0, 100].

    It contains the true mean in 93 % of cases or more, for 1 to 5 seeds, 100 to 1,000 images and means from 50 to 99,
    if the accuracies of seeds have a standard deviation of 0.5 or less in log-odds. Wilson's interval does so in 90 %
    of cases for one seed, 50 images and a mean of 99.

    Args:
        values: Scores in [0, 100]: (N,) one an image, or (S, N) one a seed and image.

    Returns:
        Low and high end; None for fewer than two values.
    """
    return _padded_interval(values, TO_MEANS, 0.0)


def proportion_gain_interval(differences: ArrayLike) -> Interval:
    """Return the 95 % interval of the mean difference of two methods, within [-100, 100].

    With one seed it contains zero unless the exact test of McNemar separates the methods, so that both say the same.

    Args:
        differences: Differences of scores in [0, 100]: (N,) one an image, or (S, N) one a seed and image.

    Returns:
        Low and high end; None for fewer than two values.
    """
    interval = _padded_interval(differences, TO_DIFFERENCES, -RIGHT)
    array = np.atleast_2d(np.asarray(differences, dtype=np.float64))
    if interval is None or len(array) > 1 or not is_binary(np.abs(array)) or mcnemar_p_value(array) < SIGNIFICANCE:
        return interval
    return min(interval[0], 0.0), max(interval[1], 0.0)


def proportion_p_values(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Return the two-sided p-value of a paired test: could both methods have the same mean on such images?

    It is McNemar's exact test where all differences are -100, 0 or 100. Where scores were averaged over seeds, it is
    Student's paired t-test, with one image added that each method wins.

    Args:
        first: (…, N) scores, one an image.
        second: The scores of the other method, or of several, on the same images in the same order.

    Returns:
        (…), in [0, 1].
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    exact = np.isin(np.abs(difference), (0.0, RIGHT)).all(axis=-1)
    return np.where(exact, mcnemar_p_value(difference), paired_p_values(_padded(difference, TO_DIFFERENCES), 0.0))


def mcnemar_p_value(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the p-value of McNemar's exact test, two-sided: twice the smaller tail, 1 at most.

    Among the images that only one method has right, each has half if the methods are equal.

    Args:
        differences: (…, N): 100 where only the first method is right, -100 where only the second is, else 0.

    Returns:
        (…), in [0, 1].

    Source: McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12 (1947); the exact form equals ``scipy.stats.binomtest``.
    """
    from scipy.special import bdtr

    wins, losses = (differences > 0).sum(axis=-1), (differences < 0).sum(axis=-1)
    p_values: NDArray[np.float64] = np.minimum(1.0, 2 * bdtr(np.minimum(wins, losses), wins + losses, 0.5))
    return p_values


def _padded(array: NDArray[np.float64], added: tuple[float, ...]) -> NDArray[np.float64]:
    return np.concatenate([array, np.broadcast_to(added, (*array.shape[:-1], len(added)))], axis=-1)


def _padded_interval(values: ArrayLike, added: tuple[float, ...], least: float) -> Interval:
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    interval = mean_interval(_padded(array, added)) if array.size > 1 else None
    return interval and (max(interval[0], least), min(interval[1], RIGHT))


BINARY = Statistics(proportion_interval, proportion_gain_interval, differing_by(proportion_p_values))
"""The statistics of scores that are 0 or 100."""


def statistics_for(*, binary: bool) -> Statistics:
    """Return the statistics of scores that are 0 or 100, or of others."""
    return BINARY if binary else STUDENT
