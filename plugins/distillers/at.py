"""Attention transfer: the student is strong where the teacher is (Zagoruyko and Komodakis, ICLR 2017).

``L(S, HR) + b * sum over taps of mean (q_S - q_T)²``, q being the mean of squares over channels, of unit norm over the
pixels; b is 1,000. No adapter is needed where widths differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.distilling.features import to_smaller

WEIGHT = 1000.0
"""b of the release's scripts."""


def attention(features: Tensor) -> Tensor:
    """Where features are strong: (N, C, h, w) to (N, h*w) of unit norm, from the mean of squares over channels."""
    return F.normalize(features.square().mean(dim=1).flatten(1))


def attention_distance(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean squared difference of attention, summed over taps (equation 2 with p = 2).

    Args:
        pairs: Of each tap, (N, C, h, w) and (N, C', h', w'); the larger map is pooled to the smaller.
    """
    equal = [to_smaller(mine, theirs) for mine, theirs in pairs]
    return torch.stack([F.mse_loss(attention(mine), attention(theirs)) for mine, theirs in equal]).sum()


class AttentionTransfer(srbench.Distiller):
    """Adds ``attention``, the distance between attention maps.

    Args:
        setup: The training's.
        weight: Of it; attention has no unit.
        pairs: Which taps to compare; those that the specs declare if absent.
    """

    def __init__(
        self, setup: srbench.Setup, *, weight: float = WEIGHT, pairs: Sequence[tuple[str, str]] | None = None
    ) -> None:
        super().__init__(setup)
        self.features = srbench.FeaturePairs(setup, pairs, adapt=False)
        self.weight = weight

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``attention``."""
        sr, student_features = self.features.of_student(batch.lr, batch.scale)
        _, teacher_features = self.features.of_teacher(batch.lr, batch.scale)
        distance = attention_distance(self.features.matched(student_features, teacher_features))
        return {**self.setup.supervised(sr, batch.hr), "attention": self.weight * distance}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Imitation of attention."""
    return [
        srbench.DistillerSpec(
            name="at",
            label="AT",
            build=AttentionTransfer,
            license="unknown",
            paper=srbench.Paper(
                title="Paying More Attention to Attention: Improving the Performance of Convolutional Neural Networks "
                "via Attention Transfer",
                venue="ICLR",
                year=2017,
                url="https://arxiv.org/abs/1612.03928",
            ),
            notes="The weight is that of the release's classification scripts. The form of FAKD's and DUKD's releases, "
            "sums compared by L1 beside the teacher's output, is fakd_at.",
        )
    ]
