"""Uncertainty of means over images and seeds, of the difference of two methods, and of the agreement of two scores."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

SIGNIFICANCE = 0.05
"""Two methods differ significantly if the p-value of the paired test is below this."""

Interval: TypeAlias = tuple[float, float] | None
"""Low and high end; None where nothing shows any spread."""


def mean_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
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
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if array.size < 2:
        return None
    squares = 0.0
    for axis, count in enumerate(array.shape):
        if count > 1:
            # What array.mean(...).std(ddof=1) does to a bit, in a third of the time: reports do it for every row.
            means = np.add.reduce(array, axis=1 - axis) / array.shape[1 - axis]
            means -= np.add.reduce(means) / count
            error = math.sqrt(np.add.reduce(means * means) / (count - 1)) / math.sqrt(count)
            squares += (_quantile(count - 1, (1 + confidence) / 2) * error) ** 2
    middle, reach = float(np.add.reduce(array, axis=None) / array.size), math.sqrt(squares)
    return middle - reach, middle + reach


@functools.lru_cache(1024)
def _quantile(freedom: int, share: float) -> float:
    """Return the quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def paired_p_values(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Return the two-sided p-value of Student's paired t-test: could both methods have the same mean on such images?

    A permutation test would assume less, yet on the five images of Set5 its smallest possible p-value is 1/16: it
    could separate no network from bicubic interpolation. The t-test uses how similar the differences are.

    Args:
        first: (…, N) scores, one an image.
        second: The scores of the other method, or of several, on the same images in the same order.

    Returns:
        (…), in [0, 1]; 1.0 for fewer than two images.

    Source: Student, The probable error of a mean, Biometrika 6 (1908); equals ``scipy.stats.ttest_rel``, whose module
    takes longer to import than a whole leaderboard takes to print.
    """
    from scipy.special import stdtr

    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    count = difference.shape[-1]
    if count < 2:
        return np.ones(difference.shape[:-1])
    mean = difference.mean(axis=-1)
    error = difference.std(axis=-1, ddof=1) / math.sqrt(count)
    constant = error <= 1e-12 * np.abs(mean)
    p_values = 2 * stdtr(count - 1, -np.abs(mean / np.where(constant, 1.0, error)))
    return np.where(constant, np.where(mean == 0.0, 1.0, 0.0), p_values)


class Differences:
    """Sums of squares of the differences between the scores of two methods, for one method and all others at once.

    They come from products of centred scores, which is ten times as fast as to subtract the scores of each pair, and
    loses digits where two methods hardly differ.
    """

    def __init__(self, scores: NDArray[np.float64]) -> None:
        """Take (M, N) scores of M methods, N at least 2."""
        self._counted = scores.shape[1] * (scores.shape[1] - 1)
        shared = scores - scores.mean(axis=0)
        self._centred = shared - shared.mean(axis=1, keepdims=True)
        self._squares = np.einsum("mn,mn->m", self._centred, self._centred)

    def errors(self, own: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the squared standard errors (M,) of the mean differences, and whether rounding hardly changed each."""
        both = self._squares + self._squares[own]
        squares = both - 2 * (self._centred @ self._centred[own])
        return np.maximum(squares, 0.0) / self._counted, squares > _LOST * both


_LOST = 1e-6
"""A sum of squares that is a smaller share of what it was subtracted from may have lost half of its digits or more."""
_CLOSE = 1e-6
"""Two sides of a test that differ relatively by less are compared again without products."""


def is_close(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where two sides of a test with `Differences` are so close that rounding may decide it."""
    close: NDArray[np.bool_] = np.abs(one - other) <= _CLOSE * other
    return close


def differing_by_t(scores: NDArray[np.float64]) -> Callable[[int], NDArray[np.bool_]]:
    """Return what says for a method, by its number, from which of all methods it differs by `paired_p_values`.

    Args:
        scores: (M, N) of M methods on the same N images.
    """
    count = scores.shape[1]
    if count < 2:
        return lambda own: np.zeros(len(scores), dtype=np.bool_)  # noqa: ARG005
    differences, means = Differences(scores), scores.mean(axis=1)
    limit = _quantile(count - 1, 1 - SIGNIFICANCE / 2) ** 2

    def differing(own: int) -> NDArray[np.bool_]:
        errors, sure = differences.errors(own)
        squares, bounds = (means - means[own]) ** 2, limit * errors
        found: NDArray[np.bool_] = squares > bounds
        unsure = ~sure | is_close(squares, bounds)
        unsure[own] = False  # nothing differs from itself
        found[unsure] = paired_p_values(scores[unsure], scores[own]) < SIGNIFICANCE
        return found

    return differing


def differing_by(
    p_values: Callable[[ArrayLike, ArrayLike], NDArray[np.float64]],
) -> Callable[[NDArray[np.float64]], Callable[[int], NDArray[np.bool_]]]:
    """Return what `differing_by_t` does, for any paired test."""
    return lambda scores: lambda own: p_values(scores, scores[own]) < SIGNIFICANCE


def shared_ranks(
    scores: Sequence[Sequence[float]],
    *,
    higher_is_better: bool,
    better: Callable[[int], tuple[NDArray[np.bool_], NDArray[np.bool_]]] | None = None,
    differing: Callable[[NDArray[np.float64]], Callable[[int], NDArray[np.bool_]]] = differing_by_t,
) -> list[int]:
    """Rank methods; one that is not significantly better than another is not put before it.

    A method's rank is one more than the number of methods that are better than it beyond chance.

    Args:
        scores: For every method its score of each image; all over the same images in the same order.
        higher_is_better: Whether a larger score wins.
        better: Returns for a method, by its number, of which methods more is known than one score an image, (M,), and
            which of these are better than it beyond chance, (M,). The paired test decides about all others.
        differing: The paired test; see `differing_by_t`.

    Returns:
        A rank from 1 for each method.
    """
    array = np.atleast_2d(np.asarray(scores, dtype=np.float64)) * (1.0 if higher_is_better else -1.0)
    if not array.size:  # of no image, all means are equal
        array = np.zeros((len(scores), 1))
    means, differs = array.mean(axis=1), differing(array)
    ranks = []
    for own in range(len(scores)):
        beaten = (means > means[own]) & differs(own)
        if better:
            known, above = better(own)
            beaten = np.where(known, above, beaten)
        ranks.append(1 + int(beaten.sum()))
    return ranks


def kendall_tau(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> tuple[float | None, Interval]:
    """Return Kendall's tau-b of two scores of the same methods, and its interval.

    Fisher's transform of tau is nearly normal with a variance of 0.437 / (N - 4). Where all pairs agree it is infinite;
    half a pair counts as one that does not. By simulation with 5 to 30 methods, the interval contains the true tau in
    about 90 % of all cases or more where that is up to 0.8, and in 75 % at 0.95.

    Args:
        first: (N,) scores, one a method.
        second: The other scores of the same methods.
        confidence: How often the interval is to contain the true tau, in (0, 1).

    Returns:
        Tau in [-1, 1], None where one of the scores does not vary; low and high end, None for fewer than five methods.

    Source: Fieller, Hartley, Pearson, Tests for rank correlation coefficients I, Biometrika 44 (1957), section 4;
    recommended by Bonett, Wright, Sample size requirements for estimating Pearson, Kendall and Spearman correlations,
    Psychometrika 65 (2000).
    """
    from scipy.special import ndtri
    from scipy.stats import kendalltau

    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    count = len(one)
    if count < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None, None
    tau = min(max(float(kendalltau(one, other).statistic), -1.0), 1.0)
    if count < 5:
        return tau, None
    most = 1 - 2 / (count * (count - 1))
    middle = math.atanh(min(max(tau, -most), most))
    reach = float(ndtri((1 + confidence) / 2)) * math.sqrt(0.437 / (count - 4))
    low, high = math.tanh(middle - reach), math.tanh(middle + reach)
    return tau, (min(low, tau), max(high, tau))


@dataclass(frozen=True, slots=True)
class Statistics:
    """The intervals and the paired test that suit one sort of scores."""

    interval: Callable[[ArrayLike], Interval]
    """The interval of a mean over images, or seeds and images; see `mean_interval`."""
    gain_interval: Callable[[ArrayLike], Interval]
    """The interval of a mean difference of two methods, over the same."""
    differing: Callable[[NDArray[np.float64]], Callable[[int], NDArray[np.bool_]]]
    """See `differing_by_t`."""


STUDENT = Statistics(mean_interval, mean_interval, differing_by_t)
"""For scores of any size. `srbench.measuring.proportions.BINARY` is for those that are 0 or 100."""
