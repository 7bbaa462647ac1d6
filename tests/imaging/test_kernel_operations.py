"""Kernels are moved as the official ones, and padded and cut around their middle."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import helpers
from srbench.errors import ShapeError
from srbench.imaging import kernels
from srbench.imaging.kernel_operations import cut_to, pad_to, shift

ORACLES = helpers.ORACLES / "degradations"


def test_shifted_kernels_and_images_equal_the_official_ones():
    arrays = np.load(ORACLES / "shift_pixel.npz")
    for scale in (2, 3, 4):
        for given_, shifted in ((f"k_sf{scale}", f"k_sf{scale}_shift"), ("img", f"img_sf{scale}_ul")):
            result = shift(torch.from_numpy(arrays[given_])[None], scale)[0]
            np.testing.assert_allclose(result, arrays[shifted], atol=1e-9, err_msg=shifted)


@given(st.integers(2, 4), st.floats(0.4, 1.5))
def test_a_shift_moves_the_centroid_by_half_of_what_sub_sampling_leaves_out(scale, sigma):
    steps = torch.arange(25, dtype=torch.float64)
    moved = shift(kernels.fspecial(25, sigma), scale)[0]
    for axis in (0, 1):
        assert (moved.sum(axis) * steps).sum().item() == pytest.approx(12 - (scale - 1) / 2, abs=1e-6)


@pytest.mark.parametrize("side", [7, 13, 21])
def test_the_middle_of_a_kernel_is_the_kernel_of_a_smaller_side(side):
    wide = kernels.plateau(21, [2.0, 0.4], [1.0, 2.5], [0.3, 2.0], [1.5, 0.7])
    small = kernels.plateau(side, [2.0, 0.4], [1.0, 2.5], [0.3, 2.0], [1.5, 0.7])
    torch.testing.assert_close(cut_to(wide, side), small, rtol=1e-14, atol=0)
    torch.testing.assert_close(cut_to(wide[1], side), small[1], rtol=1e-14, atol=0)


@pytest.mark.parametrize("side", [8, 23])
def test_a_side_that_does_not_fit_is_refused(side):
    with pytest.raises(ShapeError, match=f"no middle of side {side} in kernels of side 21"):
        cut_to(kernels.isotropic(21, 1.0), side)


@pytest.mark.parametrize("side", [5, 8])
def test_kernels_cannot_be_padded_to_a_smaller_side_or_off_their_middle(side):
    with pytest.raises(ShapeError, match="side 7"):
        pad_to(kernels.isotropic(7, 1.0), side)
