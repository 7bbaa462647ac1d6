"""Pixel Distillation in one stage, as released: ISRD (Guo et al., TPAMI 2024).

A teacher that sees HR teaches a student that sees LR. The student must be able to rebuild HR from the output of its
first convolution, by a decoder that is dropped afterwards:
``0.1 * L(S, labels) + 0.9 * T² * KL(T || S) + w * L1(decoder(stem), HR)`` with T = 4, HR normalised as the teacher sees
it, and w = 50 where HR's sides are four times those of LR, 10 where they are twice. ``L`` are the recipe's own losses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

import srbench
from srbench.distilling.features import evaluating
from srbench.distilling.recognition.maps import ImageDecoder
from srbench.distilling.recognition.teaching import hinton_terms, image_sizes, logits_of, recognisers
from srbench.imaging.borders import pad_to_multiple

WEIGHT_AT_2, WEIGHT_AT_4 = 10.0, 50.0
"""Weights of the rebuilt image in the release's configurations, at the ratios 2 and 4."""


def image_weight(ratio: int) -> float:
    """Return the weight of the rebuilt image: the power of the ratio that has the release's weights at 2 and 4."""
    return WEIGHT_AT_2 * math.pow(ratio / 2, math.log2(WEIGHT_AT_4 / WEIGHT_AT_2))


class PixelDistillation(srbench.Distiller):
    """Adds ``image`` to Hinton's terms, the distance between HR and what the decoder rebuilds.

    Args:
        setup: The training setup.
        weight: Weight of ``image``; default: `image_weight` of the scale.

    Raises:
        TrainingError: The spec of the student names no stem, or its stem gives no map.
    """

    def __init__(self, setup: srbench.Setup, *, weight: float | None = None) -> None:
        super().__init__(setup)
        self.student, self.teacher = recognisers(setup)
        setup.require_common_colours()
        self.weight = image_weight(srbench.whole_scale(max(setup.scales))) if weight is None else weight
        self.stem = self.student.spec.stem
        if not self.stem:
            raise srbench.TrainingError(
                f"{self.student.spec.name} names no stem, from which this distiller rebuilds images; add "
                'stem="path.of.its.first.convolution" to its RecogniserSpec.'
            )
        seen, large = image_sizes(setup)
        channels, *self.sides = self._stem_shape(seen)
        factor = max(-(-side // own) for side, own in zip(large, self.sides, strict=True))
        self.decoder = ImageDecoder(channels, factor, colours=self.student.colours)

    @torch.no_grad()
    def _stem_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Return the channels of the stem's output, and the height and width that an image fills of it.

        The rest is padding, where images are smaller than the network takes.
        """
        spec = self.student.spec
        image = torch.zeros(1, self.student.colours, *size, device=self.setup.device)
        with evaluating(self.student.module):
            features = self.student.features(image, (self.stem,))[self.stem]
        if features.dim() != 4:
            raise srbench.TrainingError(
                f"The stem {self.stem!r} of {self.student.spec.name} gives {tuple(features.shape)}, not a map "
                "(N, C, h, w); name its first convolution."
            )
        padded, _ = pad_to_multiple(image, spec.size_multiple, spec.min_size)
        _, channels, *sides = features.shape
        height, width = (-(-own * side // full) for own, side, full in zip(sides, size, padded.shape[-2:], strict=True))
        return channels, height, width

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """Hinton's terms and ``image``."""
        with srbench.capture(self.student.tapped, (self.stem,)) as features:
            embeddings = self.student(batch.lr)
        height, width = self.sides
        stem = features[self.stem][..., :height, :width]
        distance = self.decoder.distance(stem, self.teacher.normalised(batch.hr))
        teacher_logits = logits_of(self.teacher, batch.for_teacher)
        terms = hinton_terms(self.setup, embeddings, batch.target, teacher_logits)
        return {**terms, "image": self.weight * distance}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide Pixel Distillation in one stage."""
    return [
        srbench.DistillerSpec(
            name="pixel_distillation",
            label="Pixel Distillation (ISRD)",
            build=PixelDistillation,
            license="MIT",
            tasks=frozenset({"recognition"}),
            paper=srbench.Paper(
                title="Pixel Distillation: Cost-flexible Distillation across Image Sizes and Heterogeneous Networks",
                venue="TPAMI",
                year=2024,
                url="https://arxiv.org/abs/2112.09532",
            ),
            notes="The release has this stage only, for the ratios 2 and 4; at others the weight of the rebuilt image "
            "is the power of the ratio through both. The two-stage form is tas_fsr.",
        )
    ]
