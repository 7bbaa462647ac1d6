"""How well a network's map of its uncertainty knows its errors; the columns are empty for networks without a map.

All three compare the absolute errors of red, green and blue with the map, and define their borders and rounding by the
protocol, as PSNR on RGB does. `error_correlation` and `ause` need no more than an order. `ence` needs deviations in the
units of the image, and judges their size too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import srbench
from srbench.measuring.metrics.calibration import (
    normalised_calibration_error,
    rank_correlation,
    sparsification_error,
)

OfOne = Callable[[Tensor, Tensor], Tensor]
"""Takes absolute errors (n,) and the map (n,) of one image, and returns one number."""


def _of_each(score: OfOne, sr: Tensor, hr: Tensor, uncertainty: Tensor) -> Tensor:
    pairs = zip((sr - hr).abs().flatten(1), uncertainty.flatten(1), strict=True)
    return torch.stack([score(errors, spread) for errors, spread in pairs])


def _load(score: OfOne, device: torch.device) -> Callable[[Tensor, Tensor, Tensor], Tensor]:  # noqa: ARG001
    return partial(_of_each, score)


@srbench.hookimpl
def register_metrics() -> list[srbench.MetricSpec]:
    """Provide rank correlation, the area of the sparsification error, and the normalised calibration error."""
    return [
        srbench.MetricSpec(
            name="error_correlation",
            label="map-error ρ",
            load=partial(_load, rank_correlation),
            needs_uncertainty="order",
        ),
        srbench.MetricSpec(
            name="ause",
            label="AUSE",
            higher_is_better=False,
            load=partial(_load, sparsification_error),
            needs_uncertainty="order",
        ),
        srbench.MetricSpec(
            name="ence",
            label="ENCE",
            higher_is_better=False,
            load=partial(_load, normalised_calibration_error),
            needs_uncertainty="deviation",
        ),
    ]
