"""DCKD: contrast with what the student makes of noise, and imitation of codes (Zhou et al., AAAI 2025).

``L(S, hr) + L1(S, T) + 0.1 * contrast + 0.001 * codes``, where ``L`` are the recipe's own losses.

* ``contrast`` (the paper's dynamic contrastive regularisation) is the ratio of `srbench_plugins.distillers.spn`, away
  from five images of the student's past, four of them of noisy lr, towards the teacher's;
* ``codes`` (its distribution mapping module) is the cross-entropy between how like the codes of a codebook the
  teacher's and the student's image are, pixel by pixel of the encoder's last level.

The paper's encoder and codebook are VQGAN's, whose weights do not come with srbench. By default an untrained encoder
stands in for it, or one trained on ImageNet (``dckd_alex``, ``dckd_vgg``); the codes are then what it sees in the first
patches of hr, and distances to them are divided by a tenth of the mean distance between them, since the encoder's unit
means nothing.

The release takes a soft-max of the student's likenesses twice, and lets the past follow the average of the student's
weights where the paper has the weights themselves: ``dckd_official``. ``dckd_dukd`` also asks for the same image
whichever way lr is turned, as DUKD does (DCKD* in the paper).
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
    CAP,
    KEEP,
    NOISY,
    PERIOD,
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
CHANCE = 0.5
"""Of each change of lr in ``dckd_dukd``."""
CODES = 1024
SOFTNESS = 0.1
"""Of likenesses to codes that were seen in images, by the mean squared distance between the codes; ours."""


def likeness(maps: Tensor, codes: Tensor, unit: Tensor | float = 1.0) -> Tensor:
    """Logarithm of the soft-max of how near each pixel is to each code, by squared distance (equation 8).

    The paper's equation lacks the minus sign that makes the nearest the likeliest; the release has it.

    Args:
        maps: (N, C, h, w).
        codes: (K, C).
        unit: What distances are divided by.

    Returns:
        (N*h*w, K).
    """
    with full_precision(maps):
        pixels = maps.movedim(1, -1).flatten(0, -2).to(codes.dtype)
        squares = pixels.square().sum(1, keepdim=True) + codes.square().sum(1)
        distances = squares - 2 * pixels @ codes.T
        return F.log_softmax(-distances / unit, dim=1)


def code_entropy(student: Tensor, teacher: Tensor, *, twice: bool = False) -> Tensor:
    """Cross-entropy between likenesses, a mean over the pixels (equation 9).

    Args:
        student: From `likeness`.
        teacher: The same.
        twice: Take another soft-max of the student's, as the release does: its loss expects numbers before a soft-max
            and is given numbers after one.
    """
    if twice:
        student = F.log_softmax(student.exp(), dim=1)
    return -(teacher.exp() * student).sum(dim=1).mean()


class DCKD(srbench.Distiller):
    """Adds ``logits``, ``contrast`` and ``codes``, and ``consistency`` where it is asked for.

    Args:
        setup: The training's.
        encoder: What sees the images.
        contrast_weight: Of ``contrast``.
        codes_weight: Of ``codes``.
        noisy: Negatives of noisy lr, besides one of lr as it is.
        cap: See `srbench_plugins.distillers.spn.contrast`.
        codes: How many codes to take from hr, where the encoder brings none.
        consistency: Weight of the distance to what the teacher makes of lr turned about; 0 for none.
        keep: See `srbench_plugins.distillers.spn.History`.
        period: The same.
        average: Decay of the average of the student's weights that the past follows; None for the weights themselves.
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
        noisy: int = NOISY,
        cap: float = CAP,
        codes: int = CODES,
        consistency: float = 0.0,
        keep: float = KEEP,
        period: float = PERIOD,
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
        source = "hr" if self.encode.codes is None else "it"
        self.notes = (f"Images are seen by {self.encode.name}; {len(given)} codes come from {source}.",)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and those of the class."""
        sr = self.setup.student(batch.lr, batch.scale)
        with torch.no_grad():
            target = self.setup.teacher(batch.lr, batch.scale)
            known = self.encode(target)
            self._take_codes(batch)
        negatives = negatives_of(self.history, self.encode, batch, self.noisy)
        seen = self.encode(sr)
        terms = {
            **self.setup.supervised(sr, batch.hr),
            "logits": F.l1_loss(sr, target),
            "contrast": self.contrast_weight * contrast(seen, known, negatives, cap=self.cap),
            "codes": self.codes_weight * self._code_distance(seen[-1], known[-1]),
        }
        if self.consistency:
            terms["consistency"] = self.consistency * F.l1_loss(sr, self._turned(batch))
        return terms

    def after_step(self, batch: srbench.Batch) -> None:
        """The past moves on."""
        student = self.setup.student.module
        if self.average is not None and self.decay is not None:
            move(self.average, student, self.decay)
        self.history.follow(student if self.average is None else self.average, batch)

    def _take_codes(self, batch: srbench.Batch) -> None:
        """Fill the codebook with what the encoder sees of hr, until it is full."""
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
            unit = SOFTNESS * spread.clamp_min(torch.finfo(codes.dtype).tiny)
        likenesses = (likeness(maps, codes, unit) for maps in (student, teacher))
        return code_entropy(*likenesses, twice=self.twice)

    @torch.no_grad()
    def _turned(self, batch: srbench.Batch) -> Tensor:
        """What the teacher makes of lr changed at random, changed back."""
        change = Change.draw(len(batch.lr), CHANCE, batch.generator, batch.lr.device)
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
    """What sees the images, and what the release does differently, tell them apart."""
    plain = "Images are seen by an untrained network, the same on every machine."
    return [
        _spec("dckd", "DCKD", plain),
        _spec("dckd_alex", "DCKD (AlexNet)", "Images are seen by ImageNet's AlexNet.", encoder=alexnet),
        _spec("dckd_vgg", "DCKD (VGG-16)", "Images are seen by ImageNet's VGG-16.", encoder=vgg16),
        _spec("dckd_dukd", "DCKD + DUKD", f"{plain} With DUKD's consistency, the paper's DCKD*.", consistency=1.0),
        _spec(
            "dckd_dukd_alex",
            "DCKD + DUKD (AlexNet)",
            "Images are seen by ImageNet's AlexNet. With DUKD's consistency, the paper's DCKD*.",
            consistency=1.0,
            encoder=alexnet,
        ),
        _spec(
            "dckd_official",
            "DCKD (official)",
            f"{plain} As the release runs: two soft-maxes, no cap on the contrast, and a past that follows the "
            "average of the weights and moves on 25 times as often.",
            twice=True,
            average=0.999,
            cap=math.inf,
            period=1 / 250,
        ),
    ]
