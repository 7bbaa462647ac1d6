"""LR-PSNR: what lr was made from is consistent up to the rounding of lr."""

import math

import pytest
import torch
from srbench_plugins.metrics.consistency import lr_psnr

from srbench.imaging.resize import imresize
from srbench.testing.contract import photograph


def test_hr_is_consistent_up_to_the_rounding_of_lr():
    hr = photograph(1, 3, 32, 32).double()
    exact = imresize(hr, scale=0.5)
    assert lr_psnr(hr, hr, exact).item() == math.inf
    rounded = (exact * 255).round() / 255
    assert lr_psnr(hr, hr, rounded).item() == pytest.approx(10 * math.log10(12 * 255**2), abs=0.3)  # uniform error


def test_an_offset_has_its_psnr():
    hr = photograph(2, 3, 24, 36).double() * 0.8
    lr = imresize(hr, scale=(1 / 2, 1 / 3))
    assert lr_psnr(hr + 0.1, hr, lr).tolist() == pytest.approx([20, 20])


def test_hr_is_not_looked_at():
    sr, lr = torch.rand(1, 3, 16, 16).double(), torch.rand(1, 3, 8, 8).double()
    assert lr_psnr(sr, sr, lr).equal(lr_psnr(sr, torch.zeros_like(sr), lr))
