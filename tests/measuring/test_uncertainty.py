"""Intervals, paired tests and ranks against SciPy and against what must hold."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.measuring.uncertainty import (
    differing_by_t,
    kendall_tau,
    mean_interval,
    paired_p_values,
    shared_ranks,
)

SCORES = st.lists(st.floats(15, 50), min_size=2, max_size=12)


def test_the_paired_test_equals_scipys():
    from scipy.stats import ttest_rel

    generator = np.random.default_rng(0)
    for n in (2, 4, 5, 100):
        first, second = generator.normal(30, 3, n), generator.normal(30.2, 3, n)
        assert paired_p_values(list(first), list(second)) == pytest.approx(ttest_rel(first, second).pvalue, rel=1e-9)
    first, second = generator.normal(30, 3, (2, 3, 7)), generator.normal(30.2, 3, 7)
    assert paired_p_values(first, second) == pytest.approx(
        ttest_rel(first, second[None, None], axis=-1).pvalue, rel=1e-9
    )


def test_over_images_the_interval_is_scipys_t_interval():
    from scipy.stats import t

    for images in (2, 5, 100):
        values = np.random.default_rng(images).normal(30, 2, images)
        wanted = t.interval(0.95, images - 1, values.mean(), values.std(ddof=1) / images**0.5)
        assert mean_interval(values) == pytest.approx(wanted, rel=1e-9)
        assert mean_interval([values]) == pytest.approx(wanted, rel=1e-9)
        assert mean_interval(values[:, None]) == pytest.approx(wanted, rel=1e-9), "seeds on one image"
        wider = t.interval(0.99, images - 1, values.mean(), values.std(ddof=1) / images**0.5)
        assert mean_interval(values, confidence=0.99) == pytest.approx(wider, rel=1e-9)


@given(st.integers(2, 5), st.integers(2, 8), st.integers(0, 99))
def test_over_seeds_and_images_the_interval_joins_those_of_both(seeds, images, seed):
    values = np.random.default_rng(seed).normal(size=(seeds, images))
    middle = values.mean()
    reaches = [mean_interval(values.mean(axis=axis))[1] - middle for axis in (0, 1)]
    assert mean_interval(values) == pytest.approx((middle - np.hypot(*reaches), middle + np.hypot(*reaches)))


@pytest.mark.parametrize("values", [[], [31.0], [[31.0]]])
def test_fewer_than_two_scores_have_no_interval(values):
    assert mean_interval(values) is None


def test_a_difference_that_is_the_same_everywhere_has_an_interval_of_no_width():
    assert mean_interval([[0.25, 0.25], [0.25, 0.25]]) == (0.25, 0.25)


def test_one_image_separates_no_methods_and_a_constant_difference_separates_all():
    one = paired_p_values([30.0], [40.0])
    assert (one, one.shape) == (1.0, ())
    assert paired_p_values([[30.0], [31.0]], [40.0]).tolist() == [1.0, 1.0]
    assert paired_p_values([30.0, 31.0, 32.0], [30.0, 31.0, 32.0]) == 1.0
    assert paired_p_values([30.0, 31.0, 32.0], [30.5, 31.5, 32.5]) == 0.0


def test_methods_without_a_significant_difference_share_a_rank():
    best = [34.0, 30.0, 36.0, 31.0, 33.0]
    hardly_worse = [33.6, 30.3, 35.7, 31.1, 32.8]
    clearly_worse = [v - 1 - 0.01 * i for i, v in enumerate(best)]
    assert shared_ranks([clearly_worse, best, hardly_worse], higher_is_better=True) == [3, 1, 1]
    assert shared_ranks([clearly_worse, best, hardly_worse], higher_is_better=False) == [1, 2, 2]


def test_scores_of_single_precision_are_averaged_in_double():
    values = np.random.default_rng(7).normal(30, 2, 1000).astype(np.float32)
    assert mean_interval(values) == mean_interval(values.astype(np.float64))
    assert paired_p_values(values[:500], values[500:]).dtype == np.float64
    ranks = shared_ranks([[30.0, 31.0], [1e-7, 0.0]], higher_is_better=True)
    assert ranks == shared_ranks(np.asarray([[30.0, 31.0], [1e-7, 0.0]], np.float32), higher_is_better=True)


def test_a_difference_below_single_precision_is_still_ranked():
    for seed in range(6):
        worse = np.random.default_rng(seed).uniform(17, 31, 100).astype(np.float32)
        better = worse + np.float32(2**-19)  # exact, but lost in a sum of single precision
        assert shared_ranks(np.stack([worse, better]), higher_is_better=True) == [2, 1]


def test_methods_without_a_common_image_share_the_first_rank():
    assert shared_ranks([[], []], higher_is_better=True) == [1, 1]


def test_what_is_known_of_two_methods_besides_their_images_decides():
    best = [34.0, 30.0, 36.0, 31.0, 33.0]
    worse = [v - 1 - 0.01 * i for i, v in enumerate(best)]
    worst = [v - 2 - 0.01 * i for i, v in enumerate(best)]
    assert shared_ranks([best, worse, worst], higher_is_better=True) == [1, 2, 3]

    def equal(own):
        """The first two are not apart by their trainings; nothing is known of the third."""
        known = [own < 2 and other < 2 for other in range(3)]
        return np.asarray(known), np.zeros(3, dtype=bool)

    assert shared_ranks([best, worse, worst], higher_is_better=True, better=equal) == [1, 1, 3]

    def first(own):
        return np.asarray([True, True]), np.asarray([own == 1, False])

    # better by its trainings, though no image shows it
    assert shared_ranks([best, best], higher_is_better=True, better=first) == [1, 2]


@given(
    st.integers(2, 8).flatmap(
        lambda images: st.lists(
            st.lists(st.sampled_from([20.0, 21.0, 21.0 + 1e-9, 22.5, 30.0, 45.0]), min_size=images, max_size=images),
            min_size=1, max_size=8,
        )
    )
)  # fmt: skip
def test_tests_of_all_pairs_at_once_say_what_the_paired_test_says(scores):
    array = np.asarray(scores)
    differing = differing_by_t(array)
    for own in range(len(array)):
        assert differing(own).tolist() == (paired_p_values(array, array[own]) < 0.05).tolist()


@given(st.lists(st.lists(st.floats(15, 50), min_size=4, max_size=4), min_size=1, max_size=6))
def test_ranks_start_at_one_and_never_exceed_the_place_in_the_order(scores):
    ranks = shared_ranks(scores, higher_is_better=True)
    assert min(ranks) == 1
    places = np.argsort(np.argsort([-np.mean(s) for s in scores], kind="stable"), kind="stable") + 1
    assert all(rank <= place for rank, place in zip(ranks, places, strict=True))


NORMAL, SKEWED = "normal", "skewed"
SPREADS = [(1, 1, 0.5), (1, 1, 0.01), (0.2, 1, 0.5), (1, 0.2, 0.5), (0, 1, 1), (0, 0, 1)]
"""Standard deviations of seeds, of images, and of what is left."""


def coverage(scores: str, seeds: int, images: int, spreads: tuple[float, float, float], trials: int) -> float:
    """Return how often the interval contains the true mean, which is zero."""
    generator = np.random.default_rng(6)

    def draw(*shape):
        # skewness 1, beyond that of the PSNR of bicubic interpolation on Set14 and B100: 0.1 to 0.4
        return generator.normal(size=shape) if scores == NORMAL else (generator.gamma(4, size=shape) - 4) / 2

    by_seed, by_image, rest = spreads
    values = by_seed * draw(trials, seeds, 1) + by_image * draw(trials, 1, images) + rest * draw(trials, seeds, images)
    ends = np.array([mean_interval(trial) for trial in values])
    return float(np.mean((ends[:, 0] <= 0) & (ends[:, 1] >= 0)))


@pytest.mark.parametrize("images", [3, 5, 14, 100])
def test_an_interval_over_images_contains_the_true_mean_as_often_as_it_says(images):
    assert coverage(NORMAL, 1, images, (0, 1, 0), 4000) == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(("seeds", "images"), [(2, 4), (3, 14), (3, 100)])
def test_an_interval_over_seeds_and_images_contains_the_true_mean_at_least_as_often_as_it_says(seeds, images):
    # 91.4 % and 93 % by one common number of degrees of freedom, with seeds and images that differ equally
    assert coverage(NORMAL, seeds, images, (1, 1, 0), 3000) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("scores", [NORMAL, SKEWED])
@pytest.mark.parametrize("images", [3, 4, 5, 7, 14, 30, 100])
@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 5])
def test_no_interval_of_few_seeds_or_few_images_promises_more_than_it_holds(scores, images, seeds):
    for spreads in SPREADS if seeds > 1 else [(0, 1, 0)]:
        assert coverage(scores, seeds, images, spreads, 10_000) >= 0.93 - 0.005, spreads


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=30))
def test_kendalls_tau_is_the_share_of_pairs_that_agree_without_ties(pairs):
    first, second = ([pair[part] for pair in pairs] for part in (0, 1))
    tau, interval = kendall_tau(first, second)
    signs = [(np.sign(a - c) * np.sign(b - d), a != c, b != d) for (a, b), (c, d) in itertools.combinations(pairs, 2)]
    ties_aside = math.sqrt(sum(one for _, one, _ in signs) * sum(other for _, _, other in signs))
    if ties_aside == 0:
        assert (tau, interval) == (None, None)
    else:
        assert tau == pytest.approx(sum(sign for sign, _, _ in signs) / ties_aside)
        assert (interval is None) == (len(pairs) < 5)
        assert interval is None or -1 <= interval[0] <= tau <= interval[1] <= 1


def test_the_interval_of_tau_is_that_of_fieller_hartley_and_pearson():
    """By hand: 6 of 45 pairs disagree, and 1.959964 * sqrt(0.437 / 6) = 0.528948."""
    tau, (low, high) = kendall_tau(range(10), [0, 3, 1, 2, 7, 4, 5, 6, 9, 8])
    assert tau == pytest.approx((39 - 6) / 45)
    middle = math.atanh(tau)
    assert (low, high) == pytest.approx((math.tanh(middle - 0.528948), math.tanh(middle + 0.528948)), abs=1e-5)


def test_the_interval_of_a_perfect_tau_has_a_width():
    tau, (low, high) = kendall_tau(range(8), range(8))
    assert (tau, high) == pytest.approx((1.0, 1.0))
    assert 0.8 < low < 0.95


@pytest.mark.parametrize(("count", "correlation"), [(6, 0.0), (8, 0.6), (16, 0.8)])
def test_the_interval_of_tau_contains_the_true_one_as_often_as_it_says(count, correlation):
    random = np.random.default_rng(0)
    true, hits = 2 / math.pi * math.asin(correlation), 0
    for _ in range(300):
        one, noise = random.standard_normal((2, count))
        low, high = kendall_tau(one, correlation * one + math.sqrt(1 - correlation**2) * noise)[1]
        hits += low <= true <= high
    assert hits / 300 > 0.9
