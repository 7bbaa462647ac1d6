"""Filters equal the official ones and SciPy's with every border and both ways of computing them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import helpers
from srbench.errors import ShapeError, UsageError
from srbench.imaging import filtering, kernels
from srbench.imaging.kernels import shift

ORACLES = helpers.ORACLES / "degradations"
SCIPY = {"reflect": "mirror", "replicate": "nearest", "circular": "wrap", "symmetric": "reflect"}


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def test_filters_equal_the_official_ones():
    arrays = {name: torch.from_numpy(array) for name, array in np.load(ORACLES / "filter2d.npz").items()}
    for name in ("shared", "per_sample", "asym"):
        result = filtering.filter2d(arrays["x"], arrays[f"k_{name}"])
        torch.testing.assert_close(result, arrays[f"y_{name}"], atol=2e-6, rtol=0, msg=name)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SCIPY)), st.booleans(), st.integers(1, 9), st.integers(1, 9), st.integers(2, 12),
    st.integers(2, 12), st.sampled_from([torch.float32, torch.float64]), st.integers(0, 9),
)  # fmt: skip
def test_every_border_and_side_equals_scipy(border, flip, height, width, rows, columns, dtype, seed):
    """Also kernels larger than the image, whose borders mirror or repeat several times."""
    images, own = noise(2, 2, rows, columns, seed=seed), noise(2, height, width, seed=seed + 1) - 0.3
    result = filtering.filter2d(images.to(dtype), own, border=border, flip=flip)
    assert result.dtype == dtype
    for image, kernel, filtered in zip(images, own, result, strict=True):
        for plane, expected in zip(image, filtered, strict=True):
            if flip:
                reference = ndimage.convolve(plane.numpy(), kernel.numpy(), mode=SCIPY[border])
            else:  # SciPy rests a correlation with an even kernel on the other pixel of its middle
                origin = [-1 if side % 2 == 0 else 0 for side in (height, width)]
                reference = ndimage.correlate(plane.numpy(), kernel.numpy(), mode=SCIPY[border], origin=origin)
            np.testing.assert_allclose(expected, reference, atol=2e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("side", [7, 21, 41])
def test_the_direct_way_and_that_by_fourier_transforms_agree(side, monkeypatch):
    images, own = noise(8, 3, 40, 37, dtype=torch.float32), kernels.sinc(side, torch.linspace(1, 3, 8))
    results = []
    for most in (0, 10_000_000):
        monkeypatch.setattr(filtering, "_DIRECT_WEIGHTS", most)
        results.append(filtering.filter2d(images, own))
    torch.testing.assert_close(*results, atol=1e-5, rtol=0)


def test_lines_equal_the_kernel_that_they_span():
    images, rows, columns = noise(2, 3, 20, 24), noise(5, seed=1), noise(7, seed=2)
    spanned = filtering.filter2d(images, torch.outer(rows, columns)[None])
    torch.testing.assert_close(filtering.filter_lines(images, rows, columns), spanned)


def test_a_flat_image_stays_flat_under_any_kernel_of_weight_one():
    flat = torch.full((2, 3, 9, 30), 0.4)
    for border in SCIPY:
        blurred = filtering.filter2d(flat, kernels.gaussian(21, [1.0, 3.0], [2.0, 0.3], 0.5), border=border)
        torch.testing.assert_close(blurred, flat)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_shifted_kernel_sub_samples_without_moving_the_image(scale):
    """A symmetric blur does not change a ramp, so the value of an lr pixel shows its position: its block's centre."""
    ramp = torch.arange(96, dtype=torch.float64).expand(1, 1, 96, 96)
    moved = shift(kernels.fspecial(25, 0.5 * scale), scale)
    lr = filtering.filter2d(ramp, moved / moved.sum(), flip=True)[..., ::scale, ::scale][0, 0, 0]
    middle = (torch.arange(96 // scale, dtype=torch.float64) + 0.5) * scale - 0.5
    inner = slice(16 // scale, -16 // scale)
    torch.testing.assert_close(lr[inner], middle[inner], atol=1e-6, rtol=0)


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ShapeError, match="give images"):
        filtering.filter2d(noise(2, 3, 8, 8), noise(3, 5, 5))
    for dtype in (torch.float32, torch.float64):
        with pytest.raises(UsageError, match="border 'zero' is unknown"):
            filtering.filter2d(noise(1, 3, 8, 8, dtype=dtype), noise(1, 5, 5), border="zero")


def test_sharpening_equals_the_official_one():
    arrays = {name: torch.from_numpy(array) for name, array in np.load(ORACLES / "usm.npz").items()}
    torch.testing.assert_close(filtering.sharpen(arrays["x"]), arrays["y_torch"], atol=2e-5, rtol=0)
    exact = filtering.sharpen(arrays["x"].double()).float()
    torch.testing.assert_close(exact, arrays["y_torch"], atol=2e-5, rtol=0)


def test_a_flat_image_stays_flat():
    flat = torch.full((2, 3, 9, 30), 0.4)
    torch.testing.assert_close(filtering.sharpen(flat), flat)
