"""PSNR and SSIM, on luma and on RGB: the columns of every SR paper."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import srbench
from srbench.measuring.metrics.psnr_ssim import psnr, ssim


def _load(metric: Callable[..., Tensor], device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:  # noqa: ARG001
    return partial(metric, data_range=1.0)


@srbench.hookimpl
def register_metrics() -> list[srbench.MetricSpec]:
    """Provide both on luma and on RGB; the protocol decides what counts as luma."""
    return [
        srbench.MetricSpec(
            name="psnr_y", label="PSNR-Y", unit="dB", channels="y", decimals=2, load=partial(_load, psnr)
        ),
        srbench.MetricSpec(name="ssim_y", label="SSIM-Y", channels="y", load=partial(_load, ssim)),
        srbench.MetricSpec(name="psnr_rgb", label="PSNR-RGB", unit="dB", decimals=2, load=partial(_load, psnr)),
        srbench.MetricSpec(name="ssim_rgb", label="SSIM-RGB", load=partial(_load, ssim)),
    ]
