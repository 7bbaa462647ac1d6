"""F-SKD: make the features of LR similar to those of HR, image by image and between images of one class (2023).

``L(S, labels) + mean over taps of (1 - cosine(S, T)) + cross-sample distance``. The second term compares whole feature
maps, the third the products of every pixel of an image with every pixel of another image of its class, on the last tap.
The release loads the other image beside each image; here it is the next image of the class in the batch, and an image
without one is left out of the third term.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

import srbench
from srbench.distilling.recognition.maps import cosine_distance
from srbench.distilling.recognition.relations import cross_sample_distance
from srbench.distilling.recognition.teaching import recognisers

POINT_WEIGHT, CROSS_WEIGHT = 1.0, 1.0
"""Weights of the two distances, the release's defaults."""


def same_class(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Find for each image the next one of its class in the batch; after the last image comes the first.

    Args:
        labels: (N,), the classes.

    Returns:
        The numbers of the images that have another of their class, and the number of that other for each of them.
    """
    count = len(labels)
    place = torch.arange(count, device=labels.device)
    steps = (place[None] - place[:, None]) % count
    steps = torch.where((labels[:, None] == labels[None]) & (steps > 0), steps, count)
    nearest, partner = steps.min(dim=1)
    paired = nearest < count
    return place[paired], partner[paired]


class FeatureSimilarity(srbench.Distiller):
    """Adds ``point``, the distance of features, and ``cross``, that of the relations between images of a class.

    Args:
        setup: The training setup.
        point: Weight of ``point``.
        cross: Weight of ``cross``.
        pairs: Taps to compare; default: those that the specs declare.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        point: float = POINT_WEIGHT,
        cross: float = CROSS_WEIGHT,
        pairs: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__(setup)
        recognisers(setup)
        self.features = srbench.FeaturePairs(setup, pairs)
        self.point, self.cross = point, cross

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms, ``point`` and ``cross``."""
        embeddings, student_features = self.features.of_student(batch.lr, batch.scale)
        _, teacher_features = self.features.of_teacher(batch.for_teacher, batch.scale)
        pairs = self.features.matched(student_features, teacher_features)
        return {
            **self.setup.supervised(embeddings, batch.target),
            "point": self.point * cosine_distance(pairs) / len(pairs),
            "cross": self.cross * self._cross(*pairs[-1], batch.target),
        }

    @staticmethod
    def _cross(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        if labels.dim() != 1:
            raise srbench.TrainingError(
                "fskd pairs images of one class, and these images may have several classes; choose a method that "
                "compares features of each image, such as fitnet."
            )
        one, other = same_class(labels)
        if not len(one):
            return student.new_zeros(())
        return cross_sample_distance(student[one], student[other], teacher[one], teacher[other])


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide F-SKD."""
    return [
        srbench.DistillerSpec(
            name="fskd",
            label="F-SKD",
            build=FeatureSimilarity,
            license="Apache-2.0",
            tasks=frozenset({"recognition"}),
            paper=srbench.Paper(
                title="Enhancing Low-resolution Face Recognition with Feature Similarity Knowledge Distillation",
                venue="arXiv",
                year=2023,
                url="https://arxiv.org/abs/2303.04681",
            ),
            notes="The pair of an image is the next image of its class in the batch, where the release loads another. "
            "Networks of other widths and sizes of features are our extension.",
        )
    ]
