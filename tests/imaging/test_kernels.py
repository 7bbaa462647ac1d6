"""Kernels equal the official ones, sum to one, and are centred by their convention."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

import helpers
from srbench.errors import ShapeError, UsageError
from srbench.imaging import kernels
from srbench.imaging.kernels import cut_to, pad_to, shift

ORACLES = helpers.ORACLES / "degradations"
SIDES = st.integers(3, 25)
WIDTHS = st.floats(0.05, 6)
ANGLES = st.floats(-3.2, 3.2)


def oracle(name):
    return np.load(ORACLES / f"{name}.npz"), json.loads((ORACLES / f"{name}.json").read_text())["calls"]


def ours(call):
    side, theta = call.get("kernel_size") or call.get("ksize") or call.get("hsize"), call.get("theta", 0.0)
    match call["fn"]:
        case "bivariate_Gaussian":
            return kernels.gaussian(side, call["sig_x"], call["sig_y"], theta)
        case "bivariate_generalized_Gaussian":
            return kernels.generalized_gaussian(side, call["sig_x"], call["sig_y"], theta, call["beta"])
        case "bivariate_plateau":
            return kernels.plateau(side, call["sig_x"], call["sig_y"], theta, call["beta"])
        case "circular_lowpass_kernel":
            return pad_to(kernels.sinc(side, call["cutoff"]), call["pad_to"] or side)
        case "anisotropic_Gaussian":
            return kernels.gaussian_of_variances(side, call["l1"], call["l2"], theta)
        case "fspecial('gaussian')":
            return kernels.fspecial(side, call["sigma"])
        case "gen_kernel":
            scale = call["scale_factor"]
            return kernels.gaussian_of_variances(
                call["k_size"], call["lambda_1"], call["lambda_2"], theta, centre="pixel", offset=-(scale - 1) / 2
            )


@pytest.mark.parametrize(("name", "rtol"), [("kernels_basicsr", 1e-10), ("kernels_srmd_bsrgan", 1e-9)])
def test_every_kernel_equals_the_official_one(name, rtol):
    arrays, calls = oracle(name)
    for key, call in calls.items():
        if call["fn"] == "analytic_kernel":  # composes two kernels, which no bundled degradation does
            continue
        np.testing.assert_allclose(ours(call)[0], arrays[key], rtol=rtol, atol=1e-17, err_msg=key)


def test_a_gaussian_is_scipys_normal_density_on_the_grid():
    widths, angle = (2.4, 0.9), 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = np.stack(np.meshgrid(np.arange(15) - 7, np.arange(15) - 7), axis=-1)
    density = multivariate_normal([0, 0], turn @ np.diag(np.square(widths)) @ turn.T).pdf(points)
    np.testing.assert_allclose(kernels.gaussian(15, *widths, angle)[0], density / density.sum(), atol=1e-14)


def test_motion_is_matlabs():
    """The kernel that MATLAB prints for fspecial('motion', 3, 45), and a horizontal line."""
    printed = [[0.0, 0.0754, 0.1883], [0.0754, 0.3215, 0.0754], [0.1883, 0.0754, 0.0]]
    np.testing.assert_allclose(kernels.motion(5, 3, np.pi / 4)[0, 1:-1, 1:-1], printed, atol=5e-5)
    flat = kernels.motion(11, [9, 1], 0.0)
    np.testing.assert_allclose(flat[0, 5, 1:-1], np.full(9, 1 / 9), atol=1e-15)
    assert flat[1, 5, 5] == 1
    assert flat[1].count_nonzero() == 1


@given(SIDES, WIDTHS, WIDTHS, ANGLES, st.sampled_from([0.5, 1.0, 2.5]))
def test_energy_is_one_and_a_kernel_looks_the_same_from_its_other_side(side, first, second, angle, beta):
    for family in (
        kernels.gaussian(side, first, second, angle),
        kernels.fspecial(side, first),
        kernels.generalized_gaussian(side, max(first, 0.5), max(second, 0.5), angle, beta),
        kernels.plateau(side, max(first, 0.5), max(second, 0.5), angle, beta),
        kernels.sinc(side, 1 + first / 3) if side % 2 else kernels.isotropic(side, second),
        kernels.motion(side, 1 + first, angle) if side % 2 else kernels.isotropic(side, second),
    ):
        assert family.dtype == torch.float64
        assert family.shape == (1, side, side)
        assert family.sum().item() == pytest.approx(1, abs=1e-12)
        assert torch.allclose(family, family.flip(-2, -1), atol=1e-12)


@given(SIDES, st.floats(0.3, 1.0))
def test_only_the_pixel_convention_moves_a_kernel_of_even_side_by_half_a_pixel(side, sigma):
    steps = torch.arange(side, dtype=torch.float64)
    place = [(kernels.isotropic(side, sigma, centre=centre)[0].sum(0) * steps).sum() for centre in ("middle", "pixel")]
    assert place[0].item() == pytest.approx((side - 1) / 2, abs=1e-9)
    if side >= 12:  # else the cut tails weigh in
        assert place[1].item() == pytest.approx(side // 2, abs=1e-6)


def test_a_batch_of_widths_gives_the_kernels_of_each():
    widths = torch.tensor([0.2, 1.0, 3.0])
    batch = kernels.gaussian(21, widths, widths * 2, [0.1, 0.2, 0.3])
    for one, width, angle in zip(batch, widths.tolist(), (0.1, 0.2, 0.3), strict=True):
        assert torch.allclose(one, kernels.gaussian(21, width, width * 2, angle)[0], atol=1e-15)


@pytest.mark.parametrize("side", [6, 7])
def test_a_width_of_nothing_is_the_limit_and_not_a_division_by_zero(side):
    peak = kernels.gaussian(side, 0.0, 0.0)[0]
    assert peak.max().item() == (1 if side % 2 else 0.25)
    assert kernels.gaussian(side, 1.0, 0.0)[0].isfinite().all()
    assert kernels.gaussian(side, 0.0, 2.0, 0.3)[0].isfinite().all()


def test_what_has_no_meaning_is_refused():
    for call in (
        lambda: kernels.gaussian(5, -1.0, 1.0),
        lambda: kernels.gaussian(5, float("nan"), 1.0),
        lambda: kernels.gaussian(0, 1.0, 1.0),
        lambda: kernels.motion(4, 1.0, 0.0),
        lambda: kernels.motion(9, 0.5, 0.0),
    ):
        with pytest.raises(UsageError):
            call()


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
    with pytest.raises(ShapeError, match=f"side 21 have no middle of side {side}"):
        cut_to(kernels.isotropic(21, 1.0), side)


@pytest.mark.parametrize("side", [5, 8])
def test_kernels_cannot_be_padded_to_a_smaller_side_or_off_their_middle(side):
    with pytest.raises(ShapeError, match="side 7"):
        pad_to(kernels.isotropic(7, 1.0), side)
