"""Resizes equal PyTorch's and OpenCV's, and keep the image where it was."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.errors import ShapeError, UsageError
from srbench.imaging import interpolation as resizing

SIDES = st.integers(2, 40)
FLAGS = {"bilinear": "INTER_LINEAR", "bicubic": "INTER_CUBIC", "area": "INTER_AREA"}


def noise(*shape, dtype=torch.float64, seed=0):
    return torch.rand(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=120)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(sorted(FLAGS)))
def test_any_size_to_any_size_equals_opencv(height, width, new_height, new_width, mode):
    cv2 = pytest.importorskip("cv2")
    images = noise(1, 3, height, width, dtype=torch.float32)
    pixels = np.ascontiguousarray(images[0].permute(1, 2, 0).numpy())
    expected = cv2.resize(pixels, (new_width, new_height), interpolation=getattr(cv2, FLAGS[mode]))
    for dtype in (torch.float32, torch.float64):
        result = resizing.opencv(images.to(dtype), mode, (new_height, new_width))[0].permute(1, 2, 0)
        assert result.dtype == dtype
        # OpenCV places pixels in float32
        np.testing.assert_allclose(result.numpy(), expected, atol=2e-5)


def test_edges_that_meet_fall_as_in_opencv():
    cv2 = pytest.importorskip("cv2")
    for old, new in ((14, 58), (21, 87), (22, 18), (22, 50), (28, 36)):
        images = noise(1, 3, 5, old, dtype=torch.float32)
        pixels = np.ascontiguousarray(images[0].permute(1, 2, 0).numpy())
        expected = cv2.resize(pixels, (new, 7), interpolation=cv2.INTER_AREA)
        result = resizing.opencv(images, "area", (7, new))[0].permute(1, 2, 0)
        np.testing.assert_allclose(result.numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("name", ["bsrgan_trace_x4", "bsrgan_trace_x2", "bsrgan_plus_trace_x4"])
def test_the_resizes_of_bsrgan_equal_the_official_ones(name, shared):
    """Only resizes whose input and output a trace has; the other steps are tested with the chain."""
    trace = np.load(shared(f"oracles/degradations/{name}.npz"))
    pairs = {
        "bsrgan_trace_x4": [("hq", "t01_resize", "bilinear"), ("t06_convolved", "t07_resize", "bicubic")],
        "bsrgan_trace_x2": [("hq", "t01_resize", "area"), ("t02_add_Gaussian_noise", "t03_resize", "bicubic")],
        "bsrgan_plus_trace_x4": [("t01_sharpened", "t02_resize", "bicubic"), ("t06_convolved", "t07_resize", "area")],
    }
    for before, after, mode in pairs[name]:
        images = torch.from_numpy(trace[before]).permute(2, 0, 1)[None]
        expected = torch.from_numpy(trace[after]).permute(2, 0, 1)[None]
        torch.testing.assert_close(resizing.opencv(images, mode, expected.shape[-2:]), expected, atol=5e-6, rtol=0)


def test_a_factor_and_the_size_that_it_leads_to_look_at_different_places():
    ramp = torch.arange(10, dtype=torch.float64).expand(1, 1, 10, 10)
    by_factor, by_size = (
        resizing.interpolate(ramp, "bilinear", **how)[0, 0, 0] for how in ({"factor": 0.43}, {"size": (4, 4)})
    )
    assert by_factor.tolist() == pytest.approx([0.66, 2.99, 5.31, 7.64], abs=5e-3)
    assert by_size.tolist() == pytest.approx([0.75, 3.25, 5.75, 8.25], abs=5e-3)


@given(SIDES, st.integers(2, 80), st.sampled_from(["bilinear", "bicubic", "area"]))
def test_a_ramp_stays_where_it_was(side, new, mode):
    """No half-pixel shift: a resized ramp and its mirror image have the ramp's mean between them."""
    ramp = torch.arange(side, dtype=torch.float64).expand(1, 1, 4, side)
    for resized in (resizing.opencv(ramp, mode, (4, new)), resizing.interpolate(ramp, mode, size=(4, new))):
        assert resized.shape == (1, 1, 4, new)
        off = ((resized + resized.flip(-1)) / 2 - (side - 1) / 2).abs()
        # beyond the cut parts of pixels that OpenCV leaves out
        away = off > 2e-3 * side
        if mode == "area" and new > side:
            # OpenCV's own slip: where an edge of the input meets one of the output, rounding may pick the next pixel
            meets = (torch.arange(new) * side % new == 0) | (torch.arange(1, new + 1) * side % new == 0)
            away &= ~(meets & (off <= 0.5 + 1e-9))
        assert not away.any()


@given(SIDES, SIDES, st.sampled_from(resizing.MODES))
def test_a_flat_image_stays_flat(side, new, mode):
    flat = torch.full((2, 3, side, side), 0.7, dtype=torch.float64)
    for resized in (resizing.opencv(flat, mode, (new, new)), resizing.interpolate(flat, mode, size=(new, new))):
        assert torch.allclose(resized, torch.full_like(resized, 0.7), atol=2e-3)


@pytest.mark.parametrize("mode", resizing.MODES)
@pytest.mark.parametrize("resize", [resizing.interpolate, resizing.opencv])
def test_neighbours_do_not_change_a_byte(resize, mode, torch_threads):
    torch_threads(1)
    images = noise(7, 3, 40, 31, dtype=torch.float32)
    alone = torch.cat([resize(image[None], mode, size=(27, 40)) for image in images])
    assert torch.equal(resize(images, mode, size=(27, 40)), alone)


def test_what_has_no_meaning_is_refused():
    images = noise(1, 3, 8, 8)
    for call in (
        lambda: resizing.interpolate(images, "bilinear"),
        lambda: resizing.interpolate(images, "bilinear", size=(4, 4), factor=0.5),
        lambda: resizing.opencv(images, "lanczos", (4, 4)),
    ):
        with pytest.raises(UsageError):
            call()
    for call in (
        lambda: resizing.interpolate(images, "bilinear", factor=0.1),
        lambda: resizing.opencv(images, "area", (0, 4)),
    ):
        with pytest.raises(ShapeError):
            call()
