"""What is true of the classical degradations whatever the image."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage, stats
from srbench_plugins.steps.blur import AnisotropicBlur, GaussianBlur, MotionBlur
from srbench_plugins.steps.down import AreaDown, BicubicDown, Subsample
from srbench_plugins.steps.noise import ColourNoise, GaussianNoise, PoissonNoise, SpeckleNoise
from srbench_plugins.steps.quantise import Quantise

from srbench.degrading import Random, Size
from srbench.errors import ShapeError


def once(step, image, scale=1, seed=0, size=None):
    size = size or Size(image.shape[-2], image.shape[-1], scale)
    return step.apply(image, [step.draw(Random(seed + n), size) for n in range(len(image))], size)


def rough(count=1, height=40, width=44, seed=0):
    return torch.rand(count, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def flat(count=1, value=0.5, side=200):
    return torch.full((count, 3, side, side), value, dtype=torch.float64)


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


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_reduction_but_the_upper_left_one_keeps_pixels_where_they_are(scale):
    """On a ramp a pixel's value tells where it was taken."""
    ramp = torch.arange(48.0, dtype=torch.float64).expand(1, 3, 48, 48) / 48
    middle = ((torch.arange(48 // scale) + 0.5) * scale - 0.5).double()
    inner = slice(3, -3)
    for step, shift in (
        (BicubicDown(), 0.0),
        (AreaDown(), 0.0),
        (Subsample(), 0.0 if scale % 2 else 0.5),  # no pixel is in the middle of an even block
        (Subsample("upper_left"), -(scale - 1) / 2),
    ):
        taken = once(step, ramp, scale)[0, 0, 0] * 48
        assert torch.allclose(taken[inner], middle[inner] + shift, atol=1e-9), step


def test_means_over_blocks_are_pillows_box_filter():
    image = (rough(1, 42, 48) * 255).round()
    theirs = Image.fromarray(image[0, 0].numpy().astype(np.float32)).resize((16, 14), Image.Resampling.BOX)
    assert np.abs(once(AreaDown(), image, 3)[0, 0].numpy() - np.asarray(theirs)).max() < 1e-4


def test_sub_sampling_after_another_resize_is_refused():
    with pytest.raises(ShapeError, match="sub-sample before any other resize"):
        once(Subsample(), rough(), size=Size(80, 88, 3))


def test_gaussian_noise_has_the_level_it_says_in_every_channel():
    noise = once(GaussianNoise(30.0), flat()) - 0.5
    assert noise.std() * 255 == pytest.approx(30, rel=0.01)
    assert abs(noise.mean() * 255) < 0.3
    assert stats.kstest((noise[0, 0, ::4, ::4] * 255 / 30).flatten().numpy(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(noise[0].flatten(1).numpy()) - np.eye(3)).max() < 0.02
    grey = once(GaussianNoise(30.0, grey_probability=1.0), flat()) - 0.5
    assert torch.equal(grey[:, 0], grey[:, 2])


def test_speckle_grows_with_the_image_and_poisson_noise_with_its_root():
    for step, power in ((SpeckleNoise(20.0), 1.0), (PoissonNoise(3.0, grey_probability=0.0), 0.5)):
        dark, bright = (once(step, flat(value=value)).std() for value in (0.2, 0.8))
        assert float(bright / dark) == pytest.approx(4**power, rel=0.03)
    photons = once(PoissonNoise(3.0, grey_probability=0.0), flat(value=51 / 255))
    assert photons.var() == pytest.approx(0.2 / 1000, rel=0.03)


def test_colour_noise_has_the_covariance_that_was_drawn():
    step, size = ColourNoise(25.0), Size(200, 200, 1)
    drawn = step.draw(Random(4), size)
    noise = step.apply(flat(), [drawn], size) - 0.5
    wanted = np.array(drawn["covariance"])
    assert (np.linalg.eigvalsh(wanted) > 0).all()
    assert np.abs(np.cov(noise[0].flatten(1).numpy()) * (255 / 25) ** 2 - wanted).max() < 0.02


@settings(deadline=None)
@given(st.integers(0, 254), st.sampled_from([torch.float32, torch.float64]))
def test_rounding_goes_where_it_says_at_a_tie(level, dtype):
    tie = torch.tensor((level + 0.5) / 255, dtype=dtype).view(1, 1, 1, 1)
    up, down = (float(once(Quantise(r), tie) * 255) for r in ("half_up", "down"))
    assert up == pytest.approx(level + 1)
    assert down == pytest.approx(level)
    on = torch.tensor(level / 255, dtype=dtype).view(1, 1, 1, 1)
    assert [round(float(once(Quantise(r), on) * 255)) for r in ("half_up", "half_even", "down")] == [level] * 3


def test_the_level_of_the_field_is_thirty_for_down_noise(catalog):
    hr = flat(4, 128 / 255, 120).float()
    lr = catalog.degradations["down_noise"].apply(hr, 3, torch.Generator().manual_seed(0))
    assert (lr - 128 / 255).std() * 255 == pytest.approx(30, rel=0.01)
    assert torch.allclose(lr * 255, (lr * 255).round(), atol=1e-4)


@pytest.mark.parametrize(("name", "count"), [("gaussian8", 8), ("anisotropic9", 9)])
def test_realisations_go_through_the_kernels_of_a_list(catalog, name, count):
    from srbench.degrading import freeze

    spec = catalog.degradations[name]
    assert spec.realisations == count
    kernels = [freeze(spec, Size(48, 48, 4, k), seed=k).drawn["steps"][0] for k in range(count)]
    if name == "gaussian8":
        kernels = [entry["drawn"]["steps"][0] for entry in kernels]
        widths = [entry["drawn"]["steps"][0]["drawn"]["sigma_px"] for entry in kernels]
        assert widths == pytest.approx(np.linspace(1.8, 3.2, 8))
    else:
        assert [entry["drawn"]["steps"][0]["at"] for entry in kernels] == list(range(9))
