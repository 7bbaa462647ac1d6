"""FreqNet: the DCT is SciPy's and comes back exactly, what is outside the band stays bicubic, and it learns."""

import copy
import dataclasses
import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dctn
from srbench_plugins.architectures import freqnet

from helpers.architectures import assert_compiles_whole, assert_one_export_serves
from helpers.rounding import assert_equal_but_for_rounding
from srbench.imaging import imresize, rgb_to_ycbcr
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.testing import photograph

SPECS: dict[str, ArchitectureSpec] = {spec.name: spec for spec in freqnet.register_architectures()}
TINY = {"block": 8, "band": freqnet.FULL_BAND, "n_feats": 16, "n_blocks": 2}
SPEC = dataclasses.replace(SPECS["freqnet_b8"], build=partial(freqnet.FreqNet, **TINY))


def perturbed(scale=2, **sizes):
    """A network that corrects something: a fresh one corrects nothing."""
    torch.manual_seed(0)
    network = freqnet.FreqNet(scale, **(TINY | sizes)).eval()
    torch.nn.init.normal_(network.tail.weight, std=0.02)
    return network


@given(st.integers(1, 16), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))
def test_every_block_is_transformed_as_scipy_does_it_and_comes_back(block, rows, columns, count):
    image = torch.rand(count, 1, rows * block, columns * block, generator=torch.Generator().manual_seed(block))
    dct = freqnet.BlockDCT(block)
    maps = dct(image)
    assert maps.shape == (count, block**2, rows, columns)
    for row in range(rows):
        for column in range(columns):
            cut = image[:, 0, row * block : (row + 1) * block, column * block : (column + 1) * block]
            wanted = dctn(cut.double().numpy(), axes=(1, 2), norm="ortho").reshape(count, -1)
            found = maps[:, :, row, column].double().numpy()
            assert np.abs(found - wanted).max() < 256 * np.finfo(np.float32).eps * block  # a block of ones sums to it
    assert_equal_but_for_rounding(dct.inverse(maps), image)


@given(st.sampled_from([4, 8, 32]), st.floats(0.05, 1.5))
def test_a_band_keeps_its_coefficients_and_no_other(block, radius):
    band, full = freqnet.BlockDCT(block, radius), freqnet.BlockDCT(block)
    inside = full.radius <= radius
    image = photograph(1, 1, 2 * block, block)
    maps = full(image)
    assert_equal_but_for_rounding(band(image), maps[:, inside])
    kept = maps * inside.view(-1, 1, 1)
    assert_equal_but_for_rounding(band.inverse(band(image)), full.inverse(kept))
    assert_equal_but_for_rounding(band(band.inverse(band(image))), band(image))  # a projection


@pytest.mark.parametrize(("radius", "count"), [(0.334, 100), (0.478, 201)])
def test_the_known_bands_of_32x32_have_the_known_number_of_coefficients(radius, count):
    assert freqnet.BlockDCT(32, radius).channels == count


def test_the_bands_at_x4_are_those_of_the_re_implementation():
    assert SPECS["freqnet"].network(4).dct.channels == 100
    assert SPECS["freqnet_b8"].network(4).dct.channels == 64


def test_the_transform_is_as_sensitive_as_its_inverse_is_exact():
    """Orthonormal: gradients pass unchanged in length, to the image and back."""
    dct, image = freqnet.BlockDCT(8).double(), photograph(2, 1, 16, 24).double().requires_grad_()
    maps = dct(image)
    weights = torch.randn_like(maps)
    (gradient,) = torch.autograd.grad((maps * weights).sum(), image)
    assert_equal_but_for_rounding(gradient, dct.inverse(weights))
    assert gradient.square().sum().item() == pytest.approx(weights.square().sum().item(), rel=1e-6)


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))
def test_the_bicubic_upsampler_is_imresize(scale, height, width):
    lr = torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(scale))
    assert_equal_but_for_rounding(freqnet.BicubicUpsampler(scale)(lr), imresize(lr, scale=scale))


