"""Uncertainty of means over images and seeds, and of the difference of two methods on the same images."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

SIGNIFICANCE = 0.05
"""Two methods differ significantly where the paired test's p-value is below this."""


def bootstrap_interval(
    values: Sequence[float], seed: int = 0, *, confidence: float = 0.95, resamples: int = 10_000
) -> tuple[float, float] | tuple[None, None]:
    """Percentile bootstrap interval of a mean over images.

    Args:
        values: One score an image, finite.
        seed: Of the resampling; the same seed gives the same interval.
        confidence: Share of resampled means inside the interval, in (0, 1).
        resamples: How often the images are drawn again, with replacement.

    Returns:
        Low and high end in the values' unit; two Nones for fewer than two images, which say nothing about spread.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    if len(values) < 2:
        return None, None
    array = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(seed)
    # In slices: a dataset of thousands of images would otherwise need gigabytes of indices at once.
    slice_rows = max(1, 4_000_000 // len(array))
    means = np.concatenate(
        [
            array[generator.integers(0, len(array), (min(slice_rows, resamples - done), len(array)))].mean(axis=1)
            for done in range(0, resamples, slice_rows)
        ]
    )
    return percentile_interval(means, confidence=confidence)


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


def crossed_means(values: Sequence[Sequence[float]], seed: int = 0, *, resamples: int = 10_000) -> NDArray[np.float64]:
    """Means over seeds and images, both drawn again: how a mean would move with other seeds and with other images.

    Seeds and images are crossed (each seed has scored each image), so whole rows and whole columns are drawn, with
    replacement and independently. One fewer of each is drawn than there are, which makes the spread that of a mean
    over few of them unbiased; of a single one, that one.

    Args:
        values: For every seed a score, or a difference of two methods' scores, of each image; in one order for all.
        seed: Of the resampling. Equal shapes and seeds give equal draws, so that the means of two methods are paired.
        resamples: How often seeds and images are drawn.

    Returns:
        (resamples,) means, in the values' unit.

    Source: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1 (2007), which shows that it errs on the side
    of wider intervals; Rao & Wu, Resampling inference with complex survey data, JASA 83 (1988), for one fewer.
    """
    array = np.asarray(values, dtype=np.float64)
    by_seed, by_image = _shares(array.shape, seed, resamples)
    means: NDArray[np.float64] = np.einsum("ri,ri->r", by_seed @ array, by_image)
    return means


def crossed_interval(
    values: Sequence[Sequence[float]], means: NDArray[np.float64] | None = None, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of a mean over seeds and images, as wide as few of them ask for.

    Percentiles of resampled means never leave the range of the values: where seeds differ more than images, an interval
    from three seeds would miss zero for one method in five that gains nothing. Hence the bootstrap's standard error
    times Student's t, with the degrees of freedom that both spreads leave together.

    Args:
        values: For every seed a score, or a difference of two methods' scores, of each image; in one order for all.
            More than one of either, or the interval is the value itself.
        means: Their `crossed_means`, where they are known already.
        confidence: How often the interval is to hold the true mean, in (0, 1).

    Returns:
        Low and high end, in the values' unit.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 12; Satterthwaite, An approximate
    distribution of estimates of variance components, Biometrics Bulletin 2 (1946).
    """
    from scipy.special import stdtrit

    array = np.asarray(values, dtype=np.float64)
    middle = float(array.mean())
    errors = [
        (float(array.mean(axis=1 - axis).var(ddof=1)) / count, count - 1)
        for axis, count in enumerate(array.shape)
        if count > 1
    ]
    total = sum(error for error, _ in errors)
    if total == 0.0:
        return middle, middle
    freedom = total**2 / sum(error**2 / free for error, free in errors)
    spread = float(np.std(crossed_means(values) if means is None else means))
    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * spread
    return middle - reach, middle + reach


@functools.lru_cache(maxsize=8)
def _shares(shape: tuple[int, ...], seed: int, resamples: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each resample the weight of every seed and of every image; the weights of each add up to 1."""
    generator = np.random.default_rng(seed)
    drawn = [max(count - 1, 1) for count in shape]
    shares = [
        generator.multinomial(draws, np.full(count, 1 / count), resamples) / draws
        for draws, count in zip(drawn, shape, strict=True)
    ]
    return shares[0], shares[1]


def percentile_interval(means: NDArray[np.float64], *, confidence: float = 0.95) -> tuple[float, float]:
    """The interval that holds a share of resampled means, with equal tails."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
