"""LR-consistency: the PSNR of sr, reduced by bicubic interpolation, against lr (Lugmayr et al., NTIRE 2021).

A network that invents details which its input excludes is caught by it without hr. Where lr is not made by bicubic
reduction, the score says how far it is from that.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

import srbench
from srbench.imaging.resize import imresize
from srbench.measuring.metrics.psnr_ssim import psnr


def lr_psnr(sr: Tensor, hr: Tensor, lr: Tensor) -> Tensor:  # noqa: ARG001
    """Return the PSNR of reduced sr against lr, (N,) in dB; reduced sr is not rounded.

    Args:
        sr: (N, 3, H, W) in [0, 1].
        hr: Not looked at.
        lr: (N, 3, h, w) in [0, 1].
    """
    return psnr(imresize(sr, size=(lr.shape[-2], lr.shape[-1])), lr.to(sr), data_range=1.0)


def load(device: torch.device) -> Callable[[Tensor, Tensor, Tensor], Tensor]:  # noqa: ARG001
    """Return the metric, which has no weights."""
    return lr_psnr


@srbench.hookimpl
def register_metrics() -> list[srbench.MetricSpec]:
    """Provide it on whole RGB images."""
    return [
        srbench.MetricSpec(
            name="lr_psnr", label="LR-PSNR (bicubic)", unit="dB", decimals=2, needs_hr=False, needs_lr=True,
            shaved=False, load=load,
        )
    ]  # fmt: skip
