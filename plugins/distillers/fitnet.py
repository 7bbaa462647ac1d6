"""FitNets: imitate the teacher's features through a regressor (Romero et al., ICLR 2015).

``L(S, HR) + w * sum over taps of mean (r(F_S) - F_T)²``, where r is a 1x1 convolution if the widths differ, and the
identity if they are equal. The paper first trains the student up to its middle layer on the hint alone, and then on the
labels; here both are minimised together, as is usual in super-resolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

import srbench

HINT_WEIGHT = 1.0


def hint_distance(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean squared difference between the regressed and the teacher's features, summed over taps (equation 3).

    Args:
        pairs: For each tap, both (N, C, h, w).
    """
    return torch.stack([F.mse_loss(student, teacher) for student, teacher in pairs]).sum()


class FitNet(srbench.Distiller):
    """Adds ``hint``, the distance between features.

    Args:
        setup: The training setup.
        weight: Weight of ``hint``; features are in units of images in [0, 1].
        pairs: Taps to compare; default: those that the specs declare.
    """

    def __init__(
        self, setup: srbench.Setup, *, weight: float = HINT_WEIGHT, pairs: Sequence[tuple[str, str]] | None = None
    ) -> None:
        super().__init__(setup)
        self.features = srbench.FeaturePairs(setup, pairs)
        self.weight = weight

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``hint``."""
        output, student_features = self.features.of_student(batch.lr, batch.scale)
        _, teacher_features = self.features.of_teacher(batch.for_teacher, batch.scale)
        hint = hint_distance(self.features.matched(student_features, teacher_features))
        return {**self.setup.supervised(output, batch.target), "hint": self.weight * hint}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide FitNets."""
    return [
        srbench.DistillerSpec(
            name="fitnet",
            label="FitNet",
            build=FitNet,
            license="Apache-2.0",
            tasks=frozenset({"sr", "recognition"}),
            paper=srbench.Paper(
                title="FitNets: Hints for Thin Deep Nets",
                venue="ICLR",
                year=2015,
                url="https://arxiv.org/abs/1412.6550",
            ),
            notes="The paper's regressor and squared distance, applied to super-resolution: minimised together with "
            "the recipe's losses, at weight 1 for features in units of images in [0, 1]. FAKD's form is fakd_fitnet.",
        )
    ]
