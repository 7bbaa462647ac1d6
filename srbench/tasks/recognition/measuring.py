"""Measure a recogniser on a labelled set: embed every image and its mirror image, and score the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from srbench.measuring.recognition.attention import attention_to_places, spread_over, write_attention
from srbench.measuring.recognition.fronts import FED, FrontScorer
from srbench.measuring.recognition.scoring import score_answers
from srbench.measuring.recognition.spec import RecognitionScoreSpec
from srbench.networks.recognition.recogniser import Recogniser
from srbench.scales import crop_size
from srbench.tasks.recognition.protocol import RecognitionProtocol
from srbench.tasks.recognition.sized import SizedImages
from srbench.tasks.recognition.views import VIEWS
from srbench.tasks.task import MeasureRequest

BATCH = 128
"""Images that a network gets at a time."""
CLASSES_ASSUMED = (
    "The weights do not say which classes they know; their number is that of the test set, so they are taken to be its "
    "classes in its order. Check that this is right."
)


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
    metrics: Sequence[RecognitionScoreSpec]

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
        fronts = FrontScorer(self.metrics, self.request.scale, self.request.device)
        answers = self._answers(images, fronts, advance)
        source = "hr" if self.request.scale == 1 else f"{self.request.degradation.name}-u8"
        scored = score_answers(self.metrics, answers, partial(self._protocol_id, source), fronts)
        return Measurement(
            scores=scored.scores, images=scored.items, lr_source=source, attention_file=self._keep_attention(images),
            doubts=(CLASSES_ASSUMED,) if self._classes_assumed else (),
        )  # fmt: skip

    @property
    def _classifies(self) -> bool:
        """Whether the recogniser knows the classes of the set."""
        return self.classes == self.labelled.classes or self._classes_assumed

    @property
    def _classes_assumed(self) -> bool:
        """Whether nothing says which classes given weights know, and their number is that of the set."""
        own = self.labelled.classes
        return self.request.published and self.classes is None and self.recogniser.classes == len(own) > 0

    def _protocol_id(self, source: str, metric: RecognitionScoreSpec) -> str:
        """Return the id that is shown beside a score; see `srbench.measuring.protocol`."""
        version = "" if metric.version == "1" else f".v{metric.version}"
        own = f",{FED.describe(self.request.scale)}" if metric.of_input else ""
        how = self.request.inference.id(self.request.limit)
        return f"{metric.name}{version}@{self.protocol.describe(self.request.scale)}{own},lr={source},{how}"

    @torch.inference_mode()
    def _answers(self, images: SizedImages, fronts: FrontScorer, advance: Callable[[], None]) -> Answers:
        rows: list[tuple[Tensor, Tensor, Tensor]] = []
        network, scale = self.recogniser, self.request.scale
        for first in range(0, len(images), BATCH):
            numbers = range(first, min(first + BATCH, len(images)))
            hr = images.at(numbers)
            seen = self._seen(hr, [images.names[number] for number in numbers])
            fed = network.fed(seen, scale)
            embeddings, mirrored = network.embed(fed), network(seen.flip(-1), scale)
            logits = network.logits(embeddings) if self._classifies else embeddings[:, :0]
            rows.append((embeddings, mirrored, logits))
            for number, one, truth in zip(numbers, fed, hr, strict=True):
                fronts.score(images.names[number], one[None], truth[None])
                advance()
        own, flipped, classified = (torch.cat(parts).double().cpu().numpy() for parts in zip(*rows, strict=True))
        return Answers(
            labelled=self.labelled, names=images.names, embeddings=own, mirrored=flipped,
            logits=classified if classified.shape[1] else None,
        )  # fmt: skip

    def _keep_attention(self, images: SizedImages) -> str | None:
        """Write where the recogniser looks in a few images; return the name of the file, None without attention."""
        if not self.request.keep or not self.recogniser.spec.attention:
            return None
        numbers = spread_over(len(images), self.request.keep)
        names = [images.names[number] for number in numbers]
        seen = self._seen(images.at(numbers), names)
        places = attention_to_places(self.recogniser, seen, (self.protocol.height, self.protocol.width))
        return None if places is None else write_attention(self.request.folder, names, seen, places)

    def _seen(self, hr: Tensor, names: Sequence[str]) -> Tensor:
        """Return what the recogniser sees of HR images (N, 3, H, W), on its device."""
        if self.request.scale == 1:
            return hr.to(self.request.device)
        lr = torch.cat([self._lr(one, name) for one, name in zip(hr, names, strict=True)])
        return VIEWS[self.view](lr, (self.protocol.height, self.protocol.width)).to(self.request.device)

    def _lr(self, hr: Tensor, name: str) -> Tensor:
        """Make the LR of one image, frozen as in super-resolution where it is random."""
        request = self.request
        scale, number = request.scale, request.realisation
        if not all(crop_size((hr.shape[-2], hr.shape[-1]), scale)):
            raise ShapeError(
                f"{request.dataset.label}: images of {hr.shape[-2]}×{hr.shape[-1]} pixels are too small for x{scale}; "
                "choose a smaller scale or a larger height and width in the recipe."
            )
        pixels = to_uint8(hr).permute(1, 2, 0).contiguous().numpy()
        seed = draw_seed(request.degradation.name, request.dataset.name, name, scale, number)
        made, _ = lr_image(pixels, request.degradation, scale, seed=seed, number=number, image=name)
        return to_tensor(made)[None]
