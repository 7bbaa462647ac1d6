"""The U-Net of diffusion models equals the official one, and folds pixels exactly."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers import ORACLES
from helpers.networks import NOISE, difference
from helpers.rounding import assert_equal_but_for_rounding
from srbench.networks.noise_unet import LevelEncoding, NoiseUNet, Shortcut

SURVEY = ORACLES / "survey"


def test_it_equals_the_official_network():
    config = json.loads((SURVEY / "sr3_unet_tiny.json").read_text())["config"]
    unet = NoiseUNet(
        config["in_channel"],
        config["out_channel"],
        inner=config["inner_channel"],
        multipliers=config["channel_mults"],
        res_blocks=config["res_blocks"],
        groups=config["norm_groups"],
        dropout=config["dropout"],
        attention_at=config["attn_res"],
        image_size=config["image_size"],
    )
    with np.load(SURVEY / "sr3_unet_tiny.npz") as arrays:
        levels = torch.from_numpy(arrays["gamma"])
    assert difference(unet, "sr3_unet_tiny", SURVEY, call=lambda module, x: module(x, levels)) < NOISE


def test_a_noise_level_is_encoded_by_sines_and_then_cosines_at_falling_frequencies():
    encoding = LevelEncoding(6)(torch.tensor([0.0, 2.0], dtype=torch.float64))
    angles = torch.tensor([2.0, 2 * 1e-4 ** (1 / 3), 2 * 1e-4 ** (2 / 3)], dtype=torch.float64)
    assert torch.equal(encoding[0], torch.tensor([0, 0, 0, 1, 1, 1], dtype=torch.float64))
    torch.testing.assert_close(encoding[1], torch.cat((angles.sin(), angles.cos())))


@pytest.mark.parametrize("size", [(8, 8), (16, 24)])
def test_folding_pixels_inside_is_folding_them_outside(size):
    shape = {"inner": 8, "multipliers": (1, 2), "res_blocks": 1, "groups": 4}
    inside = NoiseUNet(6, 3, **shape, fold=2)
    outside = NoiseUNet(24, 12, **shape)
    outside.load_state_dict(inside.state_dict())
    x, level = torch.randn(2, 6, *size), torch.tensor([0.2, 0.9])
    with torch.no_grad():
        wanted = F.pixel_shuffle(outside(F.pixel_unshuffle(x, 2), level), 2)
        assert_equal_but_for_rounding(inside(x, level), wanted)


def test_with_a_shortcut_it_starts_near_zero_and_learns():
    unet = NoiseUNet(inner=32, multipliers=(1, 2), res_blocks=1, groups=4, shortcut=True)
    predicted = unet(torch.randn(1, 6, 16, 16), torch.tensor([0.5]))
    assert 0 < predicted.std() < 0.2
    (predicted - 1).square().mean().backward()
    assert unet.final_conv.block[-1].weight.grad.any()
    assert unet.shortcut.out.weight.grad.any()


def test_a_shortcut_is_linear_in_the_image_with_gains_of_the_level():
    shortcut = Shortcut(4, 3, 8)
    torch.nn.init.normal_(shortcut.out.weight)
    x, level, other = torch.randn(1, 4, 5, 5), torch.randn(1, 8), torch.randn(1, 8)
    with torch.no_grad():
        torch.testing.assert_close(shortcut(2 * x, level), 2 * shortcut(x, level))
        assert not torch.equal(shortcut(x, level), shortcut(x, other))


def test_sides_that_cannot_be_halved_are_as_if_the_last_pixels_were_repeated():
    unet = NoiseUNet(inner=8, multipliers=(1, 2), res_blocks=1, groups=4, fold=2)
    x, level = torch.randn(1, 6, 9, 15), torch.tensor([0.5])
    repeated = F.pad(x, (0, 1, 0, 3), mode="replicate")
    with torch.no_grad():
        assert_equal_but_for_rounding(unet(x, level), unet(repeated, level)[..., :9, :15])
