"""Intervals, paired tests and ranks against SciPy and against what must hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.measuring.uncertainty import (
    bootstrap_interval,
    crossed_interval,
    crossed_means,
    paired_p_value,
    percentile_interval,
    shared_ranks,
)

SCORES = st.lists(st.floats(15, 50), min_size=2, max_size=12)


def test_the_paired_test_equals_scipys():
    from scipy.stats import ttest_rel

    generator = np.random.default_rng(0)
    for n in (2, 4, 5, 100):
        first, second = generator.normal(30, 3, n), generator.normal(30.2, 3, n)
        assert paired_p_value(list(first), list(second)) == pytest.approx(ttest_rel(first, second).pvalue, rel=1e-9)


def test_the_bootstrap_interval_agrees_with_scipys():
    from scipy.stats import bootstrap

    values = np.random.default_rng(1).normal(30, 2, 40)
    theirs = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(2)).confidence_interval
    low, high = bootstrap_interval(list(values), seed=3)
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.04)


@given(SCORES)
def test_the_interval_holds_the_mean_and_stays_within_the_scores(values):
    low, high = bootstrap_interval(values)
    assert min(values) - 1e-9 <= low <= np.mean(values) + 1e-9
    assert np.mean(values) - 1e-9 <= high <= max(values) + 1e-9


def test_the_interval_is_the_same_for_the_same_seed_and_large_sets_stay_small_in_memory():
    values = list(np.random.default_rng(0).normal(30, 2, 5000))
    assert bootstrap_interval(values, 7, resamples=2000) == bootstrap_interval(values, 7, resamples=2000)
    assert bootstrap_interval(values, 7, resamples=2000) != bootstrap_interval(values, 8, resamples=2000)


@pytest.mark.parametrize("values", [[], [31.0]])
def test_fewer_than_two_images_have_no_interval(values):
    assert bootstrap_interval(values) == (None, None)


def test_one_image_tells_nothing_apart_and_a_constant_difference_everything():
    assert paired_p_value([30.0], [40.0]) == 1.0
    assert paired_p_value([30.0, 31.0, 32.0], [30.0, 31.0, 32.0]) == 1.0
    assert paired_p_value([30.0, 31.0, 32.0], [30.5, 31.5, 32.5]) == 0.0


def test_methods_that_cannot_be_told_apart_share_a_rank():
    best = [34.0, 30.0, 36.0, 31.0, 33.0]
    hardly_worse = [33.6, 30.3, 35.7, 31.1, 32.8]
    clearly_worse = [v - 1 - 0.01 * i for i, v in enumerate(best)]
    assert shared_ranks([clearly_worse, best, hardly_worse], higher_is_better=True) == [3, 1, 1]
    assert shared_ranks([clearly_worse, best, hardly_worse], higher_is_better=False) == [1, 2, 2]


def test_who_knows_more_of_two_methods_than_their_images_decides():
    best = [34.0, 30.0, 36.0, 31.0, 33.0]
    worse = [v - 1 - 0.01 * i for i, v in enumerate(best)]
    worst = [v - 2 - 0.01 * i for i, v in enumerate(best)]
    assert shared_ranks([best, worse, worst], higher_is_better=True) == [1, 2, 3]
    known = {(0, 1): False, (1, 0): False}
    ranks = shared_ranks([best, worse, worst], higher_is_better=True, better=lambda *pair: known.get(pair))
    assert ranks == [1, 1, 3]


@given(st.lists(st.lists(st.floats(15, 50), min_size=4, max_size=4), min_size=1, max_size=6))
def test_ranks_start_at_one_and_never_exceed_the_place_in_the_order(scores):
    ranks = shared_ranks(scores, higher_is_better=True)
    assert min(ranks) == 1
    places = np.argsort(np.argsort([-np.mean(s) for s in scores], kind="stable"), kind="stable") + 1
    assert all(rank <= place for rank, place in zip(ranks, places, strict=True))


def two_way(seeds, images, spread_seeds, spread_images, spread_rest, generator):
    rest = generator.normal(0, spread_rest, (seeds, images))
    return generator.normal(0, spread_seeds, (seeds, 1)) + generator.normal(0, spread_images, (1, images)) + rest


def test_crossed_means_spread_as_seeds_and_images_do():
    values = two_way(6, 40, 0.3, 0.5, 0.1, np.random.default_rng(0))
    seeds, images = values.mean(axis=1), values.mean(axis=0)
    wanted = seeds.var(ddof=1) / len(seeds) + images.var(ddof=1) / len(images)
    assert crossed_means(values, resamples=40_000).var() == pytest.approx(wanted, rel=0.1)
    assert crossed_means(values).mean() == pytest.approx(values.mean(), abs=0.01)


def test_without_a_spread_over_images_crossed_means_are_a_bootstrap_over_seeds_and_the_other_way_round():
    generator = np.random.default_rng(1)
    seeds = generator.normal(0, 1, (5, 1)) + np.zeros((1, 7))
    assert crossed_means(seeds, resamples=40_000).std() == pytest.approx(seeds[:, 0].std(ddof=1) / 5**0.5, rel=0.03)
    one_seed = generator.normal(0, 1, (1, 30))
    assert percentile_interval(crossed_means(one_seed)) == pytest.approx(
        bootstrap_interval(list(one_seed[0])), abs=0.06
    )


def test_intervals_over_seeds_and_images_hold_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(2)
    held = 0
    for trial in range(200):
        low, high = percentile_interval(crossed_means(two_way(5, 20, 0.1, 0.3, 0.2, generator), trial, resamples=500))
        held += low <= 0 <= high
    assert 0.85 <= held / 200 <= 0.99


@pytest.mark.parametrize(("seeds", "images"), [(3, 100), (3, 14), (5, 100), (1, 5)])
def test_few_seeds_that_differ_more_than_images_do_not_make_a_gain_of_nothing(seeds, images):
    generator = np.random.default_rng(4)
    spread = 0.02 if seeds > 1 else 0.0  # what a single seed did by chance, nobody can know
    trials = [two_way(seeds, images, spread, 0.03, 0.01, generator) for _ in range(400)]
    ends = [crossed_interval(trial, crossed_means(trial, resamples=400)) for trial in trials]
    assert np.mean([low > 0 or high < 0 for low, high in ends]) <= 0.09


def test_one_seed_has_students_interval_over_images():
    from scipy.stats import t

    values = np.random.default_rng(5).normal(0.1, 1, (1, 6))
    theirs = t.interval(0.95, 5, values.mean(), values.std(ddof=1) / 6**0.5)
    assert crossed_interval(values) == pytest.approx(theirs, rel=0.03)


def test_a_difference_that_is_the_same_everywhere_has_an_interval_of_no_width():
    assert crossed_interval([[0.25, 0.25], [0.25, 0.25]]) == (0.25, 0.25)
    assert crossed_interval([[0.25]]) == (0.25, 0.25)


def test_two_methods_are_resampled_alike():
    values = np.random.default_rng(3).normal(30, 2, (3, 10))
    shifted = crossed_means(values + 0.25) - crossed_means(values)
    assert shifted == pytest.approx(np.full(len(shifted), 0.25))


@given(st.integers(1, 5), st.integers(1, 8), st.integers(0, 99))
def test_crossed_means_stay_within_the_values(seeds, images, seed):
    values = np.random.default_rng(seed).normal(size=(seeds, images))
    means = crossed_means(values, seed, resamples=50)
    assert values.min() - 1e-9 <= means.min() <= means.max() <= values.max() + 1e-9
