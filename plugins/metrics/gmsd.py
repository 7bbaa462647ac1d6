"""GMSD, the deviation of gradient similarity, by the authors' MATLAB code on grey of 8 bits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

import srbench
from srbench.measuring.metrics.gradients import gmsd


def load(device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:  # noqa: ARG001
    """Return the metric, which has no weights."""
    return gmsd


@srbench.hookimpl
def register_metrics() -> list[srbench.MetricSpec]:
    """Provide it on whole images, as its authors measure."""
    return [srbench.MetricSpec(name="gmsd", label="GMSD (grey)", higher_is_better=False, shaved=False, load=load)]
