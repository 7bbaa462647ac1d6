"""PSNR against skimage and the authors of RCAN."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from srbench.errors import ShapeError, UsageError
from srbench.measuring.metrics.psnr import psnr


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 255, 219.5]))
def test_each_image_scores_what_skimage_gives_it(count, channels, height, width, data_range):
    generator = torch.Generator().manual_seed(count)
    hr = torch.rand(count, channels, height, width, generator=generator, dtype=torch.float64) * data_range
    sr = hr + torch.rand(hr.shape, generator=generator, dtype=torch.float64)
    expected = [
        peak_signal_noise_ratio(b.numpy(), a.numpy(), data_range=data_range) for a, b in zip(sr, hr, strict=True)
    ]
    got = psnr(sr, hr, data_range=data_range)
    assert got.dtype == torch.float64
    assert got.tolist() == pytest.approx(expected, abs=1e-10)


def test_equal_images_score_infinity_and_one_level_off_48_decibels():
    image = torch.randint(0, 255, (2, 3, 8, 8), dtype=torch.uint8)
    assert psnr(image, image, data_range=255).tolist() == [math.inf, math.inf]
    assert psnr(image + 1, image, data_range=255).tolist() == pytest.approx([20 * math.log10(255)] * 2)


def test_nothing_is_broadcast_or_guessed():
    hr = torch.rand(2, 3, 8, 8)
    for sr in (hr[:1], hr[:, :1], hr[..., :1], hr[0]):
        with pytest.raises(ShapeError, match="make them equal"):
            psnr(sr, hr, data_range=1)
    with pytest.raises(ShapeError, match=r"\(N, C, H, W\)"):
        psnr(hr[0], hr[0], data_range=1)
    with pytest.raises(ShapeError, match="not empty"):
        psnr(hr[:0], hr[:0], data_range=1)
    with pytest.raises(TypeError):
        psnr(hr, hr)
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(UsageError, match="white minus black"):
            psnr(hr, hr, data_range=wrong)


def test_it_does_not_depend_on_the_other_images_of_a_batch():
    sr, hr = torch.rand(2, 3, 1, 9, 9)
    together = psnr(sr, hr, data_range=1)
    alone = [psnr(sr[i : i + 1], hr[i : i + 1], data_range=1).item() for i in range(3)]
    assert np.allclose(together.numpy(), alone, rtol=0, atol=1e-12)
