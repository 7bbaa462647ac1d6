"""Metrics as pure functions of sr and hr, one number per image.

Which channels, what rounding and how much border: that is the protocol's business, done before a metric is called.
"""

from srbench.metrics.lpips import load_lpips
from srbench.metrics.psnr import psnr
from srbench.metrics.pyiqa_metric import PyiqaMetric, load_pyiqa
from srbench.metrics.ssim import ssim

__all__ = ["PyiqaMetric", "load_lpips", "load_pyiqa", "psnr", "ssim"]
