"""Losses that compare images by the features of a frozen network: perceptual losses, and style by Gram matrices.

An `srbench.distilling.encoders.Encoder` gives one map for each of its levels. Weights are those of its last levels, one
each: ``(1.0,)`` compares the deepest alone, as ESRGAN does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srbench.distilling.distiller import Loss
from srbench.distilling.encoders import MakeEncoder

Comparison = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]
"""``compare(maps, targets)`` gives one number from the features of two images."""
DEEPEST = (1.0,)
"""Weights that compare the last level alone."""


def perceptual(
    maps: Sequence[Tensor], targets: Sequence[Tensor], weights: Sequence[float] = DEEPEST, distance: Loss = F.l1_loss
) -> Tensor:
    """Return the weighted sum over levels of distances between features; mean absolute differences by default.

    Args:
        maps: Features (N, C, h, w) of each level.
        targets: Features of the same shapes.
        weights: See the module.
        distance: ``distance(features, target) -> ()``.
    """
    last = slice(-len(weights), None)
    levels = zip(weights, maps[last], targets[last], strict=True)
    return torch.stack([weight * distance(features, target) for weight, features, target in levels]).sum()


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrices of features, ``F F^T / (C h w)``: (N, C, h, w) -> (N, C, C)."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / features[0].numel()


def style(
    maps: Sequence[Tensor], targets: Sequence[Tensor], weights: Sequence[float] = DEEPEST, distance: Loss = F.l1_loss
) -> Tensor:
    """Return `perceptual` of Gram matrices, which compares textures wherever they are (BasicSR's style loss)."""
    return perceptual([*map(gram, maps)], [*map(gram, targets)], weights, distance)


def frobenius(features: Tensor, target: Tensor) -> Tensor:
    """Return the root of the sum of squared differences: the distance ``fro`` of BasicSR."""
    distance: Tensor = torch.linalg.vector_norm(features - target)
    return distance


class FeatureLoss(nn.Module):
    """A loss for recipes, ``loss(sr, hr)``, that compares images by the features of an encoder.

    Args:
        make_encoder: Makes the encoder.
        compare: Compares the features.

    Raises:
        UnavailableError: The encoder's weights are not on this machine.
    """

    def __init__(self, make_encoder: MakeEncoder, compare: Comparison = perceptual) -> None:
        super().__init__()
        self.make_encoder, self.compare = make_encoder, compare
        self.encode = make_encoder(torch.device("cpu"))

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss of sr and hr, (N, C, H, W) in [0, 1]; hr gets no gradient."""
        if self.encode.mean.device != sr.device:
            self.encode = self.make_encoder(sr.device)
        with torch.no_grad():
            targets = self.encode(hr)
        return self.compare(self.encode(sr), targets)
