"""LPIPS v0.1, a learned distance (Zhang et al., CVPR 2018): on RGB and, as is usual, with the whole border."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor

import srbench
from srbench.measuring.metrics.lpips import load_lpips


def _load(trunk: Literal["alex", "vgg"], device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    return load_lpips(trunk, srbench.find_lpips_trunk(trunk), device)


def _unavailable(trunk: Literal["alex", "vgg"]) -> str | None:
    try:
        srbench.find_lpips_trunk(trunk)
    except srbench.UnavailableError as error:
        return str(error)
    return None


def _spec(name: str, label: str, trunk: Literal["alex", "vgg"]) -> srbench.MetricSpec:
    return srbench.MetricSpec(
        name=name,
        label=label,
        higher_is_better=False,
        shaved=False,
        load=partial(_load, trunk),
        unavailable=partial(_unavailable, trunk),
    )


@srbench.hookimpl
def register_metrics() -> list[srbench.MetricSpec]:
    """With the trunk its authors recommend for measuring, and with VGG-16."""
    return [_spec("lpips", "LPIPS", "alex"), _spec("lpips_vgg", "LPIPS (VGG)", "vgg")]
