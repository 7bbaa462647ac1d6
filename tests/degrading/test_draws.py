"""Random streams are what their seed says, for all time, and as even as they claim."""

import collections
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from srbench.degrading import Random

seeds = st.integers(0, 2**64 - 1)


def test_the_numbers_of_a_seed_stay_what_they_are():
    """Realisations that were published by their seed would change with them."""
    random = Random(7)
    assert [random.unit() for _ in range(3)] == [0.8720734548204873, 0.29536538151378355, 0.4200976785072422]
    assert [Random(7).branch(0).unit(), Random(7).branch("own", 1).unit()] == [0.42616307192201797, 0.8164561833450701]


def test_units_are_the_words_of_numpys_philox():
    words = np.random.Philox(key=123).random_raw(5)
    random = Random(123)
    assert [random.unit() for _ in range(5)] == [(int(word) >> 11) * 2.0**-53 for word in words]


@settings(deadline=None)
@given(seeds, st.lists(st.integers(0, 9), max_size=6))
def test_many_units_at_once_are_those_that_come_one_after_the_other(seed, counts):
    random, one_by_one = Random(seed), Random(seed)
    for count in counts:
        assert random.unit() == one_by_one.unit()
        assert random.units(count).tolist() == [one_by_one.unit() for _ in range(count)]


def test_draws_follow_their_distributions():
    random = Random(1)
    assert stats.kstest([random.unit() for _ in range(4000)], "uniform").pvalue > 1e-3
    assert stats.kstest([random.normal() for _ in range(4000)], "norm").pvalue > 1e-3
    dice = collections.Counter(random.integer(1, 6) for _ in range(6000))
    assert sorted(dice) == [1, 2, 3, 4, 5, 6]
    assert stats.chisquare(list(dice.values())).pvalue > 1e-3
    heads = sum(random.chance(0.3) for _ in range(4000))
    assert stats.binomtest(heads, 4000, 0.3).pvalue > 1e-3
    chosen = collections.Counter(random.choice("abc", (1, 0, 3)) for _ in range(4000))
    assert set(chosen) == {"a", "c"}
    assert stats.binomtest(chosen["c"], 4000, 0.75).pvalue > 1e-3
    orders = collections.Counter(tuple(random.shuffled([0, 1, 2])) for _ in range(6000))
    assert len(orders) == math.factorial(3)
    assert stats.chisquare(list(orders.values())).pvalue > 1e-3


@settings(deadline=None)
@given(seeds, st.floats(-10, 10), st.floats(0, 10))
def test_a_range_bounds_what_is_drawn_and_a_number_is_itself(seed, low, width):
    random = Random(seed)
    assert low <= random.within((low, low + width)) <= low + width
    before = Random(seed)
    assert before.within(low) == low
    assert before.unit() == Random(seed).unit()


@settings(deadline=None)
@given(seeds, st.integers(0, 5))
def test_branches_differ_and_leave_their_stream_alone(seed, name):
    random = Random(seed)
    first = random.branch(name).unit()
    assert random.unit() == Random(seed).unit()
    assert random.branch(name).unit() == first
    assert len({random.branch(other).unit() for other in (name, name + 1, str(name))}) == 3


@settings(deadline=None)
@given(seeds)
def test_the_stream_of_the_batch_branches_with_that_of_the_image(seed):
    one, other = Random(seed, Random(5)), Random(seed + 1, Random(5))
    assert one.batch.unit() == other.batch.unit() == Random(5).unit()
    assert one.branch("a", 2).batch.unit() == other.branch("a", 2).batch.unit() == Random(5).branch("a", 2).unit()
    assert one.branch(1).unit() == Random(seed).branch(1).unit() != other.branch(1).unit()
    alone = Random(seed)
    assert alone.batch is alone


@settings(deadline=None)
@given(seeds)
def test_seeds_of_noise_fit_into_every_json_reader(seed):
    drawn = Random(seed).seed()
    assert isinstance(drawn, int)
    assert 0 <= drawn < 2**53
    assert float(drawn) == drawn


def test_a_weight_of_zero_is_never_chosen_even_at_the_very_end():
    class Last(Random):
        def unit(self):
            return 1 - 2.0**-53

    assert Last(0).choice("abc", (0.1, 0.2, 0.0)) == "b"
    assert pytest.approx(1) == Last(0).uniform(0, 1)


def test_a_stream_reads_the_words_of_numpys_philox_whatever_others_read_between():
    seeds = (0, 5, 2**64 - 1)
    streams = [Random(seed) for seed in seeds]
    drawn = [[stream.unit() for stream in streams] for _ in range(11)]
    for number, seed in enumerate(seeds):
        words = np.random.Philox(key=seed).random_raw(11)
        assert [row[number] for row in drawn] == [(int(word) >> 11) * 2.0**-53 for word in words]
