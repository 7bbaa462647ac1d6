"""How two mean scores of several methods go together, and how certain that is for other images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
LEVEL = 0.95
SAMPLES = 2000
"""Bootstrap samples of the images."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coefficient of correlation in [-1, 1]."""

    value: float
    low: float
    high: float
    """Ends of the interval at `LEVEL` over samples of the images."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """How two scores go together over methods."""

    pearson: Coefficient
    """Of the means."""
    spearman: Coefficient
    """Of their ranks."""


def pearson(first: Numbers, second: Numbers) -> Numbers:
    """Return Pearson's r along the last axis, (...); NaN where one of the two does not vary.

    Args:
        first: (..., methods).
        second: The same.
    """
    one, other = (values - values.mean(axis=-1, keepdims=True) for values in (first, second))
    sizes = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Numbers = np.clip((one * other).sum(axis=-1) / sizes, -1.0, 1.0)
    return found


def ranks(values: Numbers) -> Numbers:
    """Return the ranks along the last axis from 1 for the smallest; equal values share the mean of theirs."""
    below = (values[..., None, :] < values[..., :, None]).sum(axis=-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(axis=-1)
    shared: Numbers = below + (equal + 1) / 2
    return shared


def correlate(first: Numbers, second: Numbers, *, paired: bool) -> Correlation | None:
    """Correlate the mean scores of methods, with percentile intervals of bootstrap samples of the images.

    The intervals say how the coefficients of these methods would move with other images. They do not cover the choice
    of the methods; see `chance_level`.

    Args:
        first: (methods, images), one score.
        second: (methods, images or pairs of images), the other.
        paired: Whether both have the same images in the same order, which are then drawn together.

    Returns:
        None if one of the two scores is the same for all methods.

    Source: Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7 (1979).
    """
    own = pearson(first.mean(axis=1), second.mean(axis=1))
    if math.isnan(own):
        return None
    draws = np.random.PCG64(0)  # raw numbers, whose stream NumPy promises to keep
    means = np.empty((2, SAMPLES, len(first)))
    for sample in range(SAMPLES):
        drawn = draws.random_raw(first.shape[1]) % first.shape[1]
        other = drawn if paired else draws.random_raw(second.shape[1]) % second.shape[1]
        means[0, sample], means[1, sample] = first[:, drawn].mean(axis=1), second[:, other].mean(axis=1)
    ordered = ranks(first.mean(axis=1)), ranks(second.mean(axis=1))
    return Correlation(
        _with_interval(float(own), pearson(*means)),
        _with_interval(float(pearson(*ordered)), pearson(ranks(means[0]), ranks(means[1]))),
    )


def _with_interval(value: float, samples: Numbers) -> Coefficient:
    low, high = np.nanquantile(samples, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Coefficient(value, float(low), float(high))


def chance_level(methods: int) -> float:
    """Return the size that Pearson's r of unrelated normal scores exceeds in 5 % of cases, by Student's t.

    Args:
        methods: At least 3.
    """
    from scipy.special import stdtrit

    quantile = float(stdtrit(methods - 2, (1 + LEVEL) / 2))
    return quantile / math.sqrt(methods - 2 + quantile**2)
