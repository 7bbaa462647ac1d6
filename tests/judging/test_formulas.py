"""The formulas of competitions: worked examples, and what follows from each."""

import math
from statistics import fmean

import pytest

from srbench.judging import formulas

EXAMPLE = {"lpips": 0.2, "dists": 0.1, "clipiqa": 0.6, "maniqa": 0.5, "musiq": 65, "niqe": 4.5}


def test_the_perceptual_score_of_the_worked_example():
    parts = formulas.perceptual(**EXAMPLE)
    assert list(parts.values()) == pytest.approx([0.8, 0.9, 0.6, 0.5, 0.65, 0.55])
    assert sum(parts.values()) == pytest.approx(4.00)


def test_niqe_beyond_ten_takes_nothing_away():
    assert formulas.perceptual(**EXAMPLE | {"niqe": 12})["(10 − NIQE)/10"] == 0


def test_the_mobile_score_of_the_worked_example():
    assert formulas.mobile(4.00, runtime=1, baseline_runtime=32) == pytest.approx(32)


def test_the_real_time_score_of_the_worked_example_and_below_bicubic():
    assert formulas.real_time(1, 4) == pytest.approx(20)
    assert formulas.real_time(-0.01, 4) == 0
    assert formulas.real_time(0, 4) == pytest.approx(10)


def test_a_cost_of_the_baseline_has_e_squared_and_an_absurd_one_is_infinite():
    assert formulas.cost_score(7.74, 7.74) == pytest.approx(math.e**2, rel=1e-15)
    assert formulas.cost_score(1e6, 1) == math.inf


def test_the_index_of_pirm_is_that_of_the_organisers():
    assert formulas.perceptual_index(fmean([3.1, 4.2, 2.9]), fmean([8.1, 7.4, 8.8])) == pytest.approx(2.65, abs=1e-12)
    rmse = formulas.root_mean_square([120, 260, 90])
    assert rmse == pytest.approx(12.516655570345725, rel=1e-12)
    assert formulas.region(rmse) == 3


@pytest.mark.parametrize(("rmse", "region"), [(0, 1), (11.5, 1), (11.51, 2), (12.5, 2), (16, 3), (16.01, 4)])
def test_a_region_has_its_upper_end(rmse, region):
    assert formulas.region(rmse) == region


def test_equal_keys_share_the_better_rank():
    assert formulas.ranks([(2.0,), (1.0,), (2.0,), (3.0,)]) == [2, 1, 2, 4]
