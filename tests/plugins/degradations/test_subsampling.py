"""Reductions without a filter take the pixels that they say, or means over blocks."""

import pytest
import torch
from srbench_plugins.degradations import subsampling

SPECS = {spec.name: spec for spec in subsampling.register_degradations()}
HR = torch.arange(144.0, dtype=torch.float64).view(1, 1, 12, 12).expand(1, 3, -1, -1) / 144


@pytest.mark.parametrize(("scale", "first"), [(2, 1), (3, 1), (4, 2)])
def test_nearest_takes_the_middle_of_a_block_or_the_pixel_below_and_right_of_it(scale, first):
    lr = SPECS["nearest"].apply(HR, scale, torch.Generator())
    assert torch.equal(lr, HR[..., first::scale, first::scale])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_nearest_upper_left_takes_the_first_pixel_of_a_block(scale):
    assert torch.equal(SPECS["nearest_upper_left"].apply(HR, scale, torch.Generator()), HR[..., ::scale, ::scale])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_area_takes_the_mean_over_a_block(scale):
    wanted = torch.nn.functional.avg_pool2d(HR, scale)
    torch.testing.assert_close(SPECS["area"].apply(HR, scale, torch.Generator()), wanted, rtol=0, atol=1e-13)
