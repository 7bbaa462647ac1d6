"""Heads: what follows the embedding in training, a classifier with a margin for the right class or without."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from srbench.errors import TrainingError, UnknownNameError
from srbench.networks.recognition.margins import (
    cosine_margin_logits,
    cosines_to,
    margin_logits,
    quality_margin_logits,
)

EMBEDDING_NORMS = (1e-3, 100.0)
"""Bounds between which AdaFace keeps the norms of embeddings that it reads quality from."""


class Head(nn.Module):
    """A classifier of embeddings: ``head(embeddings)`` gives logits (N, K)."""

    classes: int = 0
    """Their number K."""

    def with_labels(self, embeddings: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG002 - heads with margins use them
        """Return the logits (N, K) that the training loss compares with the labels, of which a margin may depend."""
        logits: Tensor = self(embeddings)
        return logits


class LinearHead(Head):
    """A linear classifier with biases."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.classifier = nn.Linear(features, classes)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(N, D) -> (N, K)."""
        logits: Tensor = self.classifier(embeddings)
        return logits


class MarginHead(Head, ABC):
    """A classifier by cosines to centres, each of which a class learns; in training, the right class has a margin.

    Args:
        features: Length D of the embeddings.
        classes: Number K of classes.
        scale: Factor of the logits.
        margin: Its unit depends on the head.
    """

    def __init__(self, features: int, classes: int, scale: float, margin: float) -> None:
        super().__init__()
        self.classes = classes
        self.scale, self.margin = scale, margin
        self.centres = nn.Parameter(torch.empty(classes, features))
        nn.init.xavier_uniform_(self.centres)

    def forward(self, embeddings: Tensor) -> Tensor:
        """(N, D) -> (N, K), without a margin."""
        return self.scale * cosines_to(self.centres, embeddings)

    def with_labels(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the logits (N, K) with the margin.

        Raises:
            TrainingError: ``labels`` are not one class an image, (N,).
        """
        if labels.dim() != 1:
            raise TrainingError(
                "A head with a margin needs one class for each image, and these images have several or none; train "
                'them with head = "linear".'
            )
        return self.margined(embeddings, labels)

    @abstractmethod
    def margined(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the logits (N, K) with the margin, for labels (N,)."""


class ArcFaceHead(MarginHead):
    """A margin on the angle, in radians; see `margin_logits`."""

    def margined(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Lower the cosines of the right classes by a margin on the angle."""
        return margin_logits(embeddings, self.centres, labels, scale=self.scale, margin=self.margin)


class CosFaceHead(MarginHead):
    """A margin on the cosine; see `cosine_margin_logits`."""

    def margined(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Lower the cosines of the right classes by a margin."""
        return cosine_margin_logits(embeddings, self.centres, labels, scale=self.scale, margin=self.margin)


class AdaFaceHead(MarginHead):
    """Margins by image quality, for which the norm of an embedding is taken; see `quality_margin_logits`.

    Quality is the norm less its mean, by its standard deviation, times ``spread``, clamped to [-1, 1]. Mean and
    standard deviation are moving averages over batches in training. No gradient flows through quality.
    """

    spread = 0.333
    """The paper's h: 1/h standard deviations around the mean reach from -1 to 1."""
    momentum = 0.99
    """Share of the moving averages that a batch leaves as it is."""
    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int, classes: int, scale: float, margin: float) -> None:
        super().__init__(features, classes, scale, margin)
        self.register_buffer("mean", torch.tensor(20.0))  # where the official release starts
        self.register_buffer("deviation", torch.tensor(100.0))

    @torch.no_grad()
    def quality(self, embeddings: Tensor) -> Tensor:
        """Return the quality (N,) of images in [-1, 1]; in train mode, after the batch has moved the averages."""
        norms = embeddings.to(self.mean.dtype).norm(dim=1).clamp(*EMBEDDING_NORMS)
        if self.training:
            self.mean.lerp_(norms.mean(), 1 - self.momentum)
            if len(norms) > 1:
                self.deviation.lerp_(norms.std(), 1 - self.momentum)
        quality: Tensor = (norms - self.mean) / (self.deviation + EMBEDDING_NORMS[0]) * self.spread
        return quality.clamp(-1, 1)

    def margined(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Lower the cosines of the right classes by margins that follow the quality of the images."""
        return quality_margin_logits(
            embeddings, self.centres, labels, self.quality(embeddings), scale=self.scale, margin=self.margin
        )


_MARGIN_HEADS: Mapping[str, tuple[Callable[[int, int, float, float], Head], float, float]] = {
    "arcface": (ArcFaceHead, 32.0, 0.5),
    "cosface": (CosFaceHead, 64.0, 0.35),
    "adaface": (AdaFaceHead, 64.0, 0.4),
}
"""The class of each head with a margin, and its scale and margin by default: those of its paper, for ArcFace those with
which A-SKD uses it."""

HEADS = ("linear", *_MARGIN_HEADS)
"""The names of all heads."""


def build_head(name: str, features: int, classes: int, scale: float | None = None, margin: float | None = None) -> Head:
    """Build an untrained head; its weights come from torch's global generator.

    Args:
        name: One of `HEADS`.
        features: Length of the embeddings.
        classes: Number of classes.
        scale: Factor of the logits of a head with a margin; the default of that head if None.
        margin: The same of its margin.

    Raises:
        UnknownNameError: There is no such head.
        TrainingError: There is no class, or a scale or a margin is given for the linear head, which has none.
    """
    if name not in HEADS:
        raise UnknownNameError.among("head", name, HEADS)
    if classes < 1:
        raise TrainingError(f"A head needs at least one class, not {classes}; train on labelled images.")
    if name not in _MARGIN_HEADS:
        if scale is not None or margin is not None:
            raise TrainingError(
                f"The head {name!r} has neither scale nor margin; leave out head_scale and head_margin, or choose one "
                f"of {', '.join(_MARGIN_HEADS)}."
            )
        return LinearHead(features, classes)
    make, usual_scale, usual_margin = _MARGIN_HEADS[name]
    own_scale, own_margin = usual_scale if scale is None else scale, usual_margin if margin is None else margin
    if not (own_scale > 0 and math.isfinite(own_scale) and 0 <= own_margin < math.pi):
        raise TrainingError(
            f"The head {name!r} cannot have scale {own_scale:g} with margin {own_margin:g}; give a scale above 0 and a "
            "margin from 0 to below pi."
        )
    return make(features, classes, own_scale, own_margin)
