"""MCAD-KD: a contrastive loss whose negatives are the teacher's outputs on other patches (ICCV Workshops 2025).

A reconstruction of the distillation, without the paper's adversary. Images and their patches are projected to vectors
of unit norm, and the loss is

``3 * L(S, hr) + 0.5 * L1(S, T) + w * (0.3 * contrast of images + 0.7 * contrast of patches)``

where ``L`` are the recipe's own losses and the contrast is InfoNCE over the batch. The release has several errors: the
positive is missing from the denominator, no optimiser trains the projections and the temperature, the patches of
student and teacher are cut at different places, and the weights 3 and 0.5 are applied twice. They are corrected here,
except that the temperature stays fixed; ``mcad_official`` leaves the positive out and applies the weights twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import full_precision

TRUTH_WEIGHT, IMITATION_WEIGHT = 3.0, 0.5
IMAGES_SHARE, PATCHES_SHARE = 0.3, 0.7
TEMPERATURE = 0.07
CONTRAST_WEIGHT = 0.01
"""w, our choice."""
PROJECTION_WIDTH, PROJECTION_LENGTH = 32, 64
"""Our choice."""
PATCHES_A_SIDE = 4
"""Patches along each side of an image; our choice."""


def info_nce(
    student: Tensor, teacher: Tensor, temperature: float = TEMPERATURE, *, without_positive: bool = False
) -> Tensor:
    """``-log(e^{s_i t_i / τ} / sum over k of e^{s_i t_k / τ})``, a mean over i.

    Args:
        student: Vectors (N, D) of unit norm.
        teacher: Vectors (N, D) of unit norm; row i is the positive of the student's row i, the others are negatives.
        temperature: τ.
        without_positive: Leave k = i out of the sum, as the release does; the result can then be negative.
    """
    with full_precision(student):
        products = student @ teacher.T / temperature
        positives = products.diagonal()
        if without_positive:
            own = torch.eye(len(products), dtype=torch.bool, device=products.device)
            products = products.masked_fill(own, -torch.inf)
        return (products.logsumexp(dim=1) - positives).mean()


class Projection(nn.Module):
    """Projects images to vectors of unit norm.

    Args:
        colours: Channels of the images.
    """

    def __init__(self, colours: int) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(colours, PROJECTION_WIDTH, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(PROJECTION_WIDTH, PROJECTION_WIDTH, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.project = nn.Linear(PROJECTION_WIDTH, PROJECTION_LENGTH)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to vectors (N, D)."""
        return F.normalize(self.project(self.see(images - 0.5)).float(), dim=1)


class MCAD(srbench.Distiller):
    """Adds ``logits``, ``images`` and ``patches``.

    Args:
        setup: The training setup.
        weight: Weight w of the contrasts.
        official: Whether to leave the positive out, and to apply the weights of truth and imitation twice.
    """

    def __init__(self, setup: srbench.Setup, *, weight: float = CONTRAST_WEIGHT, official: bool = False) -> None:
        super().__init__(setup)
        setup.require_common_colours()
        self.of_images, self.of_patches = (Projection(setup.student.colours) for _ in range(2))
        self.weight, self.contrast = weight, partial(info_nce, without_positive=official)
        self.truth, self.imitation = (w**2 if official else w for w in (TRUTH_WEIGHT, IMITATION_WEIGHT))

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """The recipe's terms and those of the class."""
        sr = self.setup.student(batch.lr, batch.scale)
        with torch.no_grad():
            target = self.setup.teacher(batch.lr, batch.scale)
        supervised = self.setup.supervised(sr, batch.hr)
        images = self.contrast(self.of_images(sr), self.of_images(target))
        patches = self.contrast(self.of_patches(cut(sr)), self.of_patches(cut(target)))
        return {
            **{name: self.truth * term for name, term in supervised.items()},
            "logits": self.imitation * F.l1_loss(sr, target),
            "images": self.weight * IMAGES_SHARE * images,
            "patches": self.weight * PATCHES_SHARE * patches,
        }


def cut(images: Tensor, count: int = PATCHES_A_SIDE) -> Tensor:
    """Cut images (N, C, H, W) into the patches of a grid, (N*count*count, C, H//count, W//count); drop the rest."""
    height, width = (side // count for side in images.shape[-2:])
    patches = images.unfold(2, height, height)[:, :, :count].unfold(3, width, width)[:, :, :, :count]
    return patches.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)


def _spec(name: str, label: str, notes: str, **options: Any) -> srbench.DistillerSpec:  # noqa: ANN401 - MCAD's
    return srbench.DistillerSpec(
        name=name,
        label=label,
        build=partial(MCAD, **options),
        reconstruction=True,
        form="official" if name.endswith("_official") else "corrected",
        license="Apache-2.0",
        paper=srbench.Paper(
            title="MCAD-KD",
            venue="ICCV Workshops",
            year=2025,
            url="https://github.com/seanko29/mcadkd",
        ),
        notes=f"{notes} Without the paper's adversary. The layers of the projections, the patches and the weight of "
        "the contrast are ours.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide variants with the usual contrast and with the release's."""
    return [
        _spec("mcad", "MCAD-KD", "The contrast has the positive in its denominator."),
        _spec(
            "mcad_official",
            "MCAD-KD (official)",
            "As in the release's code, the denominator lacks the positive, and the weights are applied twice.",
            official=True,
        ),
    ]
