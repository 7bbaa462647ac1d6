"""Scores of maps of uncertainty: closed forms, SciPy, and what must hold for any map."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from srbench.errors import UnavailableError
from srbench.measuring.metrics.calibration import (
    BINS,
    normalised_calibration_error,
    rank_correlation,
    sparsification,
    sparsification_error,
)

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, count=50, levels=12):
    """Errors and a map with many equal values."""
    generator = np.random.default_rng(seed)
    errors, spread = generator.integers(0, levels, (2, count)).astype(float)
    errors[0] += 1  # at least one is not 0
    return torch.from_numpy(errors), torch.from_numpy(spread)


@given(SEEDS)
def test_the_correlation_is_spearmans(seed):
    errors, spread = drawn(seed)
    wanted = scipy.stats.spearmanr(errors.numpy(), spread.numpy()).statistic
    assert rank_correlation(errors, spread).item() == pytest.approx(wanted, abs=1e-12)


@given(SEEDS)
def test_only_the_order_of_a_map_counts_for_correlation_and_sparsification(seed):
    errors, spread = drawn(seed)
    for score in (rank_correlation, sparsification_error):
        assert torch.equal(score(errors, spread), score(errors, (spread / 3).exp()))
        assert torch.equal(score(errors, spread), score(errors, spread - 100))


def test_a_constant_map_has_no_correlation():
    with pytest.raises(UnavailableError, match="no correlation"):
        rank_correlation(torch.arange(5.0), torch.ones(5))


def test_a_curve_is_the_mean_of_what_remains():
    errors = torch.tensor([4.0, 1.0, 3.0, 0.0])
    spread = torch.tensor([0.3, 0.1, 0.2, 0.4])  # removed from last to first: 0, 4, 3, 1
    wanted = [1.0, (4 + 3 + 1) / 3 / 2, (3 + 1) / 2 / 2, 1 / 2]
    torch.testing.assert_close(sparsification(errors, spread), torch.tensor(wanted))


@pytest.mark.parametrize("seed", range(5))
def test_equal_values_of_a_map_count_as_the_mean_over_their_orders(seed):
    errors, spread = drawn(seed, count=4, levels=2)
    orders = [spread + 0.1 * torch.tensor(one) for one in itertools.permutations(range(4))]
    mean = torch.stack([sparsification(errors, one) for one in orders]).mean(dim=0)
    torch.testing.assert_close(sparsification(errors, spread), mean)


@given(SEEDS)
def test_the_errors_themselves_are_the_best_map_and_a_constant_one_is_flat(seed):
    errors, spread = drawn(seed)
    assert sparsification_error(errors, errors) == 0
    assert sparsification_error(errors, spread) >= 0
    assert (sparsification(errors, spread) - sparsification(errors, errors)).min() >= -1e-12
    torch.testing.assert_close(sparsification(errors, torch.zeros_like(spread)), torch.ones_like(errors))
    assert sparsification_error(errors, -errors) >= sparsification_error(errors, spread) - 1e-12


@pytest.mark.parametrize("count", [1, 2, 10, 1000])
def test_the_area_of_a_constant_map_for_errors_in_equal_steps_is_known(count):
    # The oracle's curve for errors 1 … n is (k + 1) / (n + 1) for k that remain, whose mean is (n + 3) / (2 (n + 1)).
    errors = torch.arange(1, count + 1, dtype=torch.float64)
    wanted = 1 - (count + 3) / (2 * (count + 1))
    assert sparsification_error(errors, torch.zeros(count)).item() == pytest.approx(wanted, abs=1e-12)


def test_without_errors_there_is_nothing_to_know():
    with pytest.raises(UnavailableError, match="sr equals hr"):
        sparsification_error(torch.zeros(5), torch.rand(5))


@given(SEEDS, st.floats(0.1, 10))
def test_deviations_that_are_off_by_a_factor_cost_what_it_says(seed, factor):
    generator = torch.Generator().manual_seed(seed)
    deviations = torch.rand(40 * BINS, generator=generator, dtype=torch.float64) + 0.1
    by_bin, order = deviations.sort()
    roots = by_bin.view(BINS, -1).square().mean(dim=1).sqrt()
    errors = torch.empty_like(deviations)
    errors[order] = roots.repeat_interleave(40)  # each bin has the error that it expects
    assert normalised_calibration_error(errors, deviations).item() == pytest.approx(0, abs=1e-12)
    wrong = normalised_calibration_error(factor * errors, deviations)
    assert wrong.item() == pytest.approx(abs(factor - 1))
    assert normalised_calibration_error(errors, deviations / factor).item() == pytest.approx(abs(factor - 1))


def test_true_deviations_of_many_values_are_calibrated():
    generator = torch.Generator().manual_seed(0)
    deviations = torch.rand(200_000, generator=generator, dtype=torch.float64) + 0.05
    errors = (deviations * torch.randn(200_000, generator=generator, dtype=torch.float64)).abs()
    assert normalised_calibration_error(errors, deviations) < 0.02
    blind = deviations.square().mean().sqrt().expand_as(deviations)
    assert normalised_calibration_error(errors, blind) < 0.02  # it knows the mean error, and orders nothing
    assert rank_correlation(errors, deviations) > 0.4 > 0.1 > abs(sparsification_error(errors, errors).item())


def test_fewer_values_than_bins_are_a_bin_each():
    errors, deviations = torch.tensor([1.0, 1.0]), torch.tensor([2.0, 1.0])
    assert normalised_calibration_error(errors, deviations).item() == pytest.approx((0.5 + 0) / 2)


def test_a_map_that_expects_no_error_is_named():
    with pytest.raises(UnavailableError, match="expects no error at all in a whole bin"):
        normalised_calibration_error(torch.ones(3), torch.zeros(3))
    assert math.isfinite(normalised_calibration_error(torch.ones(40), torch.arange(40.0)).item())


def test_the_calibration_error_does_not_depend_on_the_order_of_equal_deviations():
    errors = torch.rand(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    deviations = torch.tensor([0.2, 0.4], dtype=torch.float64).repeat_interleave(100)
    again = torch.cat([errors[:100].flip(0), errors[100:].sort().values])
    found = normalised_calibration_error(errors, deviations).item()
    assert normalised_calibration_error(again, deviations).item() == pytest.approx(found, rel=1e-12)
