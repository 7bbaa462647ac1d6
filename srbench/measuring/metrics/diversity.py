"""How much several super-resolved versions of one image differ: pixel deviation, and the mean distance of pairs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch
from torch import Tensor

from srbench.errors import UnavailableError


def pixel_deviation(samples: Tensor) -> Tensor:
    """Return the deviation of each value over the samples (K - 1 in the denominator), averaged over all values.

    Args:
        samples: (K, C, H, W) in [0, 1], K at least 2.

    Returns:
        A number in levels of 255, 0 if all are equal.

    Raises:
        UnavailableError: There is one sample only.
    """
    _check(samples)
    return 255 * samples.std(dim=0).mean()


def pairwise(samples: Tensor, distance: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return the mean distance over all pairs of samples.

    Args:
        samples: (K, C, H, W) in [0, 1], K at least 2.
        distance: ``distance(first, second) -> (N,)``, such as LPIPS; symmetric.

    Raises:
        UnavailableError: There is one sample only.
    """
    _check(samples)
    pairs = combinations(range(len(samples)), 2)
    return torch.stack([distance(samples[i : i + 1], samples[j : j + 1]).squeeze() for i, j in pairs]).mean()


def _check(samples: Tensor) -> None:
    if len(samples) < 2:
        raise UnavailableError("one sample has no diversity; it needs at least two of an image")
