"""Correlations of mean scores over methods."""

import numpy as np
import pytest
from scipy import stats

from srbench.report.correlation import chance_level, correlate, pearson, ranks


def scores(seed, methods=7, images=50):
    random = np.random.default_rng(seed)
    quality = random.normal(20, 2, (methods, 1)) + random.normal(0, 3, (1, images)) + random.normal(0, 1, (7, images))
    hits = 100.0 * (random.random((methods, images)) < 1 / (1 + np.exp(-(quality - 20) / 2)))
    return quality, hits


@pytest.mark.parametrize("seed", range(5))
def test_coefficients_are_scipys(seed):
    quality, hits = scores(seed)
    found = correlate(quality, hits, paired=True)
    means = quality.mean(axis=1), hits.mean(axis=1)
    assert found.pearson.value == pytest.approx(stats.pearsonr(*means).statistic)
    assert found.spearman.value == pytest.approx(stats.spearmanr(*means).statistic)


def test_ranks_of_equal_values_are_shared_as_scipys():
    values = np.array([[3.0, 1.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(ranks(values), stats.rankdata(values, axis=1))


def test_the_interval_is_that_of_scipys_bootstrap():
    quality, hits = scores(0)

    def statistic(columns, axis):
        chosen = columns.astype(int)
        return np.moveaxis(pearson(quality[:, chosen].mean(axis=-1).T, hits[:, chosen].mean(axis=-1).T), 0, -1)

    found = correlate(quality, hits, paired=True).pearson
    other = stats.bootstrap(
        (np.arange(50),),
        statistic,
        vectorized=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=0.04)
    assert found.low < found.value < found.high


def test_images_that_are_drawn_together_say_more_than_others():
    """Methods that differ by a constant on every image correlate perfectly in every sample, if drawn together."""
    shift, noise = np.arange(6.0)[:, None], np.random.default_rng(0).normal(0, 30, (1, 40))
    quality = shift + noise
    found = correlate(quality, shift**2 + noise, paired=True)
    assert found.pearson.low == pytest.approx(found.pearson.high)


def test_other_items_are_drawn_on_their_own():
    quality, hits = scores(1)
    found = correlate(quality, hits[:, :31], paired=False)
    assert found.pearson.low < found.pearson.value < found.pearson.high


def test_scores_that_do_not_vary_have_no_coefficient():
    quality, hits = scores(2)
    assert correlate(quality, np.full_like(hits, 50.0), paired=True) is None


def test_the_chance_level_is_where_scipys_test_has_a_p_value_of_a_twentieth():
    own = np.arange(8.0)
    other = own + 6 * np.array([1, -1, 0.3, 1, -1, -0.4, 1, -0.9])
    found = stats.pearsonr(own, other)
    assert (abs(found.statistic) > chance_level(8)) == (found.pvalue < 0.05)
    assert chance_level(8) == pytest.approx(0.7067, abs=1e-4)  # any table of critical values, 6 degrees of freedom
