"""Gaussian blurs are SciPy's, angles turn as they say, and uneven kernels are those that DAN and DCLS train with."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats
from scipy.stats import multivariate_normal
from srbench_plugins.steps.blur import AnisotropicBlur, GaussianBlur, MotionBlur

from helpers.degrading import once, rough
from srbench.degrading import Random, Size, draw_step
from srbench.imaging.kernels import gaussian

SIZE = Size(64, 64, 4)


@pytest.mark.parametrize(("border", "mode"), [("reflect", "mirror"), ("replicate", "nearest"), ("circular", "wrap")])
def test_a_gaussian_is_scipys_with_each_border(border, mode):
    image = rough()
    ours = once(GaussianBlur(1.7, side_px=13, border=border), image)[0]
    theirs = ndimage.gaussian_filter(image[0].numpy(), (0, 1.7, 1.7), mode=mode, radius=6)
    assert np.abs(ours.numpy() - theirs).max() < 1e-12


@settings(deadline=None)
@given(st.floats(0.3, 4), st.floats(0.3, 4), st.floats(0, 180))
def test_widths_are_deviations_or_variances_as_they_say(first, second, angle):
    point = torch.zeros(1, 1, 61, 61, dtype=torch.float64)
    point[..., 30, 30] = 1
    spread = once(AnisotropicBlur(first, second, angle, side_px=41), point)
    as_variances = AnisotropicBlur(first**2, second**2, angle, side_px=41, widths="variances")
    assert torch.allclose(once(as_variances, point), spread, atol=1e-12)
    assert spread.sum() == pytest.approx(1)
    x = torch.arange(61, dtype=torch.float64) - 30
    covariance = torch.stack([(spread[0, 0].sum(0) * x).sum(), (spread[0, 0].sum(1) * x).sum()])
    assert covariance.abs().max() < 1e-9  # no shift
    if min(first, second) > 0.8 and max(first, second) < 3.5:
        total = (spread[0, 0].sum(0) * x**2).sum() + (spread[0, 0].sum(1) * x**2).sum()
        assert total == pytest.approx(first**2 + second**2, rel=0.01)


def test_the_angle_of_a_blur_turns_clockwise_and_of_a_motion_counter_clockwise():
    point = torch.zeros(1, 1, 31, 31, dtype=torch.float64)
    point[..., 15, 15] = 1
    blurred = once(AnisotropicBlur(4.0, 0.3, 30.0), point)[0, 0]
    moved = once(MotionBlur(15.0, 30.0), point)[0, 0]
    assert blurred[18, 20] > 20 * blurred[12, 20]  # down and right
    assert moved[12, 20] > 0.01
    assert abs(moved[18, 20]) < 1e-12


def test_srmd_draws_the_second_width_up_to_the_first():
    step = AnisotropicBlur((0.1, 10.0), (0.1, 10.0), widths="variances", second_below_first=True)
    drawn = [step.draw(Random(n), Size(8, 8, 2)) for n in range(400)]
    assert all(0.1 <= one["second"] <= one["first"] <= 10 for one in drawn)
    assert stats.kstest([one["first"] for one in drawn], stats.uniform(0.1, 9.9).cdf).pvalue > 1e-3


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


def test_uneven_kernels_are_drawn_from_the_same_numbers_as_even_ones():
    even, uneven = AnisotropicBlur(), AnisotropicBlur(unevenness=0.25)
    first, second = (step.draw(Random(3), SIZE) for step in (even, uneven))
    assert first == {name: second[name] for name in first}
    assert second.keys() - first.keys() == {"unevenness", "seed"}
    common = AnisotropicBlur(unevenness=0.25, per="batch")
    assert draw_step(common, Random(1, Random(9)), SIZE) == draw_step(common, Random(2, Random(9)), SIZE)


def test_a_batch_of_uneven_kernels_is_its_images_one_by_one_in_both_precisions():
    step, size = AnisotropicBlur(side_px=31, unevenness=0.25), Size(40, 36, 2)
    images = torch.rand(3, 3, 40, 36, dtype=torch.float64)
    drawn = [step.draw(Random(n), size) for n in range(3)]
    singly = torch.cat([step.apply(images[n : n + 1], drawn[n : n + 1], size) for n in range(3)])
    together = step.apply(images, drawn, size)
    assert (together - singly).abs().max() < 1e-13
    assert (step.apply(images.float(), drawn, size) - together).abs().max() < 1e-6


@given(st.floats(0.6, 2.0), st.floats(0.6, 2.0), st.floats(0, 180))
def test_the_covariance_is_that_of_the_kernel(first, second, angle):
    own = AnisotropicBlur().describe({"first": first, "second": second, "angle_degrees": angle})
    kernel = gaussian(41, [first], [second], [math.radians(angle)])[0].double()
    place = torch.arange(41, dtype=torch.float64) - 20
    x, y = place[None, :], place[:, None]
    moments = [float((kernel * product).sum()) for product in (x * x, x * y, y * y)]
    assert [own[name] for name in ("blur_xx", "blur_xy", "blur_yy")] == pytest.approx(moments, abs=2e-2)


def test_variances_are_described_as_variances():
    drawn = {"first": 4.0, "second": 1.0, "angle_degrees": 90.0}
    described_as = AnisotropicBlur(widths="variances").describe(drawn)
    assert [described_as["blur_xx"], described_as["blur_yy"]] == pytest.approx([1.0, 4.0])
