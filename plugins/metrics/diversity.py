"""How much samples of one image differ: pixel deviation, and LPIPS of all pairs; empty for models with one sample."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from srbench_plugins.metrics import lpips
from torch import Tensor

import srbench
from srbench.measuring.metrics.diversity import pairwise, pixel_deviation


def load_deviation(device: torch.device) -> Callable[[Tensor], Tensor]:  # noqa: ARG001
    """Return the pixel deviation."""
    return pixel_deviation


def load_lpips(device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return the mean LPIPS of pairs, with weights from this machine.

    Raises:
        UnavailableError: The package or the trunk's weights are missing.
    """
    return partial(pairwise, distance=lpips.load("alex", device))


def _no_weights() -> str | None:
    try:
        srbench.find_lpips_trunk("alex")
    except srbench.UnavailableError as error:
        return str(error)
    return None


@srbench.hookimpl
def register_metrics() -> list[srbench.SampleMetricSpec]:
    """Provide both on whole RGB images."""
    return [
        srbench.SampleMetricSpec(
            name="sample_sd", label="Sample SD", shaved=False, load=load_deviation
        ),
        srbench.SampleMetricSpec(
            name="sample_lpips", label="Sample LPIPS", shaved=False, load=load_lpips,
            unavailable=_no_weights,
        ),
    ]  # fmt: skip
