"""Intervals, paired tests and ranks against SciPy and against what must hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.statistics import bootstrap_interval, paired_p_value, shared_ranks

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


@given(st.lists(st.lists(st.floats(15, 50), min_size=4, max_size=4), min_size=1, max_size=6))
def test_ranks_start_at_one_and_never_exceed_the_place_in_the_order(scores):
    ranks = shared_ranks(scores, higher_is_better=True)
    assert min(ranks) == 1
    places = np.argsort(np.argsort([-np.mean(s) for s in scores], kind="stable"), kind="stable") + 1
    assert all(rank <= place for rank, place in zip(ranks, places, strict=True))
