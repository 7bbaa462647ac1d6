"""SIGKILL at any moment costs time, never a bit."""

from __future__ import annotations

import os
import random

import pytest

from helpers.resuming import assert_same_bits

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed children are forks")


@pytest.mark.parametrize("method", ["plain", "points"])
def test_a_training_killed_between_steps_and_while_writing_ends_bit_identical(tmp_path, method):
    draw = random.Random(0)
    kills = f"write:1,step:{draw.randint(6, 9)},write:2,step:{draw.randint(1, 9)}"
    [resumed_at] = assert_same_bits(tmp_path, method, [kills])
    assert resumed_at >= 10, "the last process must have gone on from a checkpoint"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", ["plain", "assistant", "bank", "adversarial"])
def test_a_training_killed_at_every_step_ends_bit_identical(tmp_path, method):
    resumed_at = assert_same_bits(tmp_path, method, [f"step:{step}" for step in range(1, 30)])
    assert set(range(0, 30, 5)) <= set(resumed_at)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", ["plain", "assistant", "bank", "adversarial"])
def test_a_training_killed_again_and_again_at_random_times_ends_bit_identical(tmp_path, method):
    draw = random.Random(os.urandom(8))
    moments = [[f"time:{draw.uniform(0.02, 0.8):.3f}" for _ in range(8)] for _ in range(5)]
    assert_same_bits(tmp_path, method, [",".join(m) for m in moments])
