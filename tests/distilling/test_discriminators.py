"""Discriminators are those of their authors' code, and say which patches they cannot take."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from helpers.distilling import RECIPE, edsr, setup
from helpers.networks import HERE, NOISE, fill
from srbench.distilling.discriminators import UNetDiscriminator, VGGDiscriminator, vgg_discriminator
from srbench.errors import TrainingError
from srbench.testing import photograph


def official(name):
    """Return what describes an oracle, its input, which is drawn, and its outputs."""
    meta = json.loads((HERE / f"{name}.json").read_text())
    shape = meta["inputs"]["x"][0]
    images = np.random.Generator(np.random.PCG64(1234)).random(shape, dtype=np.float32)
    return meta, torch.from_numpy(images), np.load(HERE / f"{name}.npz")


def assert_official(network, name):
    """Assert that a network has the keys of an oracle and gives its outputs."""
    meta, images, wanted = official(name)
    state = network.state_dict()
    assert [[key, list(tensor.shape)] for key, tensor in state.items()] == [[k, s] for k, s, _ in meta["state_dict"]]
    fill(network, set(meta["kept"]))
    with torch.no_grad():
        for key, tensor in network.named_parameters():
            if "scale_2d" in meta and tensor.dim() >= 2:
                tensor.mul_(meta["scale_2d"])
            if key.endswith("_orig"):  # the oracle's norms are exact
                rows = tensor.flatten(1)
                left, _, right = torch.linalg.svd(rows, full_matrices=False)
                state[key.replace("_orig", "_u")].copy_(left[:, 0])
                state[key.replace("_orig", "_v")].copy_(right[0])
        network.eval()
        for output in wanted.files:
            if output == "y_b":
                for key in meta["rule_b_add_one"]:
                    state[key].add_(1)
            error = np.abs(network(images).numpy() - wanted[output]).max()
            assert error < NOISE * meta["outputs"][output]["fp32_vs_fp64_max_abs"]


@pytest.mark.parametrize(("side", "width"), [(128, 8), (256, 4)])
def test_the_vgg_style_one_equals_the_official_network(side, width):
    assert_official(VGGDiscriminator(side, width=width), f"vgg_disc_{side}_f{width}")


def test_the_u_net_equals_the_official_network():
    assert_official(UNetDiscriminator(width=8), "unet_disc_sn_f8")


def test_both_have_the_published_numbers_of_parameters():
    with torch.device("meta"):
        sizes = [sum(p.numel() for p in network.parameters()) for network in (VGGDiscriminator(), UNetDiscriminator())]
    assert sizes == [14_499_401, 4_376_897]


# --- the VGG-style one --------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 100), st.sampled_from([1, 3]))
def test_patches_of_any_size_have_one_logit(side, colours):
    network = VGGDiscriminator(side, colours, width=2)
    assert network(torch.rand(2, colours, side, side)).shape == (2, 1)
    assert 2 <= side >> network.halvings <= 5


def test_it_is_made_for_the_hr_patches_of_a_training():
    assert vgg_discriminator(setup(edsr(), scale=3)).side == 24
    sized = RECIPE.model_copy(update={"patch": 30, "patch_of": "hr"})
    assert vgg_discriminator(setup(edsr(), scale=4, recipe=sized)).side == 28


def test_patches_of_several_sizes_are_refused_in_a_sentence():
    several = setup(edsr())
    object.__setattr__(several, "scales", (2, 3))
    with pytest.raises(TrainingError, match=r"have patches of 16 and 24 pixels; set patch_of = 'hr'"):
        vgg_discriminator(several)
    with pytest.raises(TrainingError, match="was built for patches of 16 pixels a side, and got 16x24; train at one"):
        VGGDiscriminator(16, width=2)(torch.rand(1, 3, 16, 24))
    with pytest.raises(TrainingError, match="takes patches of at least 8 pixels a side, and those of hr have 7"):
        VGGDiscriminator(7)


# --- the U-Net ----------------------------------------------------------------------------------------------------


def test_its_output_is_that_of_the_layers_one_by_one():
    network, images = UNetDiscriminator(width=4), photograph(2, 3, 16, 24)
    for _ in range(3):
        network(images)  # finds the norms
    network.eval()
    state = network.state_dict()

    def through(maps, number, stride=1):
        weight = state[f"conv{number}.weight_orig"]
        weight = weight / (state[f"conv{number}.weight_u"] @ weight.flatten(1) @ state[f"conv{number}.weight_v"])
        maps = F.conv2d(maps, weight, stride=stride, padding=1)
        return torch.maximum(maps, 0.2 * maps)

    def doubled(maps):
        return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)

    with torch.no_grad():
        x0 = F.conv2d(images, state["conv0.weight"], state["conv0.bias"], padding=1)
        x0 = torch.maximum(x0, 0.2 * x0)
        x1 = through(x0, 1, 2)
        x2 = through(x1, 2, 2)
        x3 = through(x2, 3, 2)
        x4 = through(doubled(x3), 4) + x2
        x5 = through(doubled(x4), 5) + x1
        x6 = through(doubled(x5), 6) + x0
        wanted = F.conv2d(through(through(x6, 7), 8), state["conv9.weight"], state["conv9.bias"], padding=1)
        torch.testing.assert_close(network(images), wanted)


@pytest.mark.parametrize(("bias", "logit"), [(1.0, 4.0), (-1.0, -0.008333312)])
def test_on_layers_that_pass_on_what_they_are_given_its_output_is_counted_by_hand(bias, logit):
    network = UNetDiscriminator(width=8)
    with torch.no_grad():
        network.conv0.weight.zero_()
        network.conv0.bias.fill_(bias)
        for number in range(1, 9):
            weight = getattr(network, f"conv{number}").weight_orig
            weight.zero_()
            for channel in range(8):
                weight[channel, channel, 1, 1] = 7.0  # the norm takes the 7 away
        network.conv9.weight.zero_()
        network.conv9.weight[0, :, 1, 1] = 1 / 8
        network.conv9.bias.zero_()
        # 1: skips add one each; -1: a fifth at each activation, 1/5, 1/25, … and the skips in between
        found = network(photograph(1, 3, 16, 16))
    torch.testing.assert_close(found, torch.full((1, 1, 16, 16), logit))


def test_every_layer_between_the_first_and_the_last_is_normed_to_one():
    network, images = UNetDiscriminator(width=4), photograph(1, 3, 8, 8)
    with torch.no_grad():
        for _ in range(300):
            network(images)
    for number in range(1, 9):
        largest = torch.linalg.matrix_norm(getattr(network, f"conv{number}").weight.flatten(1), 2)
        assert largest.item() == pytest.approx(1, rel=0.01)


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.sampled_from([1, 3]))
def test_images_of_any_size_have_a_logit_for_every_pixel(height, width, colours):
    assert UNetDiscriminator(colours, width=2)(torch.rand(1, colours, height, width)).shape == (1, 1, height, width)


def test_patches_that_are_too_small_are_refused_in_a_sentence():
    with pytest.raises(
        TrainingError, match=r"takes patches of 8 pixels a side, and those of hr have 7; raise the recipe's patch\."
    ):
        UNetDiscriminator(width=2)(torch.rand(1, 3, 7, 9))
