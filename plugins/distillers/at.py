"""Attention transfer: match where in the image features are strong (Zagoruyko and Komodakis, ICLR 2017).

``L(S, HR) + b * sum over taps of mean (q_S - q_T)²``, where q is the mean of squares over channels, normalised to unit
norm over the pixels, and b is 1,000. The widths of the two networks may differ without an adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.distilling.features import to_smaller

ATTENTION_WEIGHT = 1000.0
"""b in the scripts of the release."""


def attention(features: Tensor) -> Tensor:
    """Map features (N, C, h, w) to attention (N, h*w): the mean of squares over channels, of unit norm per image."""
    return F.normalize(features.square().mean(dim=1).flatten(1))


def attention_distance(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean squared difference of attention, summed over taps (equation 2 with p = 2).

    Args:
        pairs: For each tap, (N, C, h, w) and (N, C', h', w'); the larger map is pooled to the smaller.
    """
    equal = [to_smaller(student, teacher) for student, teacher in pairs]
    return torch.stack([F.mse_loss(attention(student), attention(teacher)) for student, teacher in equal]).sum()


class AttentionTransfer(srbench.Distiller):
    """Adds ``attention``, the distance between attention maps.

    Args:
        setup: The training setup.
        weight: Weight of ``attention``, which has no unit.
        pairs: Taps to compare; default: those that the specs declare.
    """

    def __init__(
        self, setup: srbench.Setup, *, weight: float = ATTENTION_WEIGHT, pairs: Sequence[tuple[str, str]] | None = None
    ) -> None:
        super().__init__(setup)
        self.features = srbench.FeaturePairs(setup, pairs, adapt=False)
        self.weight = weight

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``attention``."""
        output, student_features = self.features.of_student(batch.lr, batch.scale)
        _, teacher_features = self.features.of_teacher(batch.for_teacher, batch.scale)
        distance = attention_distance(self.features.matched(student_features, teacher_features))
        return {**self.setup.supervised(output, batch.target), "attention": self.weight * distance}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide attention transfer."""
    return [
        srbench.DistillerSpec(
            name="at",
            label="AT",
            build=AttentionTransfer,
            license="unknown",
            tasks=frozenset({"sr", "recognition"}),
            paper=srbench.Paper(
                title="Paying More Attention to Attention: Improving the Performance of Convolutional Neural Networks "
                "via Attention Transfer",
                venue="ICLR",
                year=2017,
                url="https://arxiv.org/abs/1612.03928",
            ),
            notes="The weight is that of the release's classification scripts. The releases of FAKD and DUKD use "
            "another form, with sums compared by L1 and the teacher's output imitated too: fakd_at.",
        )
    ]
