"""DFSR: no images at all, but a generator of those on which student and teacher differ (Zhang et al., CVPR 2021).

The student follows the teacher on what a generator makes of noise, ``sum (S(x) - T(x))²``. After 50 of its steps the
generator takes one, against the student and towards images that look like lr,

``-ln(1 + sum (S(x) - T(x))²) + sum (x - clip(bicubic(T(x))))²``,

where bicubic shrinks the teacher's image to the size of x = G(z). These are sums over the whole batch, as in the
release, so that the second term grows with the batch and the first hardly does. Each scale has a generator.

Not one pixel of the training images is used: of a batch only its shape matters. Neither are the recipe's losses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.imaging import imresize

STUDENT_STEPS = 50
LATENT = 256
GENERATOR_RATE = 1e-5
WIDTH, SLOPE = 128, 0.2
"""Of the generator."""


def squared_error(one: Tensor, other: Tensor) -> Tensor:
    """The sum of squared differences, over the whole batch."""
    return F.mse_loss(one, other, reduction="sum")


def agreement(student: Tensor, teacher: Tensor) -> Tensor:
    """What the generator lessens to find images on which the networks differ, ``-ln(1 + sum (S - T)²)``.

    Args:
        student: (N, C, H, W).
        teacher: The same.
    """
    return -torch.log1p(squared_error(student, teacher))


class Generator(nn.Module):
    """Makes images of noise: a coarse map, twice enlarged and convolved, then a tanh brought to [0, 1].

    Args:
        colours: Channels of an image.
        side: Of the images it is meant for; a quarter of it is the side of the coarse map.
    """

    def __init__(self, colours: int, side: int) -> None:
        super().__init__()
        self.coarse = max(2, -(-side // 4))
        self.spread = nn.Linear(LATENT, WIDTH * self.coarse**2)
        self.norm = nn.InstanceNorm2d(WIDTH)
        self.middle = _layer(WIDTH, WIDTH)
        self.fine = _layer(WIDTH, WIDTH // 2)
        self.last = nn.Conv2d(WIDTH // 2, colours, 3, padding=1)

    def forward(self, noise: Tensor, height: int, width: int) -> Tensor:
        """(N, 256) to (N, C, height, width) in [0, 1]."""
        maps = self.norm(self.spread(noise).unflatten(1, (WIDTH, self.coarse, self.coarse)))
        maps = self.middle(F.interpolate(maps, (max(2, -(-height // 2)), max(2, -(-width // 2)))))
        maps = self.fine(F.interpolate(maps, (height, width)))
        image: Tensor = (self.last(maps).tanh() + 1) / 2
        return image


def _layer(channels_in: int, channels_out: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)  # the mean is taken away after it
    return nn.Sequential(convolution, nn.InstanceNorm2d(channels_out), nn.LeakyReLU(SLOPE))


class DFSR(srbench.Distiller):
    """Its terms are ``imitation``, the student's, and ``agreement`` and ``likeness`` when the generator takes a step.

    Args:
        setup: The training's.
        student_steps: How many the student takes before the generator takes one.
        likeness: Weight of it.
        generator_rate: The generator's learning rate.
    """

    def __init__(
        self,
        setup: srbench.Setup,
        *,
        student_steps: int = STUDENT_STEPS,
        likeness: float = 1.0,
        generator_rate: float = GENERATOR_RATE,
    ) -> None:
        super().__init__(setup)
        setup.require_common_colours()
        recipe, colours = setup.recipe, setup.student.colours
        self.generators = nn.ModuleDict(
            {str(scale): Generator(colours, recipe.lr_side(recipe.patch, scale)) for scale in setup.scales}
        )
        self.student_steps, self.likeness, self.generator_rate = student_steps, likeness, generator_rate

    def phases(self) -> Sequence[srbench.Phase]:
        """One, with two optimisers."""
        rates = {"student": self.setup.recipe.learning_rate, "generator": self.generator_rate}
        optimised: dict[str, list[nn.Module]]
        optimised = {"student": [self.setup.student.module], "generator": [self.generators]}
        within = max(64, self.student_steps * 2 * len(self.setup.scales))
        return (srbench.Phase("train", optimise=optimised, learning_rate=rates, gradient_within=within),)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """``imitation``, on new images."""
        with torch.no_grad():
            images = self._images(batch)
            target = self.setup.teacher(images, batch.scale)
        return {"imitation": squared_error(self.setup.student(images, batch.scale), target)}

    def generator_losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """``agreement`` and ``likeness``, on new images."""
        images = self._images(batch)
        target = self.setup.teacher(images, batch.scale)
        shrunk = imresize(target, scale=1 / batch.scale).clamp(0, 1)
        return {
            "agreement": agreement(self.setup.student(images, batch.scale), target),
            "likeness": self.likeness * squared_error(images, shrunk),
        }

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],  # noqa: ARG002 - it has no use for images
    ) -> Mapping[str, Tensor]:
        """One of the student's, and at times, at the last step too, one of the generator's."""
        terms = dict(self.losses(batch))
        optimisers["student"].minimise(terms["imitation"])
        done = batch.step + 1
        if done % self.student_steps == 0 or done == batch.steps:
            mine = self.generator_losses(batch)
            optimisers["generator"].minimise(torch.stack(tuple(mine.values())).sum())
            terms |= mine
        return terms

    def _images(self, batch: srbench.Batch) -> Tensor:
        """New images of the batch's shape, from new noise."""
        count, _, height, width = batch.lr.shape
        noise = torch.randn(count, LATENT, generator=batch.generator).to(batch.lr.device)
        images: Tensor = self.generators[str(batch.scale)](noise, height, width)
        return images


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Distillation without data."""
    return [
        srbench.DistillerSpec(
            name="dfsr",
            label="DFSR",
            build=DFSR,
            reconstruction=True,
            license="BSD-3-Clause",
            paper=srbench.Paper(
                title="Data-Free Knowledge Distillation for Image Super-Resolution",
                venue="CVPR",
                year=2021,
                url="https://github.com/huawei-noah/Efficient-Computing",
            ),
            notes="Trained without any image, whatever the recipe's datasets are. The losses and their weights are the "
            "release's, without the progressive growth that it leaves off. The generator's layers, and that every step "
            "has new noise, are our reading. The release trains its students by SGD, here the recipe decides.",
        )
    ]
