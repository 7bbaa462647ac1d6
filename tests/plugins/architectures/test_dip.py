"""Deep image prior: its network and its reduction equal its authors'; it fits to an image of any size."""

import dataclasses
import re
from functools import partial

import numpy as np
import pytest
import torch
from srbench_plugins.architectures import dip
from torch import nn

from helpers import ORACLES
from helpers.architectures import assert_size
from helpers.fitting import seeded_fit
from srbench.imaging import imresize
from srbench.imaging.reduction import blur_and_subsample
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in dip.register_architectures()}
TINY = {"channels": 4, "scales": 2}
OFFICIAL = (
    ("skip.0", "1.0.1.1"),
    ("skip.1", "1.0.2"),
    ("down.0", "1.1.1.1"),
    ("down.1", "1.1.2"),
    ("deep.0", "1.1.4.1"),
    ("deep.1", "1.1.5"),
    ("norm", "2"),
    ("up.0", "3.1"),
    ("up.1", "4"),
    ("mix.0", "6.1"),
    ("mix.1", "7"),
)
"""Our names of the layers of a scale, and the authors'."""


def official(key):
    """Return the authors' name of a key."""
    key = re.sub(r"^body\.|^last", lambda found: "" if found[0] == "body." else "9.1", key)
    key = key.replace("below.", "1.1.7.")
    for ours, theirs in OFFICIAL:
        key = re.sub(rf"(^|\.){re.escape(ours)}\.", rf"\g<1>{theirs}.", key)
    return key


def test_a_tiny_network_equals_the_authors(assert_official):
    network = dip.Hourglass(inputs=4, channels=8, scales=3)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):  # the oracle's have running statistics, which nothing uses
            layer.register_buffer("running_mean", torch.zeros(layer.num_features))
            layer.register_buffer("running_var", torch.ones(layer.num_features))
            layer.register_buffer("num_batches_tracked", torch.tensor(0))
    assert_official(network, "dip_skip_tiny", rename=official, call=lambda module, noise: module.train()(noise))


@pytest.mark.parametrize("name", SPECS)
def test_it_has_the_size_of_the_papers_network(name):
    assert_size(SPECS[name], max(SPECS[name].scales), 2_217_831)


def test_steps_and_jitter_are_the_releases():
    found = {
        scale: (spec.fitting.steps, spec.network(scale).steps, spec.network(scale).jitter)
        for spec in SPECS.values()
        for scale in spec.scales
    }
    assert found == {**dict.fromkeys((2, 3, 4), (2000, 2000, 0.03)), 8: (4000, 4000, 0.05)}


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_reductions_kernel_equals_the_authors(scale):
    kernel = np.load(ORACLES / "survey/dip_downsampler.npz")[f"kernel_lanczos2_x{scale}"]
    torch.testing.assert_close(dip.lanczos(scale), torch.from_numpy(kernel), atol=1e-12, rtol=0)


@pytest.mark.parametrize("scale", [2, 4])
def test_the_reduction_equals_the_authors(scale):
    arrays = np.load(ORACLES / "survey/dip_downsampler.npz")
    reduced = blur_and_subsample(torch.from_numpy(arrays["x"]).double(), dip.lanczos(scale), scale)
    torch.testing.assert_close(reduced, torch.from_numpy(arrays[f"down_lanczos2_x{scale}"]), atol=1e-7, rtol=0)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_reduction_has_the_phase_of_bicubic_reduction(scale):
    slope = torch.arange(16.0 * scale, dtype=torch.float64).expand(1, 1, 16 * scale, -1)
    ours, bicubic = blur_and_subsample(slope, dip.lanczos(scale), scale), imresize(slope, scale=1 / scale)
    torch.testing.assert_close(ours[..., 4:-4], bicubic[..., 4:-4])


def test_its_image_has_sides_that_halve_five_times_and_at_least_two_pixels_below():
    network = dip.Hourglass(channels=4)
    assert network.canvas((64, 65)) == (64, 96)
    assert network.canvas((1, 33)) == (64, 64)
    assert dip.Hourglass(channels=4, scales=2).canvas((9, 3)) == (12, 8)


@pytest.mark.parametrize("size", [(1, 1), (3, 70)])
def test_the_papers_depth_takes_images_of_any_size(size):
    sr = seeded_fit(dip.DeepImagePrior(2, channels=4), photograph(1, 3, *size), steps=1).sr
    assert sr.shape == (1, 3, 2 * size[0], 2 * size[1])


def test_a_narrow_one_keeps_the_contract_and_depends_on_its_seed():
    build = partial(dip.DeepImagePrior, **TINY)
    assert violations_of(dataclasses.replace(SPECS["dip"], build=build)) == []
    one, other = (seeded_fit(build(2), photograph(1, 3, 7, 9), seed=seed).sr for seed in (0, 1))
    assert not torch.equal(one, other)


def test_its_first_weights_are_uniform_within_one_over_the_root_of_their_inputs():
    network = dip.Hourglass(channels=32)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.initialise(torch.Generator().manual_seed(0))
    for key, values in network.state_dict().items():
        if "norm" in key or re.search(r"(skip|down|deep|up|mix)\.1", key):
            assert torch.equal(values, before[key])
    weight = network.body.up[0].weight
    assert weight.abs().max().item() == pytest.approx((36 * 9) ** -0.5, rel=0.01)
    assert weight.std().item() == pytest.approx((3 * 36 * 9) ** -0.5, rel=0.02)


def test_its_loss_falls_and_its_image_is_lr_when_reduced():
    lr = photograph(1, 3, 16, 16)
    fitted = seeded_fit(dip.DeepImagePrior(2, channels=16, scales=3), lr, steps=120)
    reduced = blur_and_subsample(fitted.sr, dip.lanczos(2), 2)
    assert fitted.losses[-1] < 0.1 * fitted.losses[0]
    assert (reduced - lr).square().mean() < 0.1 * lr.var()


def test_a_kernel_takes_the_place_of_lanczos_filter(monkeypatch):
    used = []

    def recorded(image, kernel, scale):
        used.append(kernel)
        return blur_and_subsample(image, kernel, scale)

    monkeypatch.setattr(dip, "blur_and_subsample", recorded)
    fit, kernel = partial(seeded_fit, dip.DeepImagePrior(2, **TINY), photograph(1, 3, 9, 8), steps=1), torch.eye(3) / 3
    fit()
    fit(kernel=kernel)
    assert [*map(torch.equal, used, (dip.lanczos(2), kernel))] == [True, True]
