"""DUKD: the images at hand, zoomed, are more to learn from (Zhang et al., arXiv 2309.14162; AugKD, ICLR 2025).

Besides ``w_p * L(S(lr), hr) + L1(S(lr), T(lr))`` the student follows the teacher where there is no truth, and may be
asked to where there is:

* zoomed in: crops c of hr, as large as lr, are enlarged: ``L1(inv(S(aug(c))), T(c))``. ``aug`` inverts, flips and
  transposes at random and ``inv`` takes it back, so that the student has to be consistent;
* zoomed out: lr, made smaller again: ``w_p * L1(S(lr'), lr) + L1(S(lr'), T(lr'))``.

``L`` are the recipe's own losses. The release trains in two goes a step and does not forget the gradients of the first
in between, so that they count twice; and takes ``aug`` back by doing it again, which turns an image upside down that
was transposed and flipped along one side (an eighth of them). ``dukd`` minimises the sum, and takes ``aug`` back;
``dukd_official`` is the release's.
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

SUPERVISION = 5.0
"""w_p for EDSR and SwinIR; the release has 1 for RCAN."""
CHANCE = 0.3
"""Of each inversion, flip and transposition."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What is done to each of a batch of square images; masks of (N,)."""

    inverted: Tensor
    flipped_down: Tensor
    flipped_across: Tensor
    transposed: Tensor

    @staticmethod
    def draw(count: int, chance: float, generator: Generator, device: torch.device) -> Change:
        """Each of the four for each image by chance.

        Args:
            count: How many images.
            chance: In [0, 1].
            generator: On the CPU.
            device: Where the images are.
        """
        drawn = torch.rand(4, count, generator=generator) < chance
        return Change(*drawn.to(device))

    def apply(self, images: Tensor) -> Tensor:
        """(N, C, p, p) in [0, 1], changed: inverted, flipped down, flipped across, and transposed, in this order."""
        images = _where(self.inverted, 1 - images, images)
        images = _where(self.flipped_down, images.flip(-2), images)
        images = _where(self.flipped_across, images.flip(-1), images)
        return _where(self.transposed, images.mT, images)

    def undo(self, images: Tensor) -> Tensor:
        """Take `apply` back; the images may have been enlarged meanwhile."""
        images = _where(self.transposed, images.mT, images)
        images = _where(self.flipped_across, images.flip(-1), images)
        images = _where(self.flipped_down, images.flip(-2), images)
        return _where(self.inverted, 1 - images, images)


def _where(mask: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    return torch.where(mask[:, None, None, None], changed, images)


def crops(hr: Tensor, side: int, generator: Generator) -> Tensor:
    """One square of each image, wherever the generator says: (N, C, H, W) to (N, C, side, side)."""
    height, width = hr.shape[-2:]
    tops = torch.randint(height - side + 1, (len(hr),), generator=generator).tolist()
    lefts = torch.randint(width - side + 1, (len(hr),), generator=generator).tolist()
    squares = zip(hr, tops, lefts, strict=True)
    return torch.stack([image[:, top : top + side, left : left + side] for image, top, left in squares])


class DUKD(srbench.Distiller):
    """Adds ``logits``, ``zoom_in``, ``zoom_out`` and ``zoom_out_logits``.

    Args:
        setup: The training's.
        supervision: w_p, of the truth against the teacher.
        crops: How many of each image's hr; by default 2 at x2 and 1 at other scales.
        chance: Of each change of the crops; 0 for none.
        zoom_out: Whether lr is made smaller, too.
        official: Whether gradients count twice and changes are taken back by being repeated, as in the release.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        supervision: float = SUPERVISION,
        crops: int | None = None,
        chance: float = CHANCE,
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
        """One step on the sum; the release's two, the second of which adds to the gradients of the first."""
        if not self.official:
            return super().step(batch, optimisers, next_batch)
        at_hand = self.at_hand(batch)
        optimisers["main"].minimise(sum_of(at_hand))
        zoomed = self.zoomed(batch)
        optimisers["main"].backward(sum_of(zoomed))
        optimisers["main"].step()
        return {**at_hand, **zoomed}

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """All terms."""
        return {**self.at_hand(batch), **self.zoomed(batch)}

    def at_hand(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms, weighted, and ``logits``."""
        sr = self.setup.student(batch.lr, batch.scale)
        supervised = self.setup.supervised(sr, batch.hr)
        return {
            **{name: self.supervision * term for name, term in supervised.items()},
            "logits": F.l1_loss(sr, self.taught(batch.lr, batch.scale)),
        }

    def zoomed(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """``zoom_in``, a mean over the crops, and the two terms of ``zoom_out``."""
        count = self.crops or (2 if batch.scale == 2 else 1)
        terms = {"zoom_in": torch.stack([self.zoom_in(batch) for _ in range(count)]).mean()}
        if self.zoom_out:
            lr = mod_crop(batch.lr, batch.scale)
            smaller = imresize(lr, scale=1 / batch.scale).clamp(0, 1)
            sr = self.setup.student(smaller, batch.scale)
            terms["zoom_out"] = self.supervision * F.l1_loss(sr, lr)
            terms["zoom_out_logits"] = F.l1_loss(sr, self.taught(smaller, batch.scale))
        return terms

    def zoom_in(self, batch: srbench.Batch) -> Tensor:
        """The distance to the teacher on one crop of each image."""
        shown = crops(batch.hr, min(batch.lr.shape[-2:]), batch.generator)
        change = Change.draw(len(shown), self.chance, batch.generator, shown.device)
        sr = self.setup.student(change.apply(shown), batch.scale)
        back = change.apply(sr) if self.official else change.undo(sr)
        return F.l1_loss(back, self.taught(shown, batch.scale))

    @torch.no_grad()
    def taught(self, lr: Tensor, scale: int) -> Tensor:
        """What the teacher makes of lr."""
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
        notes=f"{notes} Called DUKD in its first version. The release averages the weights besides; see none_ema.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """As it was meant, with the release's settings for RCAN, and as the release runs."""
    return [
        _spec("dukd", "DUKD / AugKD", "The release's settings for EDSR and SwinIR; one step on the sum.", DUKD),
        _spec(
            "dukd_rcan",
            "DUKD / AugKD (for RCAN)",
            "The release's settings for RCAN: truth at weight 1, crops as they are, nothing made smaller.",
            partial(DUKD, supervision=1.0, chance=0.0, zoom_out=False),
        ),
        _spec(
            "dukd_official",
            "DUKD (official)",
            "As the release runs: two updates a step, of which the second counts the first one's gradients again, and "
            "targets upside down for an eighth of the crops.",
            partial(DUKD, official=True),
        ),
    ]
