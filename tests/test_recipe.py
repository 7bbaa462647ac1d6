"""A learning rate is a function of the step alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn, optim

from srbench.recipe import Recipe


def recipe(**facts):
    return Recipe(name="r", datasets=("t91",), steps=1000, learning_rate=1e-3, **facts)


def torch_rates(make, steps=1000):
    """What torch's own scheduler gives."""
    optimiser = optim.SGD([nn.Parameter(nn.Linear(1, 1).weight.data)], lr=1e-3)
    schedule, rates = make(optimiser), []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


@pytest.mark.parametrize(
    ("facts", "make"),
    [
        ({"schedule": "halve", "halve_every": 200}, lambda o: optim.lr_scheduler.StepLR(o, 200, 0.5)),
        (
            {"schedule": "multistep", "milestones": (100, 500, 501), "gamma": 0.3},
            lambda o: optim.lr_scheduler.MultiStepLR(o, [100, 500, 501], 0.3),
        ),
        (
            {"schedule": "cosine", "final_learning_rate": 1e-5},
            lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 1000, 1e-5),
        ),
        ({}, lambda o: optim.lr_scheduler.ConstantLR(o, 1.0)),
    ],
)
def test_schedules_are_those_of_torch(facts, make):
    mine = [recipe(**facts).rate_at(step) for step in range(1000)]
    assert mine == pytest.approx(torch_rates(make), rel=1e-6)


@given(st.integers(1, 500), st.sampled_from(["constant", "halve", "multistep", "cosine"]))
def test_warm_up_rises_in_equal_steps_to_the_full_rate_and_never_starts_at_zero(warmup, schedule):
    rising = recipe(warmup=warmup, schedule=schedule, halve_every=100, milestones=(10,))
    rates = [rising.rate_at(step) for step in range(warmup)]
    assert rates == pytest.approx([1e-3 * (step + 1) / warmup for step in range(warmup)])


def test_the_cosine_begins_after_the_warm_up_and_ends_at_its_floor():
    falling = recipe(schedule="cosine", warmup=100, final_learning_rate=1e-5)
    assert falling.rate_at(100) == pytest.approx(1e-3)
    assert falling.rate_at(550) == pytest.approx((1e-3 + 1e-5) / 2)
    assert falling.rate_at(1000) == falling.rate_at(5000) == pytest.approx(1e-5)
    assert falling.rate_at(300, steps=500) == pytest.approx((1e-3 + 1e-5) / 2)


@given(st.integers(0, 10_000), st.sampled_from(["constant", "halve", "multistep", "cosine"]))
def test_a_rate_is_finite_and_never_above_the_recipes(step, schedule):
    rate = recipe(schedule=schedule, halve_every=100, milestones=(10, 20)).rate_at(step)
    assert math.isfinite(rate)
    assert 0 <= rate <= 1e-3


def test_equal_recipes_have_equal_hashes_and_are_one_key_of_a_dictionary():
    assert hash(recipe(losses={"l1": 1.0})) == hash(recipe())
    assert len({recipe(), recipe(losses={"l1": 1.0}), recipe(losses={"l1": 0.5})}) == 2


@pytest.mark.parametrize(
    "facts", [{"patch": 0}, {"batch": -1}, {"ema": 1.0}, {"losses": {}}, {"clip": 0}, {"warmup": -1}, {"colour": "y"},
              {"weight_decay": math.nan}, {"epsilon": math.inf}]
)  # fmt: skip
def test_values_that_cannot_train_are_refused(facts):
    with pytest.raises(ValidationError):
        recipe(**facts)


def test_halving_needs_to_know_how_often_and_steps_to_fall_at():
    with pytest.raises(ValidationError, match=r"halve_every"):
        Recipe(name="r", datasets=("t91",), steps=10, schedule="halve")
    with pytest.raises(ValidationError, match=r"milestones"):
        Recipe(name="r", datasets=("t91",), steps=10, schedule="multistep")


def test_progressive_patches_hold_from_their_step_on():
    growing = recipe(patch=32, batch=64, progressive=((100, 48, 32), (900, 64, 16)))
    assert [growing.patches_at(step) for step in (0, 99, 100, 899, 900, 5000)] == [
        (32, 64), (32, 64), (48, 32), (48, 32), (64, 16), (64, 16),
    ]  # fmt: skip
    assert recipe(patch=32, batch=64).patches_at(500) == (32, 64)


@pytest.mark.parametrize("steps", [(100, 100), (200, 100)])
def test_progressive_patches_out_of_order_are_refused(steps):
    with pytest.raises(ValidationError, match=r"increasing steps"):
        recipe(progressive=tuple((step, 48, 16) for step in steps))


def test_a_side_of_hr_patches_gives_smaller_lr_patches_at_larger_scales():
    assert [recipe(patch_of="hr").lr_side(200, scale) for scale in (2, 3, 4)] == [100, 66, 50]
    assert [recipe().lr_side(48, scale) for scale in (2, 3, 4)] == [48, 48, 48]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"scale_range": (1, 4)}, "scale_range and points belong together, .*; give both or neither"),
        ({"points": 100}, "scale_range and points belong together, .*; give both or neither"),
        ({"scale_range": (4, 1), "points": 100}, "must be two increasing factors; put the smaller one first"),
        ({"scale_range": (2, 2), "points": 100}, "must be two increasing factors; put the smaller one first"),
        ({"scale_range": (0.5, 2), "points": 100}, "greater than or equal to 1"),
        ({"scale_range": (1, 1e9), "points": 100}, "less than or equal to 64"),
        ({"scale_range": (1, 4), "points": 2305}, "2305 are more than the 2304 pixels of the smallest patch"),
        ({"scale_range": (1, 4), "points": 100, "pool": 3}, "does not work with pool; drop one of the two"),
        ({"scale_range": (1, 4), "points": 100, "mixup": 0.5}, "does not work with mixup; drop one of the two"),
        ({"scale_range": (1, 4), "points": 100, "progressive": ((5, 32, 4),)}, "does not work with progressive"),
        ({"scale_range": (1, 4), "points": 100, "patch_of": "hr"}, 'drop patch_of = "hr"'),
    ],
)
def test_points_that_cannot_be_trained_on_are_refused_with_the_reason(facts, message):
    with pytest.raises(ValidationError, match=message):
        recipe(**facts)


def test_points_are_new_in_keys_only_where_there_are_some():
    plain, points = recipe(), recipe(scale_range=(1, 4), points=2304)
    assert plain.left_out() == {"scale_range", "points"}
    assert points.left_out() == set()
    assert (plain.trained_range, points.trained_range) == (None, (1.0, 4.0))
    assert (plain.on_points, points.on_points) == (False, True)
