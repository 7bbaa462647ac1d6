"""Intervals and tests of scores that are 0 or 100, against SciPy and against what must hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom, binomtest, t

from srbench.measuring.proportions import (
    BINARY,
    is_binary,
    proportion_gain_interval,
    proportion_interval,
    proportion_p_values,
    statistics_for,
)
from srbench.measuring.uncertainty import STUDENT, mean_interval, paired_p_values, shared_ranks

SEEDS, IMAGES = st.integers(1, 5), st.integers(1, 60)


def hits(seeds, images, seed, share=0.9):
    """Draw scores (S, N)."""
    return 100.0 * (np.random.default_rng(seed).random((seeds, images)) < share)


def one_seed(wins, losses, images):
    """Make differences where each method alone is right so often."""
    return np.array([100.0] * wins + [-100.0] * losses + [0.0] * (images - wins - losses))


@given(SEEDS, IMAGES, st.integers(0, 99), st.sampled_from([0.0, 0.5, 0.97, 1.0]))
def test_intervals_contain_the_mean_and_end_where_scores_do(seeds, images, seed, share):
    values, other = hits(seeds, images, seed, share), hits(seeds, images, seed + 100, 1 - share)
    if values.size < 2:
        assert proportion_interval(values) is proportion_gain_interval(values - other) is None
        return
    low, high = proportion_interval(values)
    assert 0 <= low <= values.mean() <= high <= 100
    low, high = proportion_gain_interval(values - other)
    assert -100 <= low <= (values - other).mean() <= high <= 100
    assert proportion_gain_interval(other - values) == pytest.approx((-high, -low))


def test_without_any_error_an_interval_still_has_a_width():
    low, high = proportion_interval([100.0] * 200)
    assert high == 100
    assert 97 < low < 98.5, "the rule of three says 98.5"
    assert mean_interval([100.0] * 200) == (100, 100)
    low, high = proportion_gain_interval(one_seed(0, 0, 200))
    assert -3 < low == -high < -1


@given(st.integers(0, 60), st.integers(60, 600))
def test_over_one_seed_the_interval_is_that_of_agresti_and_coull(wrong, images):
    low, high = proportion_interval([0.0] * wrong + [100.0] * (images - wrong))
    share = (images - wrong + 2) / (images + 4)
    reach = t.ppf(0.975, images + 3) * (share * (1 - share) / (images + 3)) ** 0.5
    assert low == pytest.approx(100 * max(share - reach, 0))
    assert high == pytest.approx(100 * min(share + reach, 1))


def exact_coverage(images, share):
    """Return how often the interval over one seed contains the true share, by the binomial distribution."""
    counts = np.arange(images + 1)
    ends = np.array([proportion_interval([0.0] * (images - n) + [100.0] * n) for n in counts]) / 100
    return binom.pmf(counts, images, share)[(ends[:, 0] <= share) & (ends[:, 1] >= share)].sum()


@pytest.mark.parametrize("images", [50, 100, 400])
def test_over_one_seed_it_contains_the_true_share_as_often_as_it_says(images):
    shares = [0.5, 0.7, 0.9, 0.95, 0.97, 0.98, 0.99]
    assert min(exact_coverage(images, share) for share in shares) >= 0.94  # 0.90 by Wilson's, with 50 images


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_paired_test_is_the_exact_one_of_mcnemar(wins, losses):
    differences = one_seed(wins, losses, 100)
    wanted = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert proportion_p_values(differences, np.zeros(100)) == pytest.approx(wanted)
    low, high = proportion_gain_interval(differences)
    assert (low > 0 or high < 0) == (wanted < 0.05), "the interval and the test say the same"


def test_three_wins_without_a_loss_separate_nothing():
    differences = one_seed(3, 0, 3)
    assert paired_p_values(differences, 0 * differences) == 0
    assert proportion_p_values(differences, 0 * differences) == 0.25
    assert proportion_gain_interval(one_seed(11, 3, 100))[0] == 0, "by the exact test, p = 0.057"
    assert proportion_gain_interval(one_seed(3, 11, 100))[1] == 0
    assert proportion_gain_interval(one_seed(6, 0, 500))[0] > 0
    several = np.stack([one_seed(11, 3, 20), one_seed(6, 0, 20), one_seed(0, 2, 20)])
    assert proportion_p_values(several, 0 * several).tolist() == [proportion_p_values(one, 0 * one) for one in several]


def test_scores_averaged_over_seeds_are_compared_by_the_padded_t_test():
    averages = np.array([100, 200 / 3, 100 / 3, 100, 100, 100, 0, 0])
    zeros = np.zeros(8)
    assert proportion_p_values(averages, zeros) == paired_p_values([*averages, -100, 100], np.zeros(10))
    both = proportion_p_values([averages, one_seed(6, 0, 8)], zeros)
    assert both.tolist() == [proportion_p_values(averages, zeros), pytest.approx(2 / 64)], "each row by its own test"


def test_several_seeds_widen_the_interval_by_how_much_they_differ():
    steady = np.tile(hits(1, 200, 3, 0.8), (3, 1))
    lucky = steady.copy()
    lucky[0, np.flatnonzero(lucky[0] == 0)[:20]] = 100
    widths = [high - low for low, high in map(proportion_interval, (steady, lucky))]
    assert widths[1] > 1.5 * widths[0]
    assert proportion_interval(steady) == pytest.approx(proportion_interval(steady[0]))


def test_methods_that_mcnemar_does_not_separate_share_a_rank():
    scores = np.full((3, 100), 100.0)
    scores[1, :5] = scores[2, :6] = 0
    ranks = shared_ranks(scores.tolist(), higher_is_better=True, differing=BINARY.differing)
    assert ranks == [1, 1, 2]
    assert shared_ranks([[], []], higher_is_better=True, differing=BINARY.differing) == [1, 1]


def test_the_statistics_follow_from_what_the_scores_are():
    assert statistics_for(binary=True) is BINARY
    assert statistics_for(binary=False) is STUDENT
    assert [is_binary(values) for values in ([0.0, 100.0], [100], [], [0.0, 50.0], [1.0], [np.nan])] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


def draw(trials, seeds, images, share, seed_spread, image_spread, generator):
    """Draw scores (T, S, N) of a given mean, with seeds and images that differ in log-odds; None: all seeds agree."""
    if image_spread is None:
        return 100.0 * np.broadcast_to(generator.random((trials, 1, images)) < share, (trials, seeds, images))
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    spread = np.hypot(seed_spread, image_spread)
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        below = (expit(middle + spread * points) @ weights) / weights.sum() < share
        low, high = (middle, high) if below else (low, middle)
    odds = low + seed_spread * generator.normal(size=(trials, seeds, 1))
    odds = odds + image_spread * generator.normal(size=(trials, 1, images))
    return 100.0 * (generator.random((trials, seeds, images)) < expit(odds))


SPREADS = [(0, 0), (0, 2), (0.1, 2), (0.3, 2), (0.5, 2), (0.5, 0), (0.3, 8), (0, None)]
"""Standard deviations in log-odds, of seeds and of images."""


def coverage(seeds, images, share, spreads, thousands):
    generator = np.random.default_rng(6)
    ends = np.array(
        [
            proportion_interval(trial)
            for _ in range(thousands)
            for trial in draw(1000, seeds, images, share, *spreads, generator)
        ]
    )
    return float(np.mean((ends[:, 0] <= 100 * share) & (ends[:, 1] >= 100 * share)))


@pytest.mark.parametrize("spreads", [(0, 2), (0.3, 2), (0, None)])
def test_over_seeds_and_images_it_contains_the_true_mean_at_least_as_often_as_it_says(spreads):
    assert coverage(3, 100, 0.9, spreads, thousands=1) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.9, 0.97, 0.99])
@pytest.mark.parametrize("images", [100, 300, 1000])
@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_no_interval_of_few_seeds_promises_more_than_it_holds(seeds, images, share):
    for spreads in SPREADS:
        assert coverage(seeds, images, share, spreads, thousands=2) >= 0.93, spreads


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("images", [100, 1000])
@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_equal_methods_are_rarely_called_different(seeds, images, share):
    generator = np.random.default_rng(7)
    for spreads in ((0, 0), (0.3, 0), (0.5, 0)) if seeds > 1 else ((0, 0),):
        one, other = (draw(1000, seeds, images, share, *spreads, generator) for _ in range(2))
        for unlike in (other, np.where(generator.random(other.shape) < 0.9, one, other)):  # apart, and nearly the same
            ends = np.array([proportion_gain_interval(trial) for trial in one - unlike])
            assert np.mean((ends[:, 0] > 0) | (ends[:, 1] < 0)) <= 0.07, spreads
