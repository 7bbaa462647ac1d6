"""Imitation of a teacher's probabilities: Hinton's distillation (2014), and DKD (Zhao et al., CVPR 2022).

``kd`` minimises ``(1 - a) * L(S, labels) + a * T² * KL(T || S)`` with probabilities softened by the temperature T = 4,
and a = 0.9. ``dkd`` keeps the whole ``L`` and adds a divergence that weighs the right class and the shares of the
others separately. ``L`` are the recipe's own losses. Heads with margins keep them in ``L`` only: the logits that are
compared with the teacher's have none.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

import srbench
from srbench.distilling.recognition.logits import decoupled_divergence
from srbench.distilling.recognition.teaching import (
    TEACHER_SHARE,
    TEMPERATURE,
    hinton_terms,
    logits_of,
    recognisers,
    student_logits,
)

OTHERS_WEIGHT = 2.0
"""Weight of DKD's divergence among the other classes; its paper tunes it from 1 to 8."""
WARM_UP = 1 / 6
"""Share of the training over which DKD's weight rises from 0 to 1: 20 of the 120 epochs of Pixel Distillation."""


class HintonDistillation(srbench.Distiller):
    """Weighs the recipe's terms and ``divergence``, the distance to the teacher's probabilities.

    Args:
        setup: The training setup.
        temperature: What divides logits before the softmax.
        share: Weight of ``divergence``, in [0, 1]; the recipe's terms have the rest.
    """

    def __init__(self, setup: srbench.Setup, *, temperature: float = TEMPERATURE, share: float = TEACHER_SHARE) -> None:
        super().__init__(setup)
        self.student, self.teacher = recognisers(setup)
        self.temperature, self.share = temperature, share

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``divergence``."""
        return hinton_terms(
            self.setup,
            self.student(batch.lr),
            batch.target,
            logits_of(self.teacher, batch.for_teacher),
            temperature=self.temperature,
            share=self.share,
        )


class DecoupledDistillation(srbench.Distiller):
    """Adds ``decoupled``, whose weight rises from 0 to 1 at the start of the training.

    Args:
        setup: The training setup.
        others: Weight of the divergence among the classes that are not the right one.
    """

    def __init__(self, setup: srbench.Setup, *, others: float = OTHERS_WEIGHT) -> None:
        super().__init__(setup)
        self.student, self.teacher = recognisers(setup)
        self.others = others

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and ``decoupled``."""
        embeddings = self.student(batch.lr)
        teacher_logits = logits_of(self.teacher, batch.for_teacher)
        logits = student_logits(self.setup, embeddings, teacher_logits, batch.target)
        divergence = decoupled_divergence(
            logits, teacher_logits, batch.target, others=self.others, temperature=TEMPERATURE
        )
        weight = min((batch.step + 1) / (WARM_UP * batch.steps), 1.0)
        return {**self.setup.supervised(embeddings, batch.target), "decoupled": weight * divergence}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide both."""
    return [
        srbench.DistillerSpec(
            name="kd",
            label="KD",
            build=HintonDistillation,
            license="Apache-2.0",
            tasks=frozenset({"recognition"}),
            paper=srbench.Paper(
                title="Distilling the Knowledge in a Neural Network",
                venue="NIPS Deep Learning Workshop",
                year=2014,
                url="https://arxiv.org/abs/1503.02531",
            ),
            notes="Temperature 4 and a teacher's share of 0.9, as in the release of Pixel Distillation.",
        ),
        srbench.DistillerSpec(
            name="dkd",
            label="DKD",
            build=DecoupledDistillation,
            license="MIT",
            tasks=frozenset({"recognition"}),
            paper=srbench.Paper(
                title="Decoupled Knowledge Distillation",
                venue="CVPR",
                year=2022,
                url="https://arxiv.org/abs/2203.08679",
            ),
            notes="Weights 1 and 2, temperature 4, and a warm-up over the first sixth of the training, as in the "
            "release of Pixel Distillation.",
        ),
    ]
