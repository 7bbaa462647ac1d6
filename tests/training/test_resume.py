"""SIGKILL at any moment costs time, never a bit."""

from __future__ import annotations

import os
import random

import pytest

from helpers.resuming import assert_same_bits

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed children are forks")


@pytest.mark.timeout(900)  # nineteen trainings, with all of their processes
def test_a_training_killed_between_steps_while_writing_and_between_phases_ends_bit_identical(tmp_path):
    kills = "write:1,step:7,write:2,step:4"
    of_two_phases = ["step:1", "step:14", "step:15", "write:3", "step:16", "step:30"]
    labelled = ["step:5,write:1,step:7", "step:30"]
    resumed_at = assert_same_bits(
        tmp_path,
        {
            "plain": [kills], "points": [kills], "tas_fsr": of_two_phases, "askd": labelled,
            "pixel_distillation": labelled,
        },
    )  # fmt: skip
    assert min(resumed_at["plain"] + resumed_at["points"]) >= 10, "the last process has gone on from a checkpoint"
    assert resumed_at["tas_fsr"] == [0, 10, 10, 10, 15, 25]
    assert resumed_at["askd"] == resumed_at["pixel_distillation"] == [5, 25]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", ["plain", "assistant", "bank", "adversarial"])
def test_a_training_killed_at_every_step_ends_bit_identical(tmp_path, method):
    resumed_at = assert_same_bits(tmp_path, {method: [f"step:{step}" for step in range(1, 30)]})
    assert set(range(0, 30, 5)) <= set(resumed_at[method])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", ["plain", "assistant", "bank", "adversarial"])
def test_a_training_killed_again_and_again_at_random_times_ends_bit_identical(tmp_path, method):
    draw = random.Random(os.urandom(8))
    moments = [[f"time:{draw.uniform(0.02, 0.8):.3f}" for _ in range(8)] for _ in range(5)]
    assert_same_bits(tmp_path, {method: [",".join(m) for m in moments]})
