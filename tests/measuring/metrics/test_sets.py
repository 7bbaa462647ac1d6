"""Distances of sets against closed forms: Gaussians with exact moments, and the exact mean of the kernel distance."""

from itertools import product
from math import comb
from statistics import fmean

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from srbench.errors import ShapeError, UnavailableError
from srbench.measuring.metrics.sets import frechet_distance, kernel_distance


def points(mean, covariance, repeats=1):
    """Points whose mean and covariance (n - 1 in the denominator) are exactly these."""
    root = torch.linalg.cholesky(covariance)
    count = 2 * len(mean) * repeats
    spread = ((count - 1) / (2 * repeats)) ** 0.5 * root.T
    return torch.cat([torch.cat([spread, -spread]) + mean] * repeats)


def gaussian(seed, size):
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(size, generator=generator, dtype=torch.float64)
    factor = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return mean, factor @ factor.T + 0.1 * torch.eye(size, dtype=torch.float64)


def closed_form(one, other):
    """The squared Fréchet distance of two Gaussians, by SciPy's matrix root."""
    (mean_1, cov_1), (mean_2, cov_2) = one, other
    root = sqrtm((cov_1 @ cov_2).numpy()).real
    return float((mean_1 - mean_2).square().sum() + (cov_1 + cov_2).trace() - 2 * np.trace(root))


@pytest.mark.parametrize("repeats", [1, 3])
def test_the_frechet_distance_of_two_gaussians_is_its_closed_form(repeats):
    one, other = gaussian(1, 5), gaussian(2, 5)
    found = frechet_distance(points(*one, repeats), points(*other))
    assert found == pytest.approx(closed_form(one, other), rel=1e-10)


def test_axes_that_are_shared_give_the_difference_of_deviations():
    one = torch.zeros(3).double(), torch.diag(torch.tensor([1.0, 4.0, 9.0]).double())
    other = torch.tensor([0.0, 2.0, 0.0]).double(), torch.diag(torch.tensor([4.0, 4.0, 1.0]).double())
    assert frechet_distance(points(*one), points(*other)) == pytest.approx(1 + 4 + 4, rel=1e-12)


def test_sets_that_are_smaller_than_their_features_have_the_same_distance_as_in_their_own_space():
    first, second = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    turned, _ = torch.linalg.qr(torch.randn(40, 4, dtype=torch.float64))
    wide = frechet_distance(first @ turned.T, second @ turned.T)
    assert wide == pytest.approx(frechet_distance(first, second), rel=1e-9)
    assert frechet_distance(first @ turned.T, first @ turned.T) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("other", [(-1.0, 0.5, 2.0), (0.0, 0.5, 1.5)])
def test_the_kernel_distance_is_unbiased(other):
    """Its mean over all draws of two from each is the discrepancy of the populations, a sum over their moments."""
    one = (-1.0, 0.5, 2.0)

    def moment(population, power):
        return fmean(value**power for value in population)

    truth = sum(comb(3, power) * (moment(one, power) - moment(other, power)) ** 2 for power in range(1, 4))
    draws = [
        kernel_distance(torch.tensor(first).double()[:, None], torch.tensor(second).double()[:, None])
        for first in product(one, repeat=2)
        for second in product(other, repeat=2)
    ]
    assert fmean(draws) == pytest.approx(truth, abs=1e-12)
    assert (truth == 0) is (one == other)


def test_the_kernel_distance_by_hand():
    first, second = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 1.0], [2.0, 0.0]])
    within = 1.0 + (2 / 2 + 1) ** 3
    between = fmean([(1 / 2 + 1) ** 3, (2 / 2 + 1) ** 3, (1 / 2 + 1) ** 3, 1.0])
    assert kernel_distance(first, second) == pytest.approx(within - 2 * between)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_what_is_no_set_is_refused(distance):
    with pytest.raises(UnavailableError, match="at least two images"):
        distance(torch.rand(1, 3), torch.rand(4, 3))
    with pytest.raises(ShapeError, match=r"must be \(n, D\), not \(4, 3\) and \(4, 2\)"):
        distance(torch.rand(4, 3), torch.rand(4, 2))
