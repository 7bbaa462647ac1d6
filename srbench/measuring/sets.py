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
    """The features of all hr, and of all sr in each sample of them, that one metric has seen."""

    of: Callable[[Tensor], Tensor]
    """What the metric's `load` returned."""
    sr: dict[int, list[Tensor]] = field(default_factory=dict)
    """By number of the sample."""
    hr: list[Tensor] = field(default_factory=list)

    def add(self, sr: Tensor, hr: Tensor, sample: int = 0) -> None:
        """Add a sample of an image (1, C, H, W), with its truth, which the first sample brings for all."""
        self.sr.setdefault(sample, []).append(self._of(sr))
        if sample == 0:
            self.hr.append(self._of(hr))

    def _of(self, image: Tensor) -> Tensor:
        return self.of(image).detach().to("cpu", torch.float64).flatten(1)


def set_scores(
    metrics: Sequence[SetMetricSpec], collected: Mapping[str, Features], absent: dict[str, str]
) -> dict[str, tuple[float, ...]]:
    """Return the score of each sample of the sets, by metric; one that has none is put into ``absent`` with the reason.

    Args:
        metrics: The metrics.
        collected: The features of those that could be loaded.
        absent: The reasons of those that could not, or that failed on an image.
    """
    scores: dict[str, tuple[float, ...]] = {}
    for metric in metrics:
        if metric.name in absent:
            continue
        own = collected[metric.name]
        if not own.sr:
            absent[metric.name] = "there is no image"
            continue
        try:
            hr = torch.cat(own.hr)
            values = tuple(float(metric.score(torch.cat(sr), hr)) for sr in own.sr.values())
        except Exception as error:  # noqa: BLE001 - a metric's own failure is a reason, not a crash
            absent[metric.name] = reason_of(error)
            continue
        strange = [value for value in values if not math.isfinite(value)]
        if strange:
            absent[metric.name] = f"the metric gave no number ({strange[0]})"
        else:
            scores[metric.name] = values
    return scores
