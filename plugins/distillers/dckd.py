"""DCKD: contrast with the student's own earlier outputs, and imitation of codes (Zhou et al., AAAI 2025).

``L(S, hr) + L1(S, T) + 0.1 * contrast + 0.001 * codes``, where ``L`` are the recipe's own losses.

* ``contrast`` (the paper's dynamic contrastive regularisation) is the ratio of `srbench_plugins.distillers.spn`: the
  positive is the teacher's image, the negatives are five images of an earlier student, four of them of noisy lr;
* ``codes`` (its distribution mapping module) compares student and teacher by their similarity to the codes of a
  codebook: the cross-entropy between the two distributions over codes, for each pixel of the encoder's last level.

The paper's encoder and codebook are VQGAN's, whose weights do not come with srbench. The default is an untrained
encoder; ``dckd_alex`` and ``dckd_vgg`` use one trained on ImageNet. The codes are then features of the first patches of
hr, and distances to them are divided by a tenth of the mean distance between them, as the encoder's unit is arbitrary.

The release applies a soft-max to the student's similarities twice, and its earlier student follows the average of the
student's weights where the paper uses the weights themselves: ``dckd_official``. ``dckd_dukd`` adds DUKD's consistency
under flips, transposition and inversion of lr (DCKD* in the paper).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from srbench_plugins.distillers.dukd import Change
from srbench_plugins.distillers.spn import (
    HISTORY_KEEP,
    HISTORY_PERIOD,
    NOISY_NEGATIVES,
    RATIO_CAP,
    History,
    contrast,
    move,
    negatives_of,
)
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench.distilling.encoders import MakeEncoder, alexnet, untrained, vgg16
from srbench.networks.blocks import full_precision

CONTRAST_WEIGHT = 0.1
CODES_WEIGHT = 0.001
CHANGE_PROBABILITY = 0.5
"""Probability of each change of lr in ``dckd_dukd``."""
CODES = 1024
CODE_TEMPERATURE = 0.1
"""Temperature of similarities to codes taken from images, in units of their mean squared distance; our choice."""


def likeness(maps: Tensor, codes: Tensor, unit: Tensor | float = 1.0) -> Tensor:
    """Log-probability of each code for each pixel: a soft-max of negative squared distances (equation 8).

    The paper's equation lacks the minus sign; the release has it.

    Args:
        maps: (N, C, h, w).
        codes: (K, C).
        unit: Divides the distances.

    Returns:
        (N*h*w, K).
    """
    with full_precision(maps):
        pixels = maps.movedim(1, -1).flatten(0, -2).to(codes.dtype)
        squares = pixels.square().sum(1, keepdim=True) + codes.square().sum(1)
        distances = squares - 2 * pixels @ codes.T
        return F.log_softmax(-distances / unit, dim=1)


def code_entropy(student: Tensor, teacher: Tensor, *, twice: bool = False) -> Tensor:
    """Cross-entropy between the code distributions of teacher and student, a mean over the pixels (equation 9).

    Args:
        student: From `likeness`.
        teacher: From `likeness`.
        twice: Apply a second soft-max to the student's, as the release does by passing probabilities to a loss that
            expects logits.
    """
    if twice:
        student = F.log_softmax(student.exp(), dim=1)
    return -(teacher.exp() * student).sum(dim=1).mean()


class DCKD(srbench.Distiller):
    """Adds ``logits``, ``contrast`` and ``codes``, and ``consistency`` if its weight is not 0.

    Args:
        setup: The training setup.
        encoder: Makes the frozen encoder.
        contrast_weight: Weight of ``contrast``.
        codes_weight: Weight of ``codes``.
        noisy: Number of negatives from noisy lr; one more comes from lr itself.
        cap: See `srbench_plugins.distillers.spn.contrast`.
        codes: Number of codes to take from hr if the encoder has no codebook.
        consistency: Weight of the distance to the teacher's output on flipped, transposed or inverted lr; 0 for none.
        keep: See `srbench_plugins.distillers.spn.History`.
        period: See `srbench_plugins.distillers.spn.History`.
        average: Decay of the average of the student's weights that the history follows; None for the weights.
        twice: See `code_entropy`.
    """

    codes: Tensor
    known: Tensor

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        encoder: MakeEncoder = untrained,
        contrast_weight: float = CONTRAST_WEIGHT,
        codes_weight: float = CODES_WEIGHT,
        noisy: int = NOISY_NEGATIVES,
        cap: float = RATIO_CAP,
        codes: int = CODES,
        consistency: float = 0.0,
        keep: float = HISTORY_KEEP,
        period: float = HISTORY_PERIOD,
        average: float | None = None,
        twice: bool = False,
    ) -> None:
        super().__init__(setup)
        setup.require_common_colours()
        self.encode = encoder(setup.device)
        self.contrast_weight, self.codes_weight, self.noisy = contrast_weight, codes_weight, noisy
        self.cap, self.consistency, self.decay, self.twice = cap, consistency, average, twice
        self.history = History(setup.student, keep=keep, period=period)
        self.average = None if average is None else copy.deepcopy(self.history.module)
        given = self.encode.codes
        if given is None:
            last = self.encode(torch.zeros(1, 3, 64, 64, device=setup.device))[-1]
            given = torch.zeros(codes, last.shape[1], device=setup.device)
        self.register_buffer("codes", given)
        self.register_buffer("known", torch.tensor(0 if self.encode.codes is None else len(given)))
        source = "hr" if self.encode.codes is None else "its codebook"
        self.notes = (f"The encoder is {self.encode.name}; {len(given)} codes come from {source}.",)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and those of the class."""
        sr = self.setup.student(batch.lr, batch.scale)
        with torch.no_grad():
            target = self.setup.teacher(batch.lr, batch.scale)
            teacher_features = self.encode(target)
            self._take_codes(batch)
        negatives = negatives_of(self.history, self.encode, batch, self.noisy)
        student_features = self.encode(sr)
        terms = {
            **self.setup.supervised(sr, batch.hr),
            "logits": F.l1_loss(sr, target),
            "contrast": self.contrast_weight * contrast(student_features, teacher_features, negatives, cap=self.cap),
            "codes": self.codes_weight * self._code_distance(student_features[-1], teacher_features[-1]),
        }
        if self.consistency:
            terms["consistency"] = self.consistency * F.l1_loss(sr, self._turned(batch))
        return terms

    def after_step(self, batch: srbench.Batch) -> None:
        """Update the average and the history."""
        student = self.setup.student.module
        if self.average is not None and self.decay is not None:
            move(self.average, student, self.decay)
        self.history.follow(student if self.average is None else self.average, batch)

    def _take_codes(self, batch: srbench.Batch) -> None:
        """Add features of hr to the codebook until it is full."""
        start = int(self.known)
        if missing := len(self.codes) - start:
            pixels = self.encode(batch.hr)[-1].movedim(1, -1).flatten(0, -2)
            chosen = torch.randperm(len(pixels), generator=batch.generator)[:missing].to(pixels.device)
            self.codes[start : start + len(chosen)] = pixels[chosen].to(self.codes)
            self.known += len(chosen)

    def _code_distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        codes = self.codes[: int(self.known)]
        unit = codes.new_ones(())
        if self.encode.codes is None:
            spread = 2 * codes.var(dim=0, correction=0).sum()  # the mean squared distance over all pairs
            unit = CODE_TEMPERATURE * spread.clamp_min(torch.finfo(codes.dtype).tiny)
        likenesses = (likeness(maps, codes, unit) for maps in (student, teacher))
        return code_entropy(*likenesses, twice=self.twice)

    @torch.no_grad()
    def _turned(self, batch: srbench.Batch) -> Tensor:
        """Return the teacher's output on randomly changed lr, changed back."""
        change = Change.draw(len(batch.lr), CHANGE_PROBABILITY, batch.generator, batch.lr.device)
        turned: Tensor = change.undo(self.setup.teacher(change.apply(batch.lr), batch.scale))
        return turned


