"""blur_down makes the LR of RDN and RCAN, and blur_down_ircnn that of IRCNN's direct down-sampler."""

import numpy as np
import pytest
import torch
from srbench_plugins.degradations import blur_down
from srbench_plugins.steps.blur import GaussianBlur
from srbench_plugins.steps.down import Subsample
from srbench_plugins.steps.quantise import Quantise

from helpers import ORACLES
from helpers.degrading import done
from srbench.imaging import to_uint8

SPECS = {spec.name: spec for spec in blur_down.register_degradations()}


def test_at_x3_equals_the_script_of_rdn_and_rcan():
    oracle = np.load(ORACLES / "bd_emulated.npz")
    hr = torch.from_numpy(oracle["hr_uint8"]).permute(2, 0, 1)[None] / 255
    lr = blur_down.blur_down(hr, 3, torch.Generator())
    assert np.array_equal(to_uint8(lr)[0].permute(1, 2, 0).numpy(), oracle["bd_x3"])
    side = blur_down.gaussian(7, 1.6)
    assert np.allclose(torch.outer(side, side), oracle["k7"], atol=1e-15)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_it_keeps_lr_in_the_middle_of_its_blocks(scale):
    """A symmetric blur does not change a ramp, so the value of an lr pixel shows its position."""
    hr = torch.arange(96.0, dtype=torch.float64).expand(1, 1, 96, 96) / 96
    lr = blur_down.blur_down(hr, scale, torch.Generator(), rounding=False)[0, 0, 0] * 96
    middle = (torch.arange(96 // scale) + 0.5) * scale - 0.5
    inner = slice(12 // scale + 1, -(12 // scale) - 1)
    assert torch.allclose(lr[inner], middle.double()[inner], atol=1e-9)


def test_the_unrounded_form_keeps_double_precision():
    hr = torch.rand(1, 3, 24, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    exact = SPECS["blur_down"].unrounded(hr, 2, torch.Generator())
    assert exact.dtype == torch.float64
    levels = exact * 255
    assert (levels - levels.round()).abs().mean() > 0.1


def test_ircnns_direct_down_sampler_keeps_the_upper_left_pixels():
    data = np.load(ORACLES / "bd_emulated.npz")
    hr = torch.from_numpy(data["hr_uint8"]).permute(2, 0, 1)[None].double() / 255
    lr = SPECS["blur_down_ircnn"].apply(hr, 3, torch.Generator())
    assert np.abs(lr[0].permute(1, 2, 0).numpy() * 255 - data["ircnn_direct_x3"]).max() < 1e-9
    chain = done(hr, 3, GaussianBlur(1.6, 7, "replicate", fspecial=True), Quantise(), Subsample())
    assert np.abs(chain[0].permute(1, 2, 0).numpy() * 255 - data["bd_x3"]).max() < 1e-9
