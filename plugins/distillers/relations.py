"""Baselines that compare relations: between images (RKD, SP) and between channels (ICKD).

Each adds one term to the recipe's own losses. RKD (Park et al., CVPR 2019) compares the distances and angles between
the embeddings of a batch, SP (Tung and Mori, ICCV 2019) the similarities between its images by their last features, and
ICKD (Liu et al., ICCV 2021) the correlations between the channels of the last features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

import srbench
from srbench.distilling.features import match_taps
from srbench.distilling.recognition.relations import (
    batch_similarity_distance,
    channel_correlation_distance,
    channel_embedding,
    relational_distance,
)
from srbench.distilling.recognition.teaching import recognisers

SIMILARITY_WEIGHT = 3000.0
CORRELATION_WEIGHT = 2.5
"""Weights in the release of Pixel Distillation."""


class RelationalDistillation(srbench.Distiller):
    """Adds ``relations``, the distance between the relations of embeddings; see `relational_distance`."""

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        self.student, self.teacher = recognisers(setup)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``relations``."""
        embeddings = self.student(batch.lr)
        with torch.no_grad():
            wanted = self.teacher(batch.for_teacher)
        return {
            **self.setup.supervised(embeddings, batch.target),
            "relations": relational_distance(embeddings, wanted),
        }


class _OnLastFeatures(srbench.Distiller, ABC):
    """Adds a term that compares the last features of both networks."""

    term: str
    weight: float

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        taps = match_taps(*(network.spec.taps for network in recognisers(setup)))
        self.features = srbench.FeaturePairs(setup, taps[-1:], adapt=False)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and that of the method."""
        embeddings, (student_features,) = self.features.of_student(batch.lr, batch.scale)
        _, (teacher_features,) = self.features.of_teacher(batch.for_teacher, batch.scale)
        distance = self.weight * self.distance(student_features, teacher_features)
        return {**self.setup.supervised(embeddings, batch.target), self.term: distance}

    @abstractmethod
    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Compare features (N, C, h, w) and (N, C', h', w')."""


class SimilarityPreserving(_OnLastFeatures):
    """Adds ``similarity``; see `batch_similarity_distance`."""

    term, weight = "similarity", SIMILARITY_WEIGHT

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Compare the similarities between images."""
        return batch_similarity_distance(student, teacher)


class ChannelCorrelation(_OnLastFeatures):
    """Adds ``correlation``, after layers that give the student's features the teacher's channels and are trained."""

    term, weight = "correlation", CORRELATION_WEIGHT

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        self.embedding = channel_embedding(*self.features.widths[0])

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Compare the correlations between channels."""
        return channel_correlation_distance(self.embedding(student), teacher)


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the three."""
    tasks = frozenset({"recognition"})
    return [
        srbench.DistillerSpec(
            name="rkd",
            label="RKD",
            build=RelationalDistillation,
            license="unknown",
            tasks=tasks,
            paper=srbench.Paper(
                title="Relational Knowledge Distillation",
                venue="CVPR",
                year=2019,
                url="https://arxiv.org/abs/1904.05068",
            ),
            notes="On embeddings, with the paper's weights for them: 1 for distances and 2 for angles.",
        ),
        srbench.DistillerSpec(
            name="sp",
            label="SP",
            build=SimilarityPreserving,
            license="unknown",
            tasks=tasks,
            paper=srbench.Paper(
                title="Similarity-Preserving Knowledge Distillation",
                venue="ICCV",
                year=2019,
                url="https://arxiv.org/abs/1907.09682",
            ),
            notes="On the last tap, with the weight of Pixel Distillation's release.",
        ),
        srbench.DistillerSpec(
            name="ickd",
            label="ICKD",
            build=ChannelCorrelation,
            license="unknown",
            tasks=tasks,
            form="corrected",
            paper=srbench.Paper(
                title="Exploring Inter-Channel Correlation for Diversity-Preserved Knowledge Distillation",
                venue="ICCV",
                year=2021,
                url="https://arxiv.org/abs/2202.03680",
            ),
            notes="On the last tap, with the weight of Pixel Distillation's release. That release never trains the "
            "layers that match the channels; here they are trained.",
        ),
    ]