def _spec(name: str, label: str, notes: str, **options: Any) -> srbench.DistillerSpec:  # noqa: ANN401 - DCKD's
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(DCKD, **options),
        form="official" if name.endswith("_official") else "corrected",
        license="Apache-2.0",
        paper=srbench.Paper(
            title="Dynamic Contrastive Knowledge Distillation for Efficient Image Restoration",
            venue="AAAI",
            year=2025,
            url="https://arxiv.org/abs/2412.08939",
        ),
        notes=f"{notes} The paper's encoder and codes are VQGAN's, and its release averages the weights; see none_ema.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide variants that differ in the encoder, in DUKD's consistency, and in the release's deviations."""
    plain = "The encoder is an untrained network, the same on every machine."
    return [
        _spec("dckd", "DCKD", plain),
        _spec("dckd_alex", "DCKD (AlexNet)", "The encoder is ImageNet's AlexNet.", encoder=alexnet),
        _spec("dckd_vgg", "DCKD (VGG-16)", "The encoder is ImageNet's VGG-16.", encoder=vgg16),
        _spec("dckd_dukd", "DCKD + DUKD", f"{plain} With DUKD's consistency, the paper's DCKD*.", consistency=1.0),
        _spec(
            "dckd_dukd_alex",
            "DCKD + DUKD (AlexNet)",
            "The encoder is ImageNet's AlexNet. With DUKD's consistency, the paper's DCKD*.",
            consistency=1.0,
            encoder=alexnet,
        ),
        _spec(
            "dckd_official",
            "DCKD (official)",
            f"{plain} As in the release's code: two soft-maxes, no cap on the contrast, and an earlier student that "
            "follows the average of the weights and is updated 25 times as often.",
            twice=True,
            average=0.999,
            cap=math.inf,
            period=1 / 250,
        ),
    ]
