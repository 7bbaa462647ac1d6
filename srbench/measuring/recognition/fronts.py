"""Score the images that a recogniser is fed against HR, image by image, by metrics of super-resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from statistics import fmean

import torch
from torch import Tensor

from srbench.measuring.metrics.spec import ScoreSpec
from srbench.measuring.protocol import Protocol
from srbench.measuring.recognition.answers import Result
from srbench.measuring.recognition.spec import FrontMetricSpec
from srbench.measuring.scoring import Scorer
from srbench.scales import Scale

FED = Protocol(
    name="fed", headline="psnr_y", sr_rounding="none", shave_scales=0,
    about="Whole images as a recogniser is fed them, not rounded.",
)  # fmt: skip


class FrontScorer:
    """Scores of all images that one recogniser is fed."""

    def __init__(self, metrics: Sequence[ScoreSpec], scale: Scale, device: torch.device) -> None:
        """Take those of the metrics that are `FrontMetricSpec`.

        Args:
            metrics: The metrics of a cell.
            scale: Ratio of HR to LR sides.
            device: Where metrics that are networks compute.
        """
        self._metrics = [metric for metric in metrics if isinstance(metric, FrontMetricSpec)]
        self._scale, self._device = scale, device
        self._values: dict[str, dict[str, float]] = {metric.name: {} for metric in self._metrics}
        self._reason = ""

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer([metric.compares for metric in self._metrics], FED, self._scale, self._device)

    def score(self, name: str, fed: Tensor, hr: Tensor) -> None:
        """Score one image by every metric.

        Args:
            name: Of the image.
            fed: What the recogniser is fed, (1, C, h, w) in [0, 1].
            hr: (1, 3, H, W) in [0, 1]; cropped at the bottom and right if h and w are its sides as far as they divide
                by the scale.
        """
        if not self._metrics or self._reason:
            return
        (height, width), (tall, wide) = fed.shape[-2:], hr.shape[-2:]
        if self._scale == 1:
            self._reason = "the recogniser is fed hr itself"
        elif not (0 <= tall - height < self._scale and 0 <= wide - width < self._scale):
            self._reason = f"the recogniser is fed images of {height}×{width} pixels, and hr has {tall}×{wide}"
        else:
            scores = self._scorer.score(fed, hr[..., :height, :width].to(fed.device), name)
            for metric in self._metrics:
                value = scores[metric.compares.name]
                if value is not None:
                    self._values[metric.name][name] = value

    def result(self, metric: FrontMetricSpec) -> tuple[Result, str | None]:
        """Return the mean of a metric, or no number and the reason why."""
        values = self._values[metric.name]
        reason = self._reason or self._scorer.absent.get(metric.compares.name)
        if not reason and (equal := [name for name, value in values.items() if math.isinf(value)]):
            reason = f"infinite on {equal[0]}: what is fed equals hr there"
        return (Result(math.nan, {}), reason) if reason else (Result(fmean(values.values()), values), None)
