"""Kernels of uneven weights, as DAN and DCLS train with, and what was drawn before there were any."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from scipy.stats import multivariate_normal
from srbench_plugins.degradations import anisotropic
from srbench_plugins.steps.blur import AnisotropicBlur

from srbench.degrading import Random, Realisation, Size, draw_step, freeze, realise

SPECS = {spec.name: spec for spec in anisotropic.register_degradations()}
SIZE = Size(64, 64, 4)


def by_formula(side, drawn):
    """A normal density on the grid, times what the words of the seed's Philox say."""
    angle = math.radians(drawn["angle_degrees"])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.stack(np.meshgrid(np.arange(side) - side // 2, np.arange(side) - side // 2), axis=-1)
    shape = turn @ np.diag(np.square([drawn["first"], drawn["second"]])) @ turn.T
    words = np.random.Philox(key=drawn["seed"]).random_raw(side * side)
    even = (words >> np.uint64(11)).astype(float) / 2**53
    kernel = multivariate_normal([0, 0], shape).pdf(points) * (1 + drawn["unevenness"] * even.reshape(side, side))
    return kernel / kernel.sum()


def blurred_point(step, drawn, side=41):
    """The kernel, turned by a correlation and turned back."""
    point = torch.zeros(1, 1, side, side, dtype=torch.float64)
    point[..., side // 2, side // 2] = 1
    return step.apply(point, [drawn], Size(side, side, 1))[0, 0].flip(0, 1).numpy()


@pytest.mark.parametrize("side", [11, 31])
def test_an_uneven_kernel_is_the_normal_density_times_the_noise_of_its_seed(side):
    step = AnisotropicBlur((0.6, 5.0), (0.6, 5.0), (-180.0, 180.0), side_px=side, unevenness=0.25)
    margin = (41 - side) // 2
    for n in range(6):
        drawn = step.draw(Random(n), SIZE)
        kernel = np.pad(by_formula(side, drawn), margin)
        assert np.abs(blurred_point(step, drawn) - kernel).max() < 1e-12
    image = torch.rand(1, 3, 40, 36, dtype=torch.float64)
    theirs = [ndimage.correlate(plane, by_formula(side, drawn), mode="mirror") for plane in image[0].numpy()]
    assert np.abs(step.apply(image, [drawn], SIZE)[0].numpy() - theirs).max() < 1e-12


def test_weights_grow_evenly_by_up_to_a_quarter():
    step = AnisotropicBlur(4.0, 4.0, 0.0, side_px=31, unevenness=0.25)
    plain = blurred_point(AnisotropicBlur(4.0, 4.0, 0.0, side_px=31), {"first": 4.0, "second": 4.0, "angle_degrees": 0})
    ratios = []
    for n in range(5):
        ratio = (blurred_point(step, step.draw(Random(n), SIZE)) / plain.clip(1e-12))[15:26, 15:26]
        ratios += [*(ratio / ratio.min()).flat]
    assert 1.2 < max(ratios) < 1.25
    assert stats.kstest(np.array(ratios), stats.uniform(1, max(ratios) - 1).cdf).pvalue > 1e-3


def test_a_range_of_unevenness_is_drawn_from():
    step = AnisotropicBlur(unevenness=(0.1, 0.4))
    drawn = [step.draw(Random(n), SIZE)["unevenness"] for n in range(300)]
    assert stats.kstest(drawn, stats.uniform(0.1, 0.3).cdf).pvalue > 1e-3


def test_even_kernels_are_drawn_as_they_were_before_there_were_uneven_ones():
    """Published realisations would change with them."""
    blur, _, noise, _ = freeze(SPECS["anisotropic_noise"], Size(64, 80, 4, 0), 7).drawn["steps"]
    assert blur["drawn"] == {
        "first": 3.3651850663913523,
        "second": 2.1154114807408892,
        "angle_degrees": 177.54233175129377,
    }
    assert noise["drawn"] == {"level": 21.331202399968667, "grey": False, "seed": 5813349711649121}


def test_uneven_kernels_are_drawn_from_the_same_numbers_as_even_ones():
    even, uneven = AnisotropicBlur(), AnisotropicBlur(unevenness=0.25)
    first, second = (step.draw(Random(3), SIZE) for step in (even, uneven))
    assert first == {name: second[name] for name in first}
    assert second.keys() - first.keys() == {"unevenness", "seed"}
    common = AnisotropicBlur(unevenness=0.25, per="batch")
    assert draw_step(common, Random(1, Random(9)), SIZE) == draw_step(common, Random(2, Random(9)), SIZE)


@pytest.mark.parametrize(("scale", "side"), [(2, 11), (4, 31)])
def test_the_setting_for_div2krk_has_the_sides_and_ranges_of_dan_and_dcls(scale, side):
    spec = SPECS["anisotropic_div2krk"]
    chains = [freeze(spec, Size(64, 64, scale), seed).drawn["steps"] for seed in range(400)]
    (blur,) = {entry["drawn"]["steps"][0]["at"] for entry, *_ in chains}
    assert spec.chain.steps[0].steps[blur].side_px == side
    drawn = [entry["drawn"]["steps"][0]["drawn"] for entry, *_ in chains]
    for name, low, high in (("first", 0.6, 5), ("second", 0.6, 5), ("angle_degrees", -180, 180)):
        assert stats.kstest([one[name] for one in drawn], stats.uniform(low, high - low).cdf).pvalue > 1e-3, name
    assert {one["unevenness"] for one in drawn} == {0.25}
    assert len({one["seed"] for one in drawn}) == 400
    assert [entry["step"] for entry in chains[0]] == ["PerScale", "BicubicDown", "Quantise"]


def test_a_frozen_lr_is_made_again_bit_by_bit_from_its_json():
    spec, hr = SPECS["anisotropic_div2krk"], torch.rand(1, 3, 64, 72, dtype=torch.float64)
    realisation = freeze(spec, Size(64, 72, 4), 5)
    again = Realisation.model_validate_json(realisation.model_dump_json())
    assert torch.equal(realise(spec, hr, again), realise(spec, hr, realisation))


def test_an_uneven_kernel_describes_the_covariance_of_its_gaussian():
    spec, side = SPECS["anisotropic_div2krk"], 31
    described = spec.describe(freeze(spec, SIZE, 2).drawn)
    drawn = freeze(spec, SIZE, 2).drawn["steps"][0]["drawn"]["steps"][0]["drawn"]
    kernel = by_formula(side, drawn | {"unevenness": 0.0})
    x, y = np.meshgrid(np.arange(side) - 15, np.arange(side) - 15)
    moments = [(kernel * product).sum() for product in (x * x, x * y, y * y)]
    assert [described[name] for name in ("blur_xx", "blur_xy", "blur_yy")] == pytest.approx(moments, rel=0.15, abs=0.2)
    assert described["noise"] == 0


def test_a_batch_of_uneven_kernels_is_its_images_one_by_one_in_both_precisions():
    step, size = AnisotropicBlur(side_px=31, unevenness=0.25), Size(40, 36, 2)
    images = torch.rand(3, 3, 40, 36, dtype=torch.float64)
    drawn = [step.draw(Random(n), size) for n in range(3)]
    singly = torch.cat([step.apply(images[n : n + 1], drawn[n : n + 1], size) for n in range(3)])
    together = step.apply(images, drawn, size)
    assert (together - singly).abs().max() < 1e-13
    assert (step.apply(images.float(), drawn, size) - together).abs().max() < 1e-6
