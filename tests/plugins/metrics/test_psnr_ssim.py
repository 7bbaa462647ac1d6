"""The columns of the bundled metrics, and what PSNR and SSIM are given."""

import pytest
import torch
from srbench_plugins.metrics import lpips, psnr_ssim

from srbench.measuring.metrics.psnr_ssim import psnr, ssim
from srbench.testing import photograph

CPU = torch.device("cpu")


def test_the_columns_say_their_units():
    specs = [*psnr_ssim.register_metrics(), *lpips.register_metrics()]
    assert [spec.column for spec in specs] == ["psnr_y_db", "ssim_y", "psnr_rgb_db", "ssim_rgb", "lpips", "lpips_vgg"]
    assert [spec.channels for spec in specs] == ["y", "y", "rgb", "rgb", "rgb", "rgb"]
    assert [spec.shaved for spec in specs] == [True] * 4 + [False] * 2
    assert [spec.higher_is_better for spec in specs] == [True] * 4 + [False] * 2


def test_they_take_images_in_0_to_1():
    hr = photograph(2, 3, 32, 32).double()
    sr = (hr + 0.1).clamp(0, 1)
    metrics = {spec.name: spec.load(CPU) for spec in psnr_ssim.register_metrics()}
    assert torch.equal(metrics["psnr_rgb"](sr, hr), psnr(sr, hr, data_range=1.0))
    assert torch.equal(metrics["ssim_rgb"](sr, hr), ssim(sr, hr, data_range=1.0))
    assert metrics["psnr_y"](hr[:, :1] * 0, hr[:, :1] * 0 + 0.1).tolist() == pytest.approx([20.0, 20.0])
