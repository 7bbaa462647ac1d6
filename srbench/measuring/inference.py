"""Apply a network to a whole image as an `Inference` says."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from srbench.errors import UsageError
from srbench.imaging.borders import pad_beyond
from srbench.imaging.resize import imresize
from srbench.imaging.tiling import chopped, self_ensemble, tiled
from srbench.measuring.protocol import Inference
from srbench.networks.applied import FitBudget, Fitted, image_generator
from srbench.networks.network import Network
from srbench.networks.prediction import deviation
from srbench.scales import Scale, hr_size, whole_scale

_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """What a draw or a fit depends on beside lr and its `Inference`."""

    name: str = ""
    """Of the image, which decides its random numbers."""
    sample: int = 0
    """Number of the sample, from 0."""
    kernel: Tensor | None = None
    """(k, k): the blur of the degradation before pixels are dropped, for fits; see `Fitting`."""


FIRST = Draw()


class Enlarged(NamedTuple):
    """The output of a network for whole images."""

    sr: Tensor
    """See `super_resolve`."""
    uncertainty: Tensor | None
    """The standard deviation that the network expects of each value of sr, in [0, 1], or a map that only orders; None
    for a network that returns none. A self-ensemble has the mean of its eight."""
    fitted: Fitted | None = None
    """How the fit went, for a network that is fitted to the image."""
    shortened: bool = False
    """Whether the fit ended early, by its budget of time."""


def super_resolve(
    network: Network, lr: Tensor, scale: Scale, inference: Inference, conditions: Tensor | None = None,
    draw: Draw = FIRST,
) -> Tensor:  # fmt: skip
    """Compute the sr of whole images.

    Args:
        network: The network in eval mode, on the device of ``lr``.
        lr: (N, C, h, w) in [0, 1], where C is 3 or, for a network on luma, 1 or 3; only networks without weights get
            double precision.
        scale: The factor.
        inference: Tiles, chop, self-ensemble and precision, or how sr is drawn or the network fitted.
        conditions: (1, k), the input of a non-blind network beside a single image; the same for all views of it.
        draw: What a draw or a fit depends on beside them, for a single image.

    Returns:
        (N, C, *`srbench.hr_size`), not clamped; float32, or the dtype of ``lr`` if the network computes in it.

    Raises:
        UsageError: Parts or views of an image are to be drawn or fitted one by one.
    """
    return enlarge(network, lr, scale, inference, conditions, draw).sr


@torch.inference_mode()
def enlarge(
    network: Network, lr: Tensor, scale: Scale, inference: Inference, conditions: Tensor | None = None,
    draw: Draw = FIRST,
) -> Enlarged:  # fmt: skip
    """Compute the sr of whole images as `super_resolve` does, and their uncertainty if the network returns it."""
    if inference.resize:
        plain = replace(inference, resize=0)
        sides = hr_size((lr.shape[-2], lr.shape[-1]), scale)
        larger = enlarge(network, lr, inference.resize, plain, conditions, replace(draw, kernel=None))  # of scale
        uncertainty = None if larger.uncertainty is None else imresize(larger.uncertainty, size=sides)
        return larger._replace(sr=imresize(larger.sr, size=sides), uncertainty=uncertainty)
    half = _HALVES.get(inference.precision)
    if half is not None or any(True for _ in network.module.parameters()):
        lr = lr.float()

    _require_whole(network, inference)
    fit = _Fit(network, scale, inference.fitting, draw) if inference.fitting else None
    sampling = inference.sampling

    def once(part: Tensor) -> Tensor:
        with torch.autocast(part.device.type, dtype=half, enabled=half is not None):
            if fit is not None:
                return fit(part).float()
            if sampling is not None:
                generator = image_generator(sampling.seed, draw.name, draw.sample)
                return network.draw(part, scale, sampling.sampler, sampling.steps, generator).float()
            prediction = network.predict(
                part, scale, conditions=None if conditions is None else conditions.expand(len(part), -1)
            )
        sr = prediction.sr.float() if half is not None else prediction.sr
        if prediction.map is None:
            return sr
        # Side by side as channels, so that tiles and views are put together in the same way.
        return torch.cat((sr, deviation(network.spec, prediction).to(sr.dtype)), dim=1)

    def parts(image: Tensor) -> Tensor:
        if inference.chop:
            return chopped(once, image, whole_scale(scale))
        if inference.tile:
            return tiled(once, image, whole_scale(scale), tile=inference.tile, overlap=inference.overlap)
        return once(image)

    def whole(image: Tensor) -> Tensor:
        if network.spec.padding == "mirror":
            return parts(image)
        padded, (height, width) = pad_beyond(image, network.spec.size_multiple)
        rows, columns = hr_size((height, width), scale)
        return parts(padded)[..., :rows, :columns]

    made = self_ensemble(whole, lr) if inference.self_ensemble else whole(lr)
    if fit is not None:
        return Enlarged(made, None, fit.fitted, fit.shortened)
    if not network.spec.uncertainty:
        return Enlarged(made, None)
    sr, uncertainty = made.chunk(2, dim=1)
    return Enlarged(sr, uncertainty)


def _require_whole(network: Network, inference: Inference) -> None:
    """Refuse to draw or fit parts or views of an image, each of which would have its own."""
    parts = {"tiles": inference.tile, "chop": inference.chop, "self_ensemble": inference.self_ensemble}
    named = [name for name, wanted in parts.items() if wanted]
    spec = network.spec
    if named and spec.several_passes:
        raise UsageError(f"{spec.name} {spec.several_passes}, always a whole one; leave out {named[0]}.")


class _Fit:
    """Fits a network to an image, within the budget of time."""

    def __init__(self, network: Network, scale: Scale, budget: FitBudget, draw: Draw) -> None:
        self._network, self._scale, self._budget, self._draw = network, scale, budget, draw
        self.fitted: Fitted | None = None
        self.shortened = False

    def __call__(self, lr: Tensor) -> Tensor:
        begun = time.monotonic()

        def go_on() -> bool:
            self.shortened = 0 < self._budget.seconds <= time.monotonic() - begun
            return not self.shortened

        generator = image_generator(self._budget.seed, self._draw.name, self._draw.sample)
        self.fitted = self._network.fit(
            lr, self._scale, steps=self._budget.steps, generator=generator, kernel=self._draw.kernel, go_on=go_on
        )
        return self.fitted.sr