def test_the_z_score_is_that_of_all_batches_together_and_then_stays():
    score, batches = freqnet.ZScore(3), torch.randn(5, 2, 3, 4, 6) * torch.tensor([0.1, 1.0, 5.0]).view(3, 1, 1) + 7
    for batch in batches:
        score.train()(batch)
    every = batches.transpose(0, 2).flatten(1)
    assert_equal_but_for_rounding(score.mean.flatten(), every.mean(1))
    assert torch.allclose(score.variance.flatten(), every.var(1, correction=0), rtol=1e-3)  # 0.01 beside a mean of 7²
    before = copy.deepcopy(score.state_dict())
    score.eval()(batches[0] + 100)
    score.seen.fill_(freqnet.ZSCORE_BATCHES)
    score.train()(batches[0] + 100)
    assert torch.equal(score.mean, before["mean"])
    assert torch.equal(score.variance, before["variance"])


def test_a_map_that_never_varies_is_not_divided_by_zero():
    score = freqnet.ZScore(1).train()
    assert torch.equal(score(torch.full((2, 1, 3, 3), 0.5)), torch.zeros(2, 1, 3, 3))


@pytest.mark.parametrize("name", SPECS)
def test_a_fresh_network_gives_the_bicubic_image(name):
    lr = photograph(1, 1, 32, 32)
    with torch.no_grad():
        assert_equal_but_for_rounding(SPECS[name].network(2).eval()(lr), imresize(lr, scale=2))


def test_coefficients_outside_the_band_stay_those_of_the_bicubic_image():
    network, lr = perturbed(4, block=32, band=freqnet.BAND), photograph(1, 1, 16, 24)
    with torch.no_grad():
        added = freqnet.BlockDCT(32)(network(lr) - imresize(lr, scale=4)).abs().amax((0, 2, 3))
    inside = freqnet.BlockDCT(32).radius <= freqnet.BAND / 4
    assert added[~inside].max() < 3e-5  # 256 roundings of an image
    assert added[inside].min() > 1e-4


def test_chroma_is_enlarged_bicubically():
    network, lr = Network(SPEC, perturbed()), photograph(1, 3, 9, 13)
    with torch.no_grad():
        sr = rgb_to_ycbcr(network(lr, 2))
    wanted = imresize(rgb_to_ycbcr(lr), scale=2)
    assert_equal_but_for_rounding(sr[:, 1:], wanted[:, 1:])
    assert not torch.allclose(sr[:, :1], wanted[:, :1], atol=1e-3)


def test_one_export_serves_every_size_and_every_batch():
    assert_one_export_serves(perturbed(4), ((1, 8, 16), (3, 40, 8), (1, 8, 200)), example=(2, 1, 16, 24))


@pytest.mark.slow
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(perturbed(), photograph(2, 1, 16, 24))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_converted_to_another_precision_it_stays_close(dtype):
    network, lr = perturbed(), photograph(2, 1, 16, 24)
    other = copy.deepcopy(network).to(dtype)
    with torch.no_grad():
        error = (other(lr.to(dtype)).float() - network(lr)).square().mean().sqrt()
    assert error < (1e-5 if dtype == torch.float64 else 0.02)


def test_half_the_patches_of_a_photograph_teach_it_to_beat_bicubic_on_the_other_half():
    from skimage.data import astronaut

    luma = torch.from_numpy(astronaut()).double().mul(1 / 255).mean(2).float()
    patches = luma.unfold(0, 64, 64).unfold(1, 64, 64).reshape(-1, 1, 64, 64)
    torch.manual_seed(0)
    network = freqnet.FreqNet(2, **TINY).train()
    adam = torch.optim.Adam(network.parameters(), lr=4e-3)
    train, test = patches[::2], patches[1::2]
    shrunk = imresize(train, scale=0.5)
    for step in range(60):
        adam.param_groups[0]["lr"] = 4e-3 * (1 - step / 60)
        adam.zero_grad()
        (network(shrunk) - train).abs().mean().backward()
        adam.step()
    with torch.no_grad():
        lr = imresize(test, scale=0.5)
        ours, bicubic = ((sr - test).square().mean().item() for sr in (network.eval()(lr), imresize(lr, scale=2)))
    assert 10 * math.log10(bicubic / ours) > 0.3  # dB
