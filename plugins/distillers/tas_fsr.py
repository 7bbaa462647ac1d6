"""Pixel Distillation in two stages, through an assistant: TAS with FSR (Guo et al., 2021). A reconstruction.

1. The assistant, which has the student's architecture, sees HR. It learns from the teacher's probabilities and
   features.
2. The student starts from the assistant's weights and sees LR. It learns from the assistant's probabilities, and from
   its features, which a super-resolving layer per tap makes of the student's: a 1x1 convolution, a pixel shuffle and a
   PReLU, compared by L1. These layers are dropped afterwards.

Both stages minimise ``0.1 * L + 0.9 * T² * KL + features`` with T = 4, where ``L`` are the recipe's own losses. The
paper names the two stages and the super-resolution of features; no release has them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.distilling.features import evaluating
from srbench.distilling.recognition.maps import ImageDecoder
from srbench.distilling.recognition.teaching import hinton_terms, image_sizes, recognisers

FEATURE_WEIGHT = 1.0
"""Weight of the features in both stages; the paper's is unknown."""


class AssistedDistillation(srbench.Distiller):
    """Trains the student's network on HR first; then freezes a copy as the assistant, and trains the student on LR.

    The terms of both phases are the recipe's, ``divergence`` and ``features``.

    Args:
        setup: The training setup.
        features: Weight of ``features``.
        share: Share of the steps that train the assistant.
    """

    assisted: Tensor

    def __init__(self, setup: srbench.Setup, *, features: float = FEATURE_WEIGHT, share: float = 0.5) -> None:
        super().__init__(setup)
        student, self.teacher = recognisers(setup)
        self.copy = copy.deepcopy(student.module).eval().requires_grad_(requires_grad=False)
        self.assistant = replace(student, module=self.copy)
        self.hints = srbench.FeaturePairs(setup)
        taps = tuple((tap, tap) for tap in student.spec.taps)
        self.stages = srbench.FeaturePairs(setup, taps, adapt=False, teacher=self.assistant)
        self.enlargers = self._enlargers()
        self.weight, self.share = features, share
        self.register_buffer("assisted", torch.tensor(data=False))

    @torch.no_grad()
    def _enlargers(self) -> nn.ModuleList:
        setup = self.setup
        seen, large = (torch.zeros(1, setup.student.colours, *size, device=setup.device) for size in image_sizes(setup))
        with evaluating(setup.student.module):
            _, small_features = self.stages.of_student(seen, max(setup.scales))
        _, large_features = self.stages.of_teacher(large, 1)
        return nn.ModuleList(
            ImageDecoder(
                small.shape[1],
                max(-(-tall // low) for tall, low in zip(wide.shape[-2:], small.shape[-2:], strict=True)),
                colours=wide.shape[1],
            )
            for small, wide in zip(small_features, large_features, strict=True)
        )

    def phases(self) -> Sequence[srbench.Phase]:
        """First the assistant, then the student."""
        module = self.setup.student.module
        return (
            srbench.Phase("assistant", self.share, {"main": [module, self.hints]}, begin=self._begin_assistant),
            srbench.Phase("student", 1 - self.share, {"main": [module, self.enlargers]}, begin=self._begin_student),
        )

    def _begin_assistant(self) -> None:
        self.assisted.fill_(value=False)

    def _begin_student(self) -> None:
        self.assisted.fill_(value=True)
        self.copy.load_state_dict(self.setup.student.module.state_dict())

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms, ``divergence`` and ``features``."""
        if not self.assisted:
            embeddings, student_features = self.hints.of_student(batch.hr, batch.scale)
            wanted, teacher_features = self.hints.of_teacher(batch.hr, batch.scale)
            distances = [F.mse_loss(*pair) for pair in self.hints.matched(student_features, teacher_features)]
            teacher_logits = self.teacher.logits(wanted)
        else:
            embeddings, student_features = self.stages.of_student(batch.lr, batch.scale)
            wanted, teacher_features = self.stages.of_teacher(batch.hr, batch.scale)
            stages = zip(self.enlargers, student_features, teacher_features, strict=True)
            distances = [cast("ImageDecoder", enlarge).distance(small, large) for enlarge, small, large in stages]
            teacher_logits = self.assistant.logits(wanted)
        terms = hinton_terms(self.setup, embeddings, batch.target, teacher_logits)
        return {**terms, "features": self.weight * torch.stack(distances).sum()}


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide Pixel Distillation in two stages."""
    return [
        srbench.DistillerSpec(
            name="tas_fsr",
            label="Pixel Distillation (TAS + FSR)",
            build=AssistedDistillation,
            license="MIT",
            tasks=frozenset({"recognition"}),
            reconstruction=True,
            paper=srbench.Paper(
                title="Pixel Distillation: A New Knowledge Distillation Scheme for Low-Resolution Image Recognition",
                venue="arXiv",
                year=2021,
                url="https://arxiv.org/abs/2112.09532v1",
            ),
            notes="The stages are the paper's. The layer that super-resolves features, the weight 1 of features, the "
            "weights of Hinton's terms and the equal division of the steps are our choices.",
        )
    ]
