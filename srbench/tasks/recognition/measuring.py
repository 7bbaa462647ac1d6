"""Measure a recogniser on a labelled set: embed every image and its mirror image, and score the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from srbench.datasets.labelled.images import LabelledImages
from srbench.degrading.lr_images import draw_seed, lr_image
from srbench.errors import DataError, ShapeError
from srbench.imaging.pixels import to_tensor, to_uint8
from srbench.measuring.measure import Measurement
from srbench.measuring.recognition.answers import Answers
from srbench.measuring.recognition.scoring import score_answers
from srbench.measuring.recognition.spec import RecognitionMetricSpec
from srbench.networks.recognition.recogniser import Recogniser
from srbench.tasks.recognition.protocol import RecognitionProtocol
from srbench.tasks.recognition.sized import SizedImages
from srbench.tasks.recognition.views import VIEWS
from srbench.tasks.task import MeasureRequest

BATCH = 128
"""Images that a network gets at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTest:
    """One recogniser on one labelled set."""

    request: MeasureRequest
    recogniser: Recogniser
    protocol: RecognitionProtocol
    view: str
    """What it sees; see `VIEWS`."""
    labelled: LabelledImages
    classes: tuple[str, ...] | None
    """The classes that the recogniser was trained on; None if unknown."""
    metrics: Sequence[RecognitionMetricSpec]

    def measure(self, images: SizedImages, advance: Callable[[], None]) -> Measurement:
        """Embed and score.

        Args:
            images: Those of the set, in its order, at the size of the protocol's HR.
            advance: Called after every image.

        Raises:
            DataError: There is no image.
        """
        if not len(images):
            raise DataError(f"{self.request.dataset.label} has no image to measure; add its images, or leave it out.")
        answers = self._answers(images, advance)
        source = "hr" if self.request.scale == 1 else f"{self.request.degradation.name}-u8"
        scored = score_answers(self.metrics, answers, partial(self._protocol_id, source))
        return Measurement(scores=scored.scores, images=scored.items, lr_source=source)

    def _protocol_id(self, source: str, metric: RecognitionMetricSpec) -> str:
        """Return the id that is shown beside a score; see `srbench.measuring.protocol`."""
        version = "" if metric.version == "1" else f".v{metric.version}"
        how = self.request.inference.id(self.request.limit)
        return f"{metric.name}{version}@{self.protocol.describe(self.request.scale)},lr={source},{how}"

    @torch.inference_mode()
    def _answers(self, images: SizedImages, advance: Callable[[], None]) -> Answers:
        rows: list[tuple[Tensor, Tensor, Tensor]] = []
        for seen in self._views(images):
            some = seen.to(self.request.device)
            embeddings = self.recogniser(some, self.request.scale)
            mirrored = self.recogniser(some.flip(-1), self.request.scale)
            logits = self.recogniser.logits(embeddings) if self.classes == self.labelled.classes else embeddings[:, :0]
            rows.append((embeddings, mirrored, logits))
            for _ in range(len(seen)):
                advance()
        own, flipped, classified = (torch.cat(parts).double().cpu().numpy() for parts in zip(*rows, strict=True))
        return Answers(
            labelled=self.labelled, names=images.names, embeddings=own, mirrored=flipped,
            logits=classified if classified.shape[1] else None,
        )  # fmt: skip

    def _views(self, images: SizedImages) -> Iterator[Tensor]:
        """Yield what the recogniser sees, a batch at a time."""
        for first in range(0, len(images), BATCH):
            numbers = range(first, min(first + BATCH, len(images)))
            hr = images.at(numbers)
            if self.request.scale == 1:
                yield hr
                continue
            lr = torch.cat([self._lr(one, images.names[number]) for one, number in zip(hr, numbers, strict=True)])
            size = (self.protocol.height, self.protocol.width)
            yield VIEWS[self.view](lr, size)

    def _lr(self, hr: Tensor, name: str) -> Tensor:
        """Make the LR of one image, frozen as in super-resolution where it is random."""
        request = self.request
        scale, number = request.scale, request.realisation
        if min(hr.shape[-2:]) < scale:
            raise ShapeError(
                f"{request.dataset.label}: images of {hr.shape[-2]}×{hr.shape[-1]} pixels are too small for x{scale}; "
                "choose a smaller scale or a larger height and width in the recipe."
            )
        pixels = to_uint8(hr).permute(1, 2, 0).contiguous().numpy()
        seed = draw_seed(request.degradation.name, request.dataset.name, name, scale, number)
        made, _ = lr_image(pixels, request.degradation, scale, seed=seed, number=number, image=name)
        return to_tensor(made)[None]
