"""Call any recogniser the way its spec says, and build one with its head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srbench.errors import ShapeError, TrainingError
from srbench.imaging.borders import pad_to_multiple
from srbench.imaging.colour import rgb_to_ycbcr
from srbench.networks.capture import capture
from srbench.networks.network import Network
from srbench.networks.recognition.heads import Head, build_head
from srbench.networks.recognition.spec import RecogniserSpec
from srbench.networks.wanted import Wanted

TRIAL_SIDE = 32
"""Side in pixels of the image on which the length of an embedding is read off."""


class BackboneWithHead(nn.Module):
    """A backbone, and the head that turns its embeddings into logits; called with images, it gives embeddings.

    Attributes:
        backbone: Maps images (N, C, H, W), normalised as its spec says, to embeddings (N, D).
        head: None where only embeddings are wanted.
    """

    def __init__(self, backbone: nn.Module, head: Head | None) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, D)."""
        embeddings: Tensor = self.backbone(images)
        return embeddings


@dataclass(frozen=True, slots=True, eq=False)
class Recogniser(Network):
    """A `BackboneWithHead` with the facts needed to call it. A call maps images in [0, 1] to embeddings."""

    spec: RecogniserSpec

    @property
    def tapped(self) -> nn.Module:
        """The backbone, where the paths of the spec start."""
        return self._whole.backbone

    @property
    def _whole(self) -> BackboneWithHead:
        if not isinstance(self.module, BackboneWithHead):
            raise TrainingError(f"{self.spec.name} is not a backbone with a head; make it by build_recogniser.")
        return self.module

    def __call__(
        self,
        lr: Tensor,
        scale: Wanted = 1,
        weights: Mapping[str, Tensor] | None = None,
        conditions: Tensor | None = None,
    ) -> Tensor:
        """Embed images, differentiably: `embed` what the backbone is `fed`.

        Args:
            lr: (N, C, H, W) in [0, 1], where C is 3 or, for a network on luma, 1 or 3; of any size.
            scale: For networks that enlarge LR themselves; others work at any size.
            weights: See `Network`; by their names in `module`, such as "backbone.stem.weight".
            conditions: Likewise for networks that enlarge.

        Returns:
            Embeddings (N, D).

        Raises:
            ShapeError: The backbone returned something else.
        """
        return self.embed(self.fed(lr, scale, conditions), weights)

    def fed(self, lr: Tensor, scale: Wanted = 1, conditions: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return what the backbone is fed of images: the images, unless this network enlarges them itself.

        Args:
            lr: (N, C, h, w) in [0, 1].
            scale: Ratio of HR to LR sides.
            conditions: See `Network`.

        Returns:
            (N, C, H, W) in [0, 1].
        """
        return lr

    def embed(self, images: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the embeddings (N, D) of what the backbone is fed, (N, C, H, W) in [0, 1].

        Raises:
            ShapeError: The backbone returned something else.
        """
        if images.shape[1] == 3 and self.spec.channels == "y":
            images = rgb_to_ycbcr(images)[:, :1]
        padded, _ = pad_to_multiple(images, self.spec.size_multiple, self.spec.min_size)
        embeddings = self._run(weights, (self.normalised(padded),))
        if not isinstance(embeddings, Tensor) or embeddings.dim() != 2 or len(embeddings) != len(images):
            found = tuple(embeddings.shape) if isinstance(embeddings, Tensor) else f"a {type(embeddings).__name__}"
            raise ShapeError(
                f"{self.spec.name} returned {found} for images {tuple(images.shape)}; it must return embeddings "
                f"({len(images)}, D)."
            )
        return embeddings

    def features(self, images: Tensor, taps: Sequence[str]) -> dict[str, Tensor]:
        """Return the features at some paths of the backbone by those paths; see `capture`.

        Raises:
            ShapeError: A path is never reached by the forward pass.
        """
        with capture(self.tapped, taps) as found:
            self(images)
        if missing := [path for path in taps if path not in found]:
            raise ShapeError(f"{self.spec.name} does not use its module {missing[0]!r}; tap another one.")
        return found

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return the logits (N, K) of embeddings (N, D), as at test.

        Raises:
            TrainingError: It has no head.
        """
        logits: Tensor = self._head(embeddings)
        return logits

    @property
    def classes(self) -> int:
        """The number of classes of its head; 0 without one."""
        return 0 if self._whole.head is None else self._whole.head.classes

    def answer(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the logits (N, K) that the training loss compares with the labels.

        Args:
            embeddings: (N, D).
            labels: (N,), the classes; (N, K) of 0 and 1 where an image has several, with a linear head.

        Raises:
            TrainingError: It has no head, or a head that needs one class an image.
        """
        return self._head.with_labels(embeddings, labels)

    @property
    def _head(self) -> Head:
        if self._whole.head is None:
            raise TrainingError(f"{self.spec.name} has no head, so it gives embeddings and no classes.")
        return self._whole.head


def build_recogniser(
    spec: RecogniserSpec,
    classes: int,
    head: str = "linear",
    head_scale: float | None = None,
    head_margin: float | None = None,
) -> Recogniser:
    """Build an untrained recogniser; its weights come from torch's global generator.

    Args:
        spec: The spec of its backbone.
        classes: Number of classes; 0 for a backbone without a head.
        head: See `build_head`, as the other two.
        head_scale: Factor of the logits.
        head_margin: Margin of the right class.

    Raises:
        UnknownNameError: There is no such head.
        TrainingError: The head cannot have that scale or margin.
    """
    whole = BackboneWithHead(spec.build(), None)
    recogniser = Recogniser(spec, whole)
    if classes:
        whole.head = build_head(head, _embedding_length(recogniser), classes, head_scale, head_margin)
    return recogniser


def head_for(recogniser: Recogniser, weights: Mapping[str, Tensor]) -> None:
    """Give a recogniser without a head the one that weights are for; none if they have none.

    Args:
        recogniser: Changed in place.
        weights: The state dict of a `BackboneWithHead`.
    """
    centres = weights.get("head.centres", weights.get("head.classifier.weight"))
    if centres is not None and centres.dim() == 2 and isinstance(recogniser.module, BackboneWithHead):
        margin = "adaface" if "head.deviation" in weights else "arcface"  # at test, all margins are left out
        name = margin if "head.centres" in weights else "linear"
        recogniser.module.head = build_head(name, centres.shape[1], centres.shape[0])


@torch.no_grad()
def _embedding_length(recogniser: Recogniser) -> int:
    backbone = recogniser.tapped
    modes = {part: part.training for part in backbone.modules()}
    backbone.eval()
    device = next((parameter.device for parameter in backbone.parameters()), None)
    image = torch.zeros(1, recogniser.colours, TRIAL_SIDE, TRIAL_SIDE, device=device)
    length = recogniser(image).shape[1]
    for part, training in modes.items():
        part.training = training
    return length
