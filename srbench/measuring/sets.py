"""Scores of a whole set of images: collect their features one by one, and compare the sets at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from srbench.errors import reason_of
from srbench.measuring.metrics.spec import SetMetricSpec


@dataclass(eq=False)
class Features:
    """The features of all sr and all hr that one metric has seen."""

    of: Callable[[Tensor], Tensor]
    """What the metric's `load` returned."""
    sr: list[Tensor] = field(default_factory=list)
    hr: list[Tensor] = field(default_factory=list)

    def add(self, sr: Tensor, hr: Tensor) -> None:
        """Add an image (1, C, H, W) and its truth."""
        pair = [self.of(image).detach().to("cpu", torch.float64).flatten(1) for image in (sr, hr)]
        self.sr.append(pair[0])
        self.hr.append(pair[1])


def set_scores(
    metrics: Sequence[SetMetricSpec], collected: Mapping[str, Features], absent: dict[str, str]
) -> dict[str, float]:
    """Return the scores of the sets, by metric; a metric that has none is put into ``absent`` with the reason.

    Args:
        metrics: The metrics.
        collected: The features of those that could be loaded.
        absent: The reasons of those that could not, or that failed on an image.
    """
    scores: dict[str, float] = {}
    for metric in metrics:
        if metric.name in absent:
            continue
        own = collected[metric.name]
        if not own.sr:
            absent[metric.name] = "there is no image"
            continue
        try:
            value = float(metric.score(torch.cat(own.sr), torch.cat(own.hr)))
        except Exception as error:  # noqa: BLE001 - a metric's own failure is a reason, not a crash
            absent[metric.name] = reason_of(error)
            continue
        if math.isfinite(value):
            scores[metric.name] = value
        else:
            absent[metric.name] = f"the metric gave no number ({value})"
    return scores
