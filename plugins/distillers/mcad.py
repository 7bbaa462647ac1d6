"""MCAD-KD: a contrastive loss whose negatives are the teacher's outputs on other patches (ICCV Workshops 2025).

A reconstruction of what is distilled, without the adversary that the paper adds. With projections of the images, and of
patches of them, to vectors of unit norm,

``3 * L(S, hr) + 0.5 * L1(S, T) + w * (0.3 * contrast of images + 0.7 * contrast of patches)``

where ``L`` are the recipe's own losses and the contrast is InfoNCE over the batch. In the release the positive is
missing from the denominator, the projections and the temperature reach no optimiser, the student's and the teacher's
patches are cut at different places, and the weights 3 and 0.5 are applied twice. Here nothing of that is so, except
that the temperature stays what it is; ``mcad_official`` leaves the positive out and applies the weights twice.
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

TRUTH, IMITATION = 3.0, 0.5
OF_IMAGES, OF_PATCHES = 0.3, 0.7
TEMPERATURE = 0.07
WEIGHT = 0.01
"""w, ours."""
WIDTH, LENGTH = 32, 64
"""Of the projections, ours."""
PATCHES = 4
"""How many along each side of an image, ours."""


def info_nce(
    student: Tensor, teacher: Tensor, temperature: float = TEMPERATURE, *, without_positive: bool = False
) -> Tensor:
    """``-log(e^{s_i t_i / τ} / sum over k of e^{s_i t_k / τ})``, a mean over i.

    Args:
        student: (N, D), of unit norm.
        teacher: The same; row i is what row i of the student is to be near, and the others what it is to be far from.
        temperature: τ.
        without_positive: Leave k = i out of the sum, as the release does; the result may then be negative.
    """
    with full_precision(student):
        products = student @ teacher.T / temperature
        positives = products.diagonal()
        if without_positive:
            own = torch.eye(len(products), dtype=torch.bool, device=products.device)
            products = products.masked_fill(own, -torch.inf)
        return (products.logsumexp(dim=1) - positives).mean()


class Projection(nn.Module):
    """Images to vectors of unit norm.

    Args:
        colours: Channels of the images.
    """

    def __init__(self, colours: int) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(colours, WIDTH, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.project = nn.Linear(WIDTH, LENGTH)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, D)."""
        return F.normalize(self.project(self.see(images - 0.5)).float(), dim=1)


class MCAD(srbench.Distiller):
    """Adds ``logits``, ``images`` and ``patches``.

    Args:
        setup: The training's.
        weight: w.
        official: Whether the positive is left out and the weights of truth and imitation are applied twice.
    """

    def __init__(self, setup: srbench.Setup, *, weight: float = WEIGHT, official: bool = False) -> None:
        super().__init__(setup)
        setup.require_common_colours()
        self.of_images, self.of_patches = (Projection(setup.student.colours) for _ in range(2))
        self.weight, self.contrast = weight, partial(info_nce, without_positive=official)
        self.truth, self.imitation = (w**2 if official else w for w in (TRUTH, IMITATION))

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
            "images": self.weight * OF_IMAGES * images,
            "patches": self.weight * OF_PATCHES * patches,
        }


def cut(images: Tensor, count: int = PATCHES) -> Tensor:
    """Images (N, C, H, W) to the patches of a grid, (N*count*count, C, H//count, W//count), without what is over."""
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
        notes=f"{notes} Without the paper's adversary; the layers of the projections, the patches and the weight of "
        "the contrast are ours.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """With the usual contrast, and with the release's."""
    return [
        _spec("mcad", "MCAD-KD", "The contrast has the positive in its denominator."),
        _spec(
            "mcad_official",
            "MCAD-KD (official)",
            "As in the release, the positive is missing from the denominator, and the weights are applied twice.",
            official=True,
        ),
    ]
