"""FitNets: the student's features follow the teacher's through a regressor (Romero et al., ICLR 2015).

``L(S, HR) + w * sum over taps of mean (r(F_S) - F_T)²``, r being a 1x1 convolution where widths differ and nothing
where they are equal. The paper trains a student up to its middle layer on the hint alone and goes on with the labels;
as the super-resolution literature has it, both are minimised together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

import srbench

WEIGHT = 1.0


def hint_distance(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean squared difference of the regressed features and the teacher's, summed over taps (equation 3).

    Args:
        pairs: Of each tap, both (N, C, h, w).
    """
    return torch.stack([F.mse_loss(mine, theirs) for mine, theirs in pairs]).sum()


class FitNet(srbench.Distiller):
    """Adds ``hint``, the distance between features.

    Args:
        setup: The training's.
        weight: Of it; features are in units of images in [0, 1].
        pairs: Which taps to compare; those that the specs declare if absent.
    """

    def __init__(
        self, setup: srbench.Setup, *, weight: float = WEIGHT, pairs: Sequence[tuple[str, str]] | None = None
    ) -> None:
        super().__init__(setup)
        self.features = srbench.FeaturePairs(setup, pairs)
        self.weight = weight

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``hint``."""
        sr, student_features = self.features.of_student(batch.lr, batch.scale)
        _, teacher_features = self.features.of_teacher(batch.lr, batch.scale)
        hint = hint_distance(self.features.matched(student_features, teacher_features))
        return {**self.setup.supervised(sr, batch.hr), "hint": self.weight * hint}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Imitation of features."""
    return [
        srbench.DistillerSpec(
            name="fitnet",
            label="FitNet",
            build=FitNet,
            license="Apache-2.0",
            paper=srbench.Paper(
                title="FitNets: Hints for Thin Deep Nets",
                venue="ICLR",
                year=2015,
                url="https://arxiv.org/abs/1412.6550",
            ),
            notes="The paper's regressor and squared distance, carried over to images: minimised together with the "
            "recipe's losses, at weight 1 for features in units of images in [0, 1]. FAKD's form is fakd_fitnet.",
        )
    ]
