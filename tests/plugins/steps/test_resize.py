"""Random resizes go up, down or nowhere by what they draw, and the last one ends at lr's size."""

import pytest
import torch
from srbench_plugins.steps.resize import RandomResize, ResizeToLr

from helpers.degrading import rough
from srbench.degrading import Random, Size
from srbench.imaging.interpolation import MODES, interpolate, opencv

SIZE = Size(40, 44, 4)


@pytest.mark.parametrize("library", ["torch", "opencv"])
def test_lr_is_reached_from_any_size_in_every_mode(library):
    step, images = ResizeToLr(library=library), rough(2, 33, 21)
    assert {step.draw(Random(seed), SIZE)["mode"] for seed in range(60)} == {*MODES}
    for mode in MODES:
        lr = step.apply(images, [{"mode": mode}] * 2, SIZE)
        wanted = opencv(images, mode, (10, 11)) if library == "opencv" else interpolate(images, mode, size=(10, 11))
        assert torch.equal(lr, wanted)


def test_a_factor_is_of_the_image_or_of_lr():
    images, drawn = rough(1, 20, 22), [{"factor": 0.5, "mode": "bilinear"}]
    assert RandomResize().apply(images, drawn, SIZE).shape[-2:] == (10, 11)
    assert RandomResize(relative_to="lr").apply(images, drawn, SIZE).shape[-2:] == (5, 5)
    assert RandomResize(relative_to="lr").apply(images, [drawn[0] | {"factor": 0.01}], SIZE).shape[-2:] == (1, 1)


def test_the_least_factor_is_divided_by_the_scale_where_it_says_so():
    step = RandomResize(up_probability=0.0, down_probability=1.0, down=(0.5, 1.0), least_over_scale=True)
    factors = [step.draw(Random(seed), SIZE)["factor"] for seed in range(300)]
    assert 0.125 <= min(factors) < 0.15
    assert 0.97 < max(factors) <= 1


def test_overshoot_is_cut_where_it_says_so():
    images = (rough(1, 16, 16) > 0.5).double()
    drawn = [{"factor": 1.5, "mode": "bicubic"}]
    assert RandomResize().apply(images, drawn, SIZE).max() > 1
    assert RandomResize(clamp=True).apply(images, drawn, SIZE).max() == 1
