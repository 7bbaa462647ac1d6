"""Apply a network to a whole image as an `Inference` says."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from srbench.imaging.borders import pad_beyond
from srbench.imaging.resize import imresize
from srbench.imaging.tiling import chopped, self_ensemble, tiled
from srbench.measuring.protocol import Inference
from srbench.networks.network import Network
from srbench.networks.prediction import deviation
from srbench.scales import Scale, hr_size, whole_scale

_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Enlarged(NamedTuple):
    """The output of a network for whole images."""

    sr: Tensor
    """See `super_resolve`."""
    uncertainty: Tensor | None
    """The standard deviation that the network expects of each value of sr, in [0, 1], or a map that only orders; None
    for a network that returns none. A self-ensemble has the mean of its eight."""


def super_resolve(
    network: Network, lr: Tensor, scale: Scale, inference: Inference, conditions: Tensor | None = None
) -> Tensor:
    """Compute the sr of whole images.

    Args:
        network: The network in eval mode, on the device of ``lr``.
        lr: (N, C, h, w) in [0, 1], where C is 3 or, for a network on luma, 1 or 3; only networks without weights get
            double precision.
        scale: The factor.
        inference: Tiles, chop, self-ensemble and precision.
        conditions: (1, k), the input of a non-blind network beside a single image; the same for all views of it.

    Returns:
        (N, C, *`srbench.hr_size`), not clamped; float32, or the dtype of ``lr`` if the network computes in it.
    """
    return enlarge(network, lr, scale, inference, conditions).sr


@torch.inference_mode()
def enlarge(
    network: Network, lr: Tensor, scale: Scale, inference: Inference, conditions: Tensor | None = None
) -> Enlarged:
    """Compute the sr of whole images as `super_resolve` does, and their uncertainty if the network returns it."""
    if inference.resize:
        plain = replace(inference, resize=0)
        sides = hr_size((lr.shape[-2], lr.shape[-1]), scale)
        sr, uncertainty = enlarge(network, lr, inference.resize, plain, conditions)
        return Enlarged(imresize(sr, size=sides), None if uncertainty is None else imresize(uncertainty, size=sides))
    half = _HALVES.get(inference.precision)
    if half is not None or any(True for _ in network.module.parameters()):
        lr = lr.float()

    def once(part: Tensor) -> Tensor:
        with torch.autocast(part.device.type, dtype=half, enabled=half is not None):
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
    if not network.spec.uncertainty:
        return Enlarged(made, None)
    return Enlarged(*made.chunk(2, dim=1))
