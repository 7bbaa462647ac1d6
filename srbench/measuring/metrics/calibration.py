"""How well a map of uncertainty knows the errors of sr: rank correlation, sparsification, calibration.

All take the absolute errors of one image and the map's value for each of them, both flat, float64. Values that the map
does not distinguish count as if their order were random, on average over all orders.
"""

from __future__ import annotations

import torch
from torch import Tensor

from srbench.errors import UnavailableError

BINS = 20
"""Bins of `normalised_calibration_error`, with equal numbers of values."""


def rank_correlation(errors: Tensor, spread: Tensor) -> Tensor:
    """Spearman's correlation of errors and map, between -1 and 1; equal values share the mean of their ranks.

    Args:
        errors: Absolute errors (n,).
        spread: The map (n,), larger where sr is less certain.

    Raises:
        UnavailableError: All errors or all values of the map are equal.
    """
    first, second = (ranks - ranks.mean() for ranks in (_ranks(errors), _ranks(spread)))
    size = (first.square().sum() * second.square().sum()).sqrt()
    if not size > 0:
        raise UnavailableError("all errors, or all values of the map, are equal, so that there is no correlation")
    return (first * second).sum() / size


def sparsification(errors: Tensor, spread: Tensor) -> Tensor:
    """Return the mean error of what remains when the k least certain values are removed, k from 0 to n - 1.

    Args:
        errors: Absolute errors (n,).
        spread: The map (n,). With the errors themselves this is the lowest curve of any map, the oracle's.

    Returns:
        (n,), divided by the mean of all errors, so that it begins at 1.

    Raises:
        UnavailableError: All errors are 0.
    """
    if not errors.any():
        raise UnavailableError("sr equals hr, so that there are no errors to know of")
    kept = _from_the_smallest(spread, errors).cumsum(0) / torch.arange(1, len(errors) + 1).to(errors)
    return kept.flip(0) / errors.mean()


def sparsification_error(errors: Tensor, spread: Tensor) -> Tensor:
    """Return the area between the `sparsification` curves of the map and of the oracle: AUSE (Ilg et al., ECCV 2018).

    0 is a map that sorts values as their errors do. The mean of absolute errors is normalised by that of all values.

    Args:
        errors: Absolute errors (n,).
        spread: The map (n,).

    Raises:
        UnavailableError: All errors are 0.
    """
    return (sparsification(errors, spread) - sparsification(errors, errors)).mean()


def normalised_calibration_error(errors: Tensor, deviations: Tensor) -> Tensor:
    """Return how far expected deviations are from the errors, relative to them: ENCE (Levi et al., 2019).

    Values are sorted by deviation into `BINS` bins of equal size. In each, the root of the mean square of the
    deviations is compared with that of the errors: |expected - found| / expected, averaged over bins.

    Args:
        errors: Absolute errors (n,).
        deviations: Expected standard deviations (n,), in units of the errors.

    Raises:
        UnavailableError: All deviations of a bin are 0.
    """
    squares = deviations.square().sort().values, _from_the_smallest(deviations, errors.square())
    pairs = zip(*(part.tensor_split(BINS) for part in squares), strict=True)
    roots = [tuple(part.mean().sqrt() for part in pair) for pair in pairs if len(pair[0])]
    if any(not expected > 0 for expected, _ in roots):
        raise UnavailableError("the map expects no error at all in a whole bin of values")
    return torch.stack([(expected - found).abs() / expected for expected, found in roots]).mean()


def _from_the_smallest(keys: Tensor, values: Tensor) -> Tensor:
    """Sort values by their keys; those of equal keys become their mean."""
    _, group = torch.unique(keys, return_inverse=True)
    count = torch.bincount(group).to(values)
    expected = torch.zeros_like(count).index_add(0, group, values) / count
    return expected[group.sort().values]


def _ranks(values: Tensor) -> Tensor:
    _, group, count = torch.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum(0).to(values)
    ranks: Tensor = (last - (count.to(values) - 1) / 2)[group]
    return ranks
