"""PSNR and SSIM against skimage, SSIM with MATLAB's settings."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srbench.errors import ShapeError, UsageError
from srbench.measuring.metrics.psnr_ssim import psnr, ssim


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 255, 219.5]))
def test_psnr_of_each_image_is_that_of_skimage(count, channels, height, width, data_range):
    generator = torch.Generator().manual_seed(count)
    hr = torch.rand(count, channels, height, width, generator=generator, dtype=torch.float64) * data_range
    sr = hr + torch.rand(hr.shape, generator=generator, dtype=torch.float64)
    expected = [
        peak_signal_noise_ratio(b.numpy(), a.numpy(), data_range=data_range) for a, b in zip(sr, hr, strict=True)
    ]
    got = psnr(sr, hr, data_range=data_range)
    assert got.dtype == torch.float64
    assert got.tolist() == pytest.approx(expected, abs=1e-10)


def test_psnr_of_equal_images_is_infinite_and_one_level_off_48_decibels():
    image = torch.randint(0, 255, (2, 3, 8, 8), dtype=torch.uint8)
    assert psnr(image, image, data_range=255).tolist() == [math.inf, math.inf]
    assert psnr(image + 1, image, data_range=255).tolist() == pytest.approx([20 * math.log10(255)] * 2)


def test_nothing_is_broadcast_or_guessed():
    hr = torch.rand(2, 3, 8, 8)
    for sr in (hr[:1], hr[:, :1], hr[..., :1], hr[0]):
        with pytest.raises(ShapeError, match=r"^PSNR was given sr of shape .*; make them equal\.$"):
            psnr(sr, hr, data_range=1)
    with pytest.raises(ShapeError, match=r"\(N, C, H, W\)"):
        psnr(hr[0], hr[0], data_range=1)
    with pytest.raises(ShapeError, match="not empty"):
        psnr(hr[:0], hr[:0], data_range=1)
    with pytest.raises(ShapeError, match=r"^PSNR was given sr on meta and hr on cpu; put both on one device\.$"):
        psnr(hr.to("meta"), hr, data_range=1)
    with pytest.raises(TypeError):
        psnr(hr, hr)
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(UsageError, match=f"^PSNR was given data_range {wrong}; give white minus black"):
            psnr(hr, hr, data_range=wrong)


def test_psnr_does_not_depend_on_the_other_images_of_a_batch():
    sr, hr = torch.rand(2, 3, 1, 9, 9)
    together = psnr(sr, hr, data_range=1)
    alone = [psnr(sr[i : i + 1], hr[i : i + 1], data_range=1).item() for i in range(3)]
    assert np.allclose(together.numpy(), alone, rtol=0, atol=1e-12)


def by_skimage(sr, hr, data_range):
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 0}
    return [
        structural_similarity(a.double().numpy(), b.double().numpy(), data_range=data_range, **options)
        for a, b in zip(sr, hr, strict=True)
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 2), st.sampled_from([1, 3]), st.integers(11, 150), st.integers(11, 60), st.integers(0, 2**31))
def test_ssim_of_each_image_is_that_of_skimage(count, channels, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    hr = torch.rand(count, channels, height, width, generator=generator, dtype=torch.float64) * 255
    sr = (hr + 40 * torch.randn(hr.shape, generator=generator, dtype=torch.float64)).clamp(0, 255)
    assert ssim(sr, hr, data_range=255).tolist() == pytest.approx(by_skimage(sr, hr, 255), abs=1e-11)


def test_ssim_of_flat_images_keeps_all_digits():
    hr = torch.full((1, 1, 30, 30), 0.9, dtype=torch.float64)
    sr = hr + 1 / 255
    assert ssim(sr, hr, data_range=1).tolist() == pytest.approx(by_skimage(sr, hr, 1), abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(11, 90), st.integers(11, 40), st.sampled_from([torch.uint8, torch.float32, torch.float64]))
def test_ssim_of_equal_images_is_exactly_one(height, width, dtype):
    image = (torch.rand(2, 3, height, width) * 255).to(dtype)
    assert ssim(image, image, data_range=255).tolist() == [1.0, 1.0]


def test_ssim_is_symmetric_and_independent_of_range_and_batch():
    sr, hr = torch.rand(2, 3, 3, 70, 40, dtype=torch.float64)
    scores = ssim(sr, hr, data_range=1)
    assert torch.allclose(scores, ssim(hr, sr, data_range=1), rtol=0, atol=1e-14)  # kernels round columns differently
    assert torch.allclose(scores, ssim(sr * 255, hr * 255, data_range=255), atol=1e-12)
    alone = torch.cat([ssim(sr[i : i + 1], hr[i : i + 1], data_range=1) for i in range(3)])
    assert torch.equal(scores, alone)


def test_ssim_can_be_trained_on():
    sr = torch.rand(1, 1, 12, 11, dtype=torch.float64, requires_grad=True)
    hr = torch.rand(1, 1, 12, 11, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: ssim(x, hr, data_range=1), sr)


def test_ssim_refuses_images_smaller_than_its_window():
    with pytest.raises(ShapeError, match="at least 11×11 pixels, not 10×40"):
        ssim(torch.rand(1, 1, 10, 40), torch.rand(1, 1, 10, 40), data_range=1)
    with pytest.raises(ShapeError, match=r"^SSIM was given sr of shape .*; make them equal\.$"):
        ssim(torch.rand(1, 1, 20, 40), torch.rand(1, 3, 20, 40), data_range=1)
    with pytest.raises(UsageError, match=r"^SSIM was given data_range 0; give white minus black"):
        ssim(torch.rand(1, 1, 20, 40), torch.rand(1, 1, 20, 40), data_range=0)
