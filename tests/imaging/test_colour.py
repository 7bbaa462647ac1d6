"""Colour against the published constants, and there and back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.errors import ShapeError
from srbench.imaging import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb


def colour(*rgb):
    return torch.tensor(rgb, dtype=torch.float64).view(3, 1, 1)


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),
    [
        # MATLAB's documented corners: black, white, and the primaries' rows of the matrix
        ((0, 0, 0), (16, 128, 128)),
        ((1, 1, 1), (235, 128, 128)),
        ((1, 0, 0), (81.481, 90.203, 240)),
        ((0, 1, 0), (144.553, 53.797, 34.214)),
        ((0, 0, 1), (40.966, 240, 109.786)),
    ],
)
def test_corners_of_the_colour_cube_are_where_bt601_puts_them(rgb, ycbcr):
    assert rgb_to_ycbcr(colour(*rgb)).flatten().mul(255).tolist() == pytest.approx(ycbcr, abs=1e-10)
    assert rgb_to_y(colour(*rgb)).item() * 255 == pytest.approx(ycbcr[0], abs=1e-10)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2))
def test_there_and_back_is_the_same_image(seed, batch_dimensions):
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.rand(*(2,) * batch_dimensions, 3, 5, 4, generator=generator, dtype=torch.float64)
    ycbcr = rgb_to_ycbcr(rgb)
    assert torch.allclose(ycbcr_to_rgb(ycbcr), rgb, atol=1e-13)
    assert torch.allclose(rgb_to_y(rgb), ycbcr[..., :1, :, :], atol=1e-15)
    assert ycbcr.amin() >= 16 / 255 - 1e-12
    assert ycbcr.amax() <= 240 / 255 + 1e-12


def test_float32_stays_float32_and_is_close_to_float64():
    rgb = torch.rand(2, 3, 8, 8)
    assert rgb_to_y(rgb).dtype == torch.float32
    assert torch.allclose(rgb_to_y(rgb).double(), rgb_to_y(rgb.double()), atol=1e-6)


@pytest.mark.parametrize("image", [torch.rand(1, 8, 8), torch.rand(8, 8), torch.zeros(3, 8, 8, dtype=torch.uint8)])
@pytest.mark.parametrize(("convert", "colours"), [(rgb_to_y, "RGB"), (rgb_to_ycbcr, "RGB"), (ycbcr_to_rgb, "YCbCr")])
def test_anything_but_three_floating_channels_is_refused(convert, colours, image):
    with pytest.raises(ShapeError, match=rf"^{colours} must be a floating point tensor \(…, 3, H, W\)"):
        convert(image)
