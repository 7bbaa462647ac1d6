"""Score one image under a protocol: round, take luma and shave; metrics do the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from srbench.errors import ShapeError, reason_of
from srbench.imaging.borders import shave
from srbench.imaging.colour import rgb_to_y
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.protocol import Protocol
from srbench.scales import Scale

Maps: TypeAlias = Literal["", "order", "deviation"]
"""What maps of uncertainty are: none, an order, or standard deviations; see `MetricSpec.needs_uncertainty`."""
NO_MAPS = "the network returns no uncertainty"


@dataclass(eq=False)
class Scorer:
    """Scores images under one protocol at one scale, on their device.

    Metrics that cannot be loaded or computed are in ``absent`` with the reason; the others are computed.
    """

    metrics: Sequence[MetricSpec]
    protocol: Protocol
    scale: Scale
    device: torch.device
    maps: Maps = ""
    """What the maps of uncertainty are that `score` gets."""
    without_maps: str = NO_MAPS
    """Why there are none."""
    absent: dict[str, str] = field(default_factory=dict)
    _loaded: dict[str, Callable[..., Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for metric in self.metrics:
            if self.protocol.luma_first and metric.channels != "y":
                self.absent[metric.name] = f"the protocol {self.protocol.name} measures luma alone"
                continue
            if metric.needs_uncertainty and not self.maps:
                self.absent[metric.name] = self.without_maps
                continue
            if metric.needs_uncertainty == "deviation" and self.maps == "order":
                self.absent[metric.name] = "the network's map only orders values by uncertainty, in no unit"
                continue
            try:
                self._loaded[metric.name] = metric.load(self.device)
            except Exception as error:  # noqa: BLE001 - a metric's own failure is a reason, not a crash
                self.absent[metric.name] = reason_of(error)

    @torch.inference_mode()
    def score(
        self, sr: Tensor, hr: Tensor | None, image: str = "", uncertainty: Tensor | None = None
    ) -> Mapping[str, float | None]:
        """Score one image.

        Args:
            sr: (1, C, H, W), C 1 or 3, nominally in [0, 1]; clamped and rounded here as the protocol says.
            hr: (1, C, H, W) in [0, 1], C 3, or 1 for a greyscale image. For that a protocol that keeps grey compares
                one channel, the mean of sr's; others compare both as RGB. Without hr, metrics that need it are absent.
            image: The image's name, for the reason of a metric that cannot be computed.
            uncertainty: As sr: what the network says of it, for metrics of that.

        Returns:
            Metric name to value, which may be infinite; None if the metric could not be computed.

        Raises:
            ShapeError: The two have different sizes.
        """
        if hr is None:
            for metric in self.metrics:
                if metric.needs_hr and metric.name in self._loaded:
                    del self._loaded[metric.name]
                    self.absent[metric.name] = "needs ground truth (hr), which this dataset does not have"
            hr = sr  # for metrics that ignore it
        grey = self.protocol.keep_grey and hr.shape[1] == 1
        sr, hr = self._compared(sr, hr)
        views = {shaved: self._views(sr, hr, shaved=shaved) for shaved in {m.shaved for m in self.metrics}}
        scores: dict[str, float | None] = {}
        for metric in self.metrics:
            scores[metric.name] = None
            if metric.name in self._loaded:
                try:
                    images = views[metric.shaved][metric.channels]
                    spread = () if not metric.needs_uncertainty else (self._spread(uncertainty, metric, grey=grey),)
                    value = self._loaded[metric.name](*images, *spread).item()
                except Exception as error:  # noqa: BLE001 - see above
                    self._miss(metric, image, reason_of(error))
                else:
                    if math.isnan(value):
                        self._miss(metric, image, "the metric gave no number (NaN)")
                    else:
                        scores[metric.name] = value
        return scores

    def _miss(self, metric: MetricSpec, image: str, reason: str) -> None:
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


def _size(image: Tensor) -> str:
    return f"{image.shape[-2]}×{image.shape[-1]} with {image.shape[1]} channel{'s' * (image.shape[1] != 1)}"
