"""DUKD: distil on zoomed-in and zoomed-out training images too (Zhang et al., arXiv 2309.14162; AugKD, ICLR 2025).

Besides ``w_p * L(S(lr), hr) + L1(S(lr), T(lr))`` the student learns from two more kinds of images:

* zoomed in: crops c of hr, as large as lr, which have no ground truth: ``L1(inv(S(aug(c))), T(c))``. ``aug`` inverts,
  flips and transposes at random, and ``inv`` undoes it, so that the student has to be consistent;
* zoomed out: lr', which is lr made smaller again: ``w_p * L1(S(lr'), lr) + L1(S(lr'), T(lr'))``.

``L`` are the recipe's own losses. The release makes two updates a step and keeps the gradients of the first for the
second, so that they count twice. It also undoes ``aug`` by applying it again, which rotates an image by 180 degrees if
it was transposed and flipped along one side (an eighth of them). ``dukd`` minimises the sum and undoes ``aug``
correctly; ``dukd_official`` does what the release does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

import srbench
from srbench.distilling.distiller import sum_of
from srbench.imaging import imresize, mod_crop

TRUTH_WEIGHT = 5.0
"""w_p for EDSR and SwinIR; the release has 1 for RCAN."""
CHANGE_PROBABILITY = 0.3
"""Probability of each inversion, flip and transposition."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """The augmentation of each image of a batch of squares, as masks of (N,)."""

    inverted: Tensor
    flipped_down: Tensor
    flipped_across: Tensor
    transposed: Tensor

    @staticmethod
    def draw(count: int, chance: float, generator: Generator, device: torch.device) -> Change:
        """Draw each of the four changes for each image.

        Args:
            count: Number of images.
            chance: Probability of each change, in [0, 1].
            generator: On the CPU.
            device: The device of the images.
        """
        drawn = torch.rand(4, count, generator=generator) < chance
        return Change(*drawn.to(device))

    def apply(self, images: Tensor) -> Tensor:
        """Invert, flip vertically, flip horizontally and transpose, in this order, images (N, C, p, p) in [0, 1]."""
        images = _where(self.inverted, 1 - images, images)
        images = _where(self.flipped_down, images.flip(-2), images)
        images = _where(self.flipped_across, images.flip(-1), images)
        return _where(self.transposed, images.mT, images)

    def undo(self, images: Tensor) -> Tensor:
        """Undo `apply`; the images may have been enlarged since."""
        images = _where(self.transposed, images.mT, images)
        images = _where(self.flipped_across, images.flip(-1), images)
        images = _where(self.flipped_down, images.flip(-2), images)
        return _where(self.inverted, 1 - images, images)


def _where(mask: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    return torch.where(mask[:, None, None, None], changed, images)


def crops(hr: Tensor, side: int, generator: Generator) -> Tensor:
    """Crop a random square from each image: (N, C, H, W) to (N, C, side, side)."""
    height, width = hr.shape[-2:]
    tops = torch.randint(height - side + 1, (len(hr),), generator=generator).tolist()
    lefts = torch.randint(width - side + 1, (len(hr),), generator=generator).tolist()
    squares = zip(hr, tops, lefts, strict=True)
    return torch.stack([image[:, top : top + side, left : left + side] for image, top, left in squares])


class DUKD(srbench.Distiller):
    """Adds ``logits``, ``zoom_in``, ``zoom_out`` and ``zoom_out_logits``.

    Args:
        setup: The training setup.
        supervision: w_p, the weight of the ground truth against the teacher.
        crops: Crops of each hr image; default: 2 at x2 and 1 at other scales.
        chance: Probability of each change of the crops; 0 for none.
        zoom_out: Whether to train on smaller lr as well.
        official: Whether gradients count twice and changes are undone by repeating them, as in the release.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        supervision: float = TRUTH_WEIGHT,
        crops: int | None = None,
        chance: float = CHANGE_PROBABILITY,
        zoom_out: bool = True,
        official: bool = False,
    ) -> None:
        super().__init__(setup)
        setup.require_common_colours()
        self.supervision, self.crops, self.chance = supervision, crops, chance
        self.zoom_out, self.official = zoom_out, official

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],
    ) -> Mapping[str, Tensor]:
        """Take one step on the sum; or, as the release, two, the second of which keeps the gradients of the first."""
        if not self.official:
            return super().step(batch, optimisers, next_batch)
        at_hand = self.at_hand(batch)
        optimisers["main"].minimise(sum_of(at_hand))
        zoomed = self.zoomed(batch)
        optimisers["main"].backward(sum_of(zoomed))
        optimisers["main"].step()
        return {**at_hand, **zoomed}

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The terms on the batch, and those on zoomed images."""
        return {**self.at_hand(batch), **self.zoomed(batch)}

    def at_hand(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms, weighted, and ``logits``."""
        sr = self.setup.student(batch.lr, batch.scale)
        supervised = self.setup.supervised(sr, batch.hr)
        return {
            **{name: self.supervision * term for name, term in supervised.items()},
            "logits": F.l1_loss(sr, self.target(batch.lr, batch.scale)),
        }

    def zoomed(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """``zoom_in``, a mean over the crops, and the two terms of ``zoom_out``."""
        count = self.crops or (2 if batch.scale == 2 else 1)
        terms = {"zoom_in": torch.stack([self.zoom_in(batch) for _ in range(count)]).mean()}
        if self.zoom_out:
            lr = mod_crop(batch.lr, batch.scale)
            smaller = imresize(lr, size=srbench.lr_size((lr.shape[-2], lr.shape[-1]), batch.scale)).clamp(0, 1)
            sr = self.setup.student(smaller, batch.scale)
            terms["zoom_out"] = self.supervision * F.l1_loss(sr, lr)
            terms["zoom_out_logits"] = F.l1_loss(sr, self.target(smaller, batch.scale))
        return terms

    def zoom_in(self, batch: srbench.Batch) -> Tensor:
        """The distance to the teacher on one crop of each image."""
        squares = crops(batch.hr, min(batch.lr.shape[-2:]), batch.generator)
        change = Change.draw(len(squares), self.chance, batch.generator, squares.device)
        sr = self.setup.student(change.apply(squares), batch.scale)
        restored = change.apply(sr) if self.official else change.undo(sr)
        return F.l1_loss(restored, self.target(squares, batch.scale))

    @torch.no_grad()
    def target(self, lr: Tensor, scale: srbench.Scale) -> Tensor:
        """The teacher's output for lr."""
        return self.setup.teacher(lr, scale)


def _spec(name: str, label: str, notes: str, build: Callable[[srbench.Setup], DUKD]) -> srbench.DistillerSpec:
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=build,
        form="official" if name.endswith("_official") else "corrected",
        license="CC0-1.0",
        paper=srbench.Paper(
            title="AugKD: Ingenious Augmentations Empower Knowledge Distillation for Image Super-Resolution",
            venue="ICLR",
            year=2025,
            url="https://arxiv.org/abs/2309.14162",
        ),
        notes=f"{notes} Called DUKD in its first version. The release also averages the weights; see none_ema.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide the corrected form, the settings for RCAN, and the release's form."""
    return [
        _spec("dukd", "DUKD / AugKD", "The release's settings for EDSR and SwinIR; one step on the sum.", DUKD),
        _spec(
            "dukd_rcan",
            "DUKD / AugKD (for RCAN)",
            "The release's settings for RCAN: ground truth at weight 1, unchanged crops, no zooming out.",
            partial(DUKD, supervision=1.0, chance=0.0, zoom_out=False),
        ),
        _spec(
            "dukd_official",
            "DUKD (official)",
            "As in the release's code: two updates a step, of which the second counts the gradients of the first "
            "again, and targets rotated by 180 degrees for an eighth of the crops.",
            partial(DUKD, official=True),
        ),
    ]
