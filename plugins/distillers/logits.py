"""Response distillation: the student also imitates the teacher's output.

``w_p * L(S, HR) + w_k * L1(S, T)``. The first term is the recipe's own losses at their own weights; ``w_k`` is 1, as
in the baseline of DUKD's release (1 and 1). FAKD's release takes 0.5 and 0.5, which is nearly the same with Adam, as
Adam ignores a common factor. A temperature would make no sense, as images are not class probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

import srbench

TEACHER_WEIGHT = 1.0


class Logits(srbench.Distiller):
    """Adds the L1 distance to the teacher's output, named ``logits``.

    A student on RGB may have a teacher on luma, whose chroma is then bicubic. A student on luma is trained on luma
    patches, so its teacher must work on luma too.

    Raises:
        TrainingError: The student works on luma and the teacher on RGB.
    """

    points = True

    def __init__(self, setup: srbench.Setup) -> None:
        super().__init__(setup)
        setup.require_common_colours()

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``logits``."""
        sr = self.setup.student(batch.lr, batch.wanted)
        with torch.no_grad():
            target = self.setup.teacher(batch.lr, batch.wanted)
        return {**self.setup.supervised(sr, batch.hr), "logits": TEACHER_WEIGHT * F.l1_loss(sr, target)}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide imitation of the output."""
    return [
        srbench.DistillerSpec(
            name="logits",
            label="logits",
            build=Logits,
            license="Apache-2.0",
            paper=srbench.Paper(
                title="Distilling the Knowledge in a Neural Network",
                venue="NIPS Deep Learning Workshop",
                year=2014,
                url="https://arxiv.org/abs/1503.02531",
            ),
            notes="The paper's idea applied to images, as the SR literature uses it for a baseline.",
        )
    ]
