"""Blurring with a kernel and keeping a pixel of every block equals the degradations that do so, in bicubic's phase."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.degradations.blur_down import SIGMA, blur_down, gaussian, kernel_side

from srbench.catalog.catalog import load_catalog
from srbench.degrading.kernels import kernel_of
from srbench.degrading.lr_images import lr_image_exact
from srbench.errors import ShapeError
from srbench.imaging.filtering import filter2d
from srbench.imaging.reduction import blur_and_subsample
from srbench.imaging.resize import imresize
from srbench.testing import photograph


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_with_the_kernel_of_blur_and_subsample_it_is_that_degradation(scale):
    hr = photograph(2, 3, 5 * scale, 4 * scale).double()
    weights = gaussian(kernel_side(scale), SIGMA)
    reduced = blur_and_subsample(hr, torch.outer(weights, weights), scale)
    torch.testing.assert_close(reduced, blur_down(hr, scale, torch.Generator(), rounding=False), atol=1e-12, rtol=0)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["nearest", "nearest_upper_left", "blur_down", "blur_down_ircnn"])
def test_lr_is_hr_reduced_by_the_kernel_that_is_known_of_its_degradation(name, scale):
    spec, hr = load_catalog().degradations[name], photograph(1, 3, 24 * scale, 20 * scale)
    pixels = (255 * hr[0].permute(1, 2, 0)).round().byte().numpy()
    made, drawn = lr_image_exact(pixels, spec, scale, seed=0, number=0)
    lr = torch.from_numpy(made).permute(2, 0, 1)[None].float()
    kernel = kernel_of(spec, drawn, scale)
    assert kernel is not None
    inside = (..., slice(6, -6), slice(6, -6))  # borders differ
    rounding = 0.51 / 255 if name == "blur_down_ircnn" else 1e-6
    torch.testing.assert_close(blur_and_subsample(hr, kernel, scale)[inside], lr[inside], atol=rounding, rtol=0)


@given(st.integers(1, 5), st.integers(1, 7), st.integers(1, 13), st.integers(1, 13), st.integers(0, 2**32 - 1))
def test_it_keeps_every_scale_th_pixel_of_the_blurred_image(scale, side, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, 3, height, width, generator=generator, dtype=torch.float64)
    kernel = torch.rand(side, side, generator=generator, dtype=torch.float64)
    reduced = blur_and_subsample(images, kernel, scale)
    assert reduced.shape == (2, 3, -(-height // scale), -(-width // scale))
    # filter2d lays the pixel (side - 1) // 2 of a kernel on the computed one
    first = (scale - side) // 2 + (scale - side) % 2 + (side - 1) // 2
    whole = filter2d(images, kernel[None], border="replicate")
    if first < height and first < width:
        inside = whole[..., first::scale, first::scale]
        torch.testing.assert_close(reduced[..., : inside.shape[-2], : inside.shape[-1]], inside)


@pytest.mark.parametrize(("scale", "side"), [(2, 4), (3, 1), (3, 9), (4, 2), (5, 7)])
def test_a_slope_keeps_the_phase_that_bicubic_reduction_gives_it(scale, side):
    slope = torch.arange(16.0 * scale, dtype=torch.float64).expand(1, 1, 16 * scale, -1)
    kernel = torch.full((side, side), 1 / side**2, dtype=torch.float64)
    ours, bicubic = blur_and_subsample(slope, kernel, scale), imresize(slope, scale=1 / scale)
    torch.testing.assert_close(ours[..., 4:-4], bicubic[..., 4:-4])


def test_a_kernel_that_is_not_square_is_refused_in_one_sentence():
    with pytest.raises(ShapeError, match=r"kernel of shape \(3, 5\) and reduced by 2; give a kernel \(k, k\)"):
        blur_and_subsample(photograph(1, 3, 8, 8), torch.ones(3, 5), 2)
