"""KDSR: the student learns to estimate the degradation from a teacher that sees hr (ICLR 2023).

Both networks are an SR network G and an estimator of the degradation, whose output drives G's kernels (Xia et al.; the
networks are in `srbench_plugins.architectures.kdsr`). The teacher's estimator sees lr and hr, and teacher and estimator
learn by the recipe's losses. Then the student starts with the teacher's G and an estimator of its own, which sees lr
alone, and learns by the recipe's losses and

``KL(softmax(D'_T / 0.15) || softmax(D'_S / 0.15))``, a sum over the vector and a mean over the batch,

where D' is what the estimators give before they compress it. Nothing scales it by the temperature's square. For
anisotropic blur and noise the release has the estimator learn alone at first, by the divergence, at twice the rate.

LightBSR (ICCV 2025) adds ``0.1 * L1(D'_S, D'_T)``, which KDSR's release computes and leaves out.

``kdsr_undistilled`` is the control: all of it but the divergence. What it gains over ``none`` is the teacher's G, and
what ``kdsr`` gains over it is the distilled representation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from srbench_plugins.architectures.kdsr import KDSR, PAPER
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import full_precision

TEMPERATURE = 0.15
ABSOLUTE_WEIGHT = 0.1
"""Of the L1 distance, in LightBSR."""
TEACHER, ESTIMATOR, STUDENT = range(3)
"""The stages."""

Distance = Callable[[Tensor, Tensor], Tensor]
"""From the student's and the teacher's vectors, (N, 4C), to one number."""


def divergence(student: Tensor, teacher: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """KL divergence of the student's softened vectors from the teacher's (equation 6).

    Args:
        student: D', (N, 4C).
        teacher: The same.
        temperature: Both are divided by it.

    Returns:
        The mean over the batch, not multiplied by the square of the temperature.
    """
    with full_precision(student):
        wide = torch.promote_types(student.dtype, torch.float32)
        mine, theirs = (F.log_softmax(vectors.to(wide) / temperature, dim=1) for vectors in (student, teacher))
        return F.kl_div(mine, theirs, reduction="batchmean", log_target=True)


def divergence_and_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """LightBSR's: `divergence`, and a tenth of the mean absolute difference."""
    return divergence(student, teacher) + ABSOLUTE_WEIGHT * F.l1_loss(student, teacher)


class DegradationDistillation(srbench.Distiller):
    """Trains a teacher that sees hr, and then the student; the terms are the recipe's and ``degradation``.

    Args:
        setup: The training's; no teacher is needed.
        distance: Between the vectors.
        weight: Of it; 0 leaves it out.
        estimator_first: Whether the student's estimator learns alone before the whole student does.

    Raises:
        TrainingError: The student is no KDSR network.
    """

    stage: Tensor

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        distance: Distance = divergence,
        weight: float = 1.0,
        estimator_first: bool = False,
    ) -> None:
        super().__init__(setup)
        if not isinstance(setup.student.module, KDSR):
            raise srbench.TrainingError(
                f"{setup.student.spec.name} makes no estimate of the degradation that could be distilled; train a KDSR "
                "network this way, such as kdsr_m."
            )
        self.teacher = setup.student.module.teacher().to(setup.device)
        self.distance, self.weight, self.estimator_first = distance, weight, estimator_first
        self.register_buffer("stage", torch.tensor(TEACHER))

    @property
    def student(self) -> KDSR:
        """The student's network."""
        return cast("KDSR", self.setup.student.module)

    def phases(self) -> Sequence[srbench.Phase]:
        """The teacher, the estimator alone if it goes first, and the student; by the epochs of the release."""
        estimator, rate = self.student.E_st, self.setup.recipe.learning_rate
        teacher = srbench.Phase("teacher", 500, {"main": [self.teacher]}, begin=self._begin_teacher)
        student = {"main": [self.student]}
        if not self.estimator_first:
            return (teacher, srbench.Phase("student", 600, student, begin=partial(self._hand_over, STUDENT)))
        return (
            teacher,
            srbench.Phase(
                "estimator",
                100,
                {"main": [estimator.E, estimator.mlp]},
                learning_rate=2 * rate,
                begin=partial(self._hand_over, ESTIMATOR),
            ),
            srbench.Phase("student", 400, student, begin=partial(self._hand_over, STUDENT)),
        )

    def _begin_teacher(self) -> None:
        self.stage.fill_(TEACHER)

    def _hand_over(self, stage: int) -> None:
        """Freeze the teacher; the student goes on with its SR network, which no stage but the last changes."""
        self.stage.fill_(stage)
        self.teacher.eval().requires_grad_(requires_grad=False)
        self.student.G.load_state_dict(self.teacher.G.state_dict())

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms of the teacher, then ``degradation`` alone if so, then both of the student."""
        if self.stage == TEACHER:
            return self.setup.supervised(self.teacher(batch.lr, batch.hr), batch.hr)
        if not self.weight:
            return super().losses(batch)
        if self.stage == ESTIMATOR:
            mine = self.student.E_st.representation(batch.lr)
            return {"degradation": self.weight * self.distance(mine, self._known(batch))}
        _, terms = self.imitate(batch)
        return terms

    def imitate(self, batch: srbench.Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        """What the whole student makes of lr, and its terms: the recipe's and ``degradation``."""
        known = self._known(batch)
        with srbench.capture(self.student, (KDSR.idr,)) as features:
            sr = self.setup.student(batch.lr, batch.scale)
        degradation = self.weight * self.distance(features[KDSR.idr], known)
        return sr, {**self.setup.supervised(sr, batch.hr), "degradation": degradation}

    @torch.no_grad()
    def _known(self, batch: srbench.Batch) -> Tensor:
        """The teacher's vectors."""
        return self.teacher.E.representation(self.teacher.seen(batch.lr, batch.hr))


def _spec(name: str, label: str, notes: str, **options: Any) -> srbench.DistillerSpec:  # noqa: ANN401 - the class's
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(DegradationDistillation, **options),
        needs_teacher=False,
        tried_on=("kdsr_small", "kdsr_small"),
        paper=PAPER,
        license="unknown (no licence file)",
        notes=f"{notes} For KDSR's networks only. It makes its teacher itself, and shares the steps as the release "
        "shares its epochs; the last stage of the student starts from the teacher's SR network.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """The plans of the release, the loss of its successor, and the control."""
    return [
        _spec("kdsr", "KDSR", "As for isotropic blur: the whole student learns at once."),
        _spec(
            "kdsr_estimator_first",
            "KDSR (estimator first)",
            "As for anisotropic blur and noise: the student's estimator learns alone at first, at twice the rate; the "
            "release lowers that rate once, here the recipe's schedule does.",
            estimator_first=True,
        ),
        _spec(
            "kdsr_l1",
            "KDSR + L1",
            "With LightBSR's distance between the vectors, KL and a tenth of L1; its loss on a feature map is left "
            "out.",
            distance=divergence_and_distance,
        ),
        _spec(
            "kdsr_undistilled",
            "KDSR, undistilled",
            "The control: the student starts from the teacher's SR network as in kdsr, and no divergence is learnt.",
            weight=0.0,
        ),
    ]
