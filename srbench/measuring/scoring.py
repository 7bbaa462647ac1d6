"""Score images under a protocol: round, take luma and shave; metrics do the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from srbench.errors import ShapeError, reason_of
from srbench.imaging.borders import shave
from srbench.imaging.colour import rgb_to_y
from srbench.measuring.metrics.spec import MetricSpec, SampleMetricSpec, SetMetricSpec, SrScoreSpec
from srbench.measuring.protocol import Protocol
from srbench.measuring.sets import Features, set_scores
from srbench.scales import Scale

Maps: TypeAlias = Literal["", "order", "deviation"]
"""What maps of uncertainty are: none, an order, or standard deviations; see `MetricSpec.needs_uncertainty`."""
NO_MAPS = "the network returns no uncertainty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What some metrics need beside sr and hr."""

    uncertainty: Tensor | None = None
    """As sr: what the network says of it."""
    lr: Tensor | None = None
    """(1, C, h, w), what the network was given."""
    samples: Sequence[Tensor] = ()
    """Further sr of the same image, as sr."""
    number: int = 0
    """Number of the sample that sr is, from 0; scores of samples are taken with the first."""


NOTHING = Beside()


@dataclass(eq=False)
class Scorer:
    """Scores images under one protocol at one scale, on their device.

    Metrics that cannot be loaded or computed are in ``absent`` with the reason; the others are computed.
    """

    metrics: Sequence[SrScoreSpec]
    protocol: Protocol
    scale: Scale
    device: torch.device
    maps: Maps = ""
    """What the maps of uncertainty are that `score` gets."""
    without_maps: str = NO_MAPS
    """Why there are none."""
    absent: dict[str, str] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    """The sha256 of the weights of metrics that have some."""
    _loaded: dict[str, Callable[..., Tensor]] = field(default_factory=dict)
    _features: dict[str, Features] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for metric in self.metrics:
            if reason := self._unfit(metric):
                self.absent[metric.name] = reason
                continue
            try:
                loaded = metric.load(self.device)
            except Exception as error:  # noqa: BLE001 - a metric's own failure is a reason, not a crash
                self.absent[metric.name] = reason_of(error)
                continue
            self._loaded[metric.name] = loaded
            if digest := getattr(loaded, "weights_sha256", ""):
                self.weights[metric.name] = digest
            if isinstance(metric, SetMetricSpec):
                self._features[metric.name] = Features(loaded)

    def _unfit(self, metric: SrScoreSpec) -> str:
        """Return why a metric has no score here, which is known before any image is."""
        if self.protocol.luma_first and metric.channels != "y":
            return f"the protocol {self.protocol.name} measures luma alone"
        if not isinstance(metric, MetricSpec) or not metric.needs_uncertainty:
            return ""
        if not self.maps:
            return self.without_maps
        if metric.needs_uncertainty == "deviation" and self.maps == "order":
            return "the network's map only orders values by uncertainty, in no unit"
        return ""

    @torch.inference_mode()
    def score(
        self, sr: Tensor, hr: Tensor | None, image: str = "", beside: Beside = NOTHING
    ) -> Mapping[str, float | None]:
        """Score one image.

        Args:
            sr: (1, C, H, W), C 1 or 3, nominally in [0, 1]; clamped and rounded here as the protocol says.
            hr: (1, C, H, W) in [0, 1], C 3, or 1 for a greyscale image. For that a protocol that keeps grey compares
                one channel, the mean of sr's; others compare both as RGB. Without hr, metrics that need it are absent.
            image: The image's name, for the reason of a metric that cannot be computed.
            beside: What some metrics need beside them.

        Returns:
            Metric name to value, which may be infinite; None if the metric could not be computed, and for scores of the
            set, which `set_scores` returns. Without scores of samples if sr is not the first.

        Raises:
            ShapeError: The two have different sizes.
        """
        metrics = [m for m in self.metrics if not (beside.number and isinstance(m, SampleMetricSpec))]
        for metric in metrics:
            if (reason := _lacking(metric, hr, beside)) and metric.name in self._loaded:
                del self._loaded[metric.name]
                self.absent[metric.name] = reason
        hr = sr if hr is None else hr  # for metrics that ignore it
        grey = self.protocol.keep_grey and hr.shape[1] == 1
        sr, truth = self._compared(sr, hr)
        views = {shaved: self._views(sr, truth, shaved=shaved) for shaved in {m.shaved for m in metrics}}
        scores: dict[str, float | None] = {}
        for metric in metrics:
            scores[metric.name] = None
            if metric.name in self._loaded:
                try:
                    value = self._value(metric, views[metric.shaved][metric.channels], hr, beside, grey=grey)
                except Exception as error:  # noqa: BLE001 - see above
                    self._miss(metric, image, reason_of(error))
                else:
                    if value is not None and math.isnan(value):
                        self._miss(metric, image, "the metric gave no number (NaN)")
                    else:
                        scores[metric.name] = value
        return scores

    def set_scores(self) -> dict[str, float]:
        """Return the scores of all images that were scored, by metric; those without one are in `absent`.

        If there were several samples of each image, it is the mean over the samples; see `set_scores_of_samples`.
        """
        return {name: fmean(values) for name, values in self.set_scores_of_samples().items()}

    def set_scores_of_samples(self) -> dict[str, tuple[float, ...]]:
        """Return the score of each sample of all images, by metric, as `set_scores` does of their mean."""
        metrics = [metric for metric in self.metrics if isinstance(metric, SetMetricSpec)]
        return set_scores(metrics, self._features, self.absent)

    def _value(
        self, metric: SrScoreSpec, images: tuple[Tensor, Tensor], hr: Tensor, beside: Beside, *, grey: bool
    ) -> float | None:
        """Return the score of an image; None for a metric of the set, which takes its features."""
        loaded = self._loaded[metric.name]
        if isinstance(metric, SetMetricSpec):
            self._features[metric.name].add(*images, sample=beside.number)
            return None
        if isinstance(metric, SampleMetricSpec):
            others = [self._views(*self._compared(own, hr), shaved=metric.shaved) for own in beside.samples]
            return loaded(torch.cat([images[0], *(own[metric.channels][0] for own in others)])).item()
        further: tuple[Tensor, ...] = ()
        if isinstance(metric, MetricSpec) and metric.needs_uncertainty:
            further = (self._spread(beside.uncertainty, metric, grey=grey),)
        elif isinstance(metric, MetricSpec) and metric.needs_lr and beside.lr is not None:
            further = (self._given(beside.lr, metric, grey=grey),)
        return loaded(*images, *further).item()

    def _given(self, lr: Tensor, metric: SrScoreSpec, *, grey: bool) -> Tensor:
        """Return lr in the channels of a metric."""
        lr = lr.double().mean(dim=1, keepdim=True) if grey else lr.double().expand(-1, 3, -1, -1)
        return self._luma(lr) if metric.channels == "y" else lr.expand(-1, 3, -1, -1)

    def _miss(self, metric: SrScoreSpec, image: str, reason: str) -> None:
        self.absent.setdefault(metric.name, f"{image}: {reason}" if image else reason)

    def _compared(self, sr: Tensor, hr: Tensor) -> tuple[Tensor, Tensor]:
        """Return both with one channel, if hr is grey and the protocol keeps grey, or both with three."""
        if sr.shape[-2:] != hr.shape[-2:] or not {sr.shape[1], hr.shape[1]} <= {1, 3}:
            raise ShapeError(
                f"The super-resolved image is {_size(sr)} and its hr {_size(hr)} (height × width); they must "
                "have the same size: check the scale and how hr was cropped."
            )
        if self.protocol.keep_grey and hr.shape[1] == 1:
            return sr.mean(dim=1, keepdim=True), hr
        return sr.expand(-1, 3, -1, -1), hr.expand(-1, 3, -1, -1)

    def _views(self, sr: Tensor, hr: Tensor, *, shaved: bool) -> dict[str, tuple[Tensor, Tensor]]:
        border = self.protocol.shave(self.scale) if shaved else 0
        pair = tuple(self._rounded(shave(image, border)) for image in (sr, hr))
        views: dict[str, tuple[Tensor, Tensor]] = {}
        wanted = {m.channels for m in self.metrics}
        if "y" in wanted:
            views["y"] = (self._luma(pair[0]), self._luma(pair[1]))
        if "rgb" in wanted:
            sr_rgb, hr_rgb = (image.expand(-1, 3, -1, -1) for image in pair)
            views["rgb"] = (sr_rgb, hr_rgb)
        return views

    def _spread(self, uncertainty: Tensor | None, metric: MetricSpec, *, grey: bool) -> Tensor:
        """Return the map for a metric, as if the errors of all channels rose and fell together."""
        if uncertainty is None:
            raise ShapeError("The network returned no map of its uncertainty; its spec must say so.")
        spread = shave(uncertainty, self.protocol.shave(self.scale) if metric.shaved else 0).double()
        spread = spread.mean(dim=1, keepdim=True) if grey else spread
        spread = spread.expand(-1, 3, -1, -1)
        if metric.channels == "rgb":
            return spread
        return spread[:, :1] if grey else rgb_to_y(spread) - 16 / 255

    def _rounded(self, image: Tensor) -> Tensor:
        image = image.clamp(0, 1)
        if self.protocol.sr_rounding == "u8":
            # rounded in the image's own precision, as released code does, then exact in float64
            return (image * 255).round().double() / 255
        return image.double()

    def _luma(self, image: Tensor) -> Tensor:
        luma = image if image.shape[1] == 1 else rgb_to_y(image)
        return (luma * 255).round() / 255 if self.protocol.y_rounding else luma


def _lacking(metric: SrScoreSpec, hr: Tensor | None, beside: Beside) -> str:
    """Return why a metric has no score of these images; empty if nothing is missing."""
    if metric.needs_hr and hr is None:
        return "needs ground truth (hr), which this dataset does not have"
    if isinstance(metric, SampleMetricSpec) and not beside.samples:
        return "needs several sr of an image, and this model makes one"
    if isinstance(metric, MetricSpec) and metric.needs_lr and beside.lr is None:
        return "needs lr, which is not known here"
    return ""


def _size(image: Tensor) -> str:
    return f"{image.shape[-2]}×{image.shape[-1]} with {image.shape[1]} channel{'s' * (image.shape[1] != 1)}"
