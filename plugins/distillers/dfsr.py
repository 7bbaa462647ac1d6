"""DFSR: distillation without data, on generated images where student and teacher differ (Zhang et al., CVPR 2021).

The student imitates the teacher on images that a generator makes from noise, ``sum (S(x) - T(x))²``. After every 50
steps of the student the generator takes one step, against the student and towards images that look like lr,

``-ln(1 + sum (S(x) - T(x))²) + sum (x - clip(bicubic(T(x))))²``,

where bicubic shrinks the teacher's image to the size of x = G(z). The sums run over the whole batch, as in the release,
so the second term grows with the batch size and the first hardly does. Each scale has its own generator.

Neither the training images nor the recipe's losses are used; only the shape of a batch matters.
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
GENERATOR_WIDTH, GENERATOR_SLOPE = 128, 0.2


def squared_error(one: Tensor, other: Tensor) -> Tensor:
    """The sum of squared differences over the whole batch."""
    return F.mse_loss(one, other, reduction="sum")


def agreement(student: Tensor, teacher: Tensor) -> Tensor:
    """How closely the networks agree, ``-ln(1 + sum (S - T)²)``; the generator minimises it.

    Args:
        student: The student's output (N, C, H, W).
        teacher: The teacher's output, of the same shape.
    """
    return -torch.log1p(squared_error(student, teacher))


class Generator(nn.Module):
    """Makes images from noise: a coarse map, enlarged and convolved twice, then a tanh scaled to [0, 1].

    Args:
        colours: Channels of an image.
        side: Side of the images in pixels; the coarse map has a quarter of it.
    """

    def __init__(self, colours: int, side: int) -> None:
        super().__init__()
        self.coarse = max(2, -(-side // 4))
        self.spread = nn.Linear(LATENT, GENERATOR_WIDTH * self.coarse**2)
        self.norm = nn.InstanceNorm2d(GENERATOR_WIDTH)
        self.middle = _layer(GENERATOR_WIDTH, GENERATOR_WIDTH)
        self.fine = _layer(GENERATOR_WIDTH, GENERATOR_WIDTH // 2)
        self.last = nn.Conv2d(GENERATOR_WIDTH // 2, colours, 3, padding=1)

    def forward(self, noise: Tensor, height: int, width: int) -> Tensor:
        """Map noise (N, 256) to images (N, C, height, width) in [0, 1]."""
        maps = self.norm(self.spread(noise).unflatten(1, (GENERATOR_WIDTH, self.coarse, self.coarse)))
        maps = self.middle(F.interpolate(maps, (max(2, -(-height // 2)), max(2, -(-width // 2)))))
        maps = self.fine(F.interpolate(maps, (height, width)))
        image: Tensor = (self.last(maps).tanh() + 1) / 2
        return image


def _layer(channels_in: int, channels_out: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)  # the norm removes a bias
    return nn.Sequential(convolution, nn.InstanceNorm2d(channels_out), nn.LeakyReLU(GENERATOR_SLOPE))


class DFSR(srbench.Distiller):
    """Trains the student on ``imitation``, and the generator on ``agreement`` and ``likeness``.

    Args:
        setup: The training setup.
        student_steps: Steps of the student between two steps of the generator.
        likeness: Weight of ``likeness``.
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
            {str(scale): Generator(colours, recipe.lr_size(scale)[0]) for scale in setup.scales}
        )
        self.student_steps, self.likeness, self.generator_rate = student_steps, likeness, generator_rate

    def phases(self) -> Sequence[srbench.Phase]:
        """A single phase with two optimisers."""
        rates = {"student": self.setup.recipe.learning_rate, "generator": self.generator_rate}
        optimised: dict[str, list[nn.Module]]
        optimised = {"student": [self.setup.student.module], "generator": [self.generators]}
        within = max(64, self.student_steps * 2 * len(self.setup.scales))
        return (srbench.Phase("train", optimise=optimised, learning_rate=rates, gradient_within=within),)

    def losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """``imitation`` on newly generated images."""
        with torch.no_grad():
            images = self._images(batch)
            target = self.setup.teacher(images, batch.scale)
        return {"imitation": squared_error(self.setup.student(images, batch.scale), target)}

    def generator_losses(self, batch: srbench.Batch) -> Mapping[str, Tensor]:
        """``agreement`` and ``likeness`` on newly generated images."""
        images = self._images(batch)
        target = self.setup.teacher(images, batch.scale)
        shrunk = imresize(target, size=(images.shape[-2], images.shape[-1])).clamp(0, 1)
        return {
            "agreement": agreement(self.setup.student(images, batch.scale), target),
            "likeness": self.likeness * squared_error(images, shrunk),
        }

    def step(
        self,
        batch: srbench.Batch,
        optimisers: Mapping[str, srbench.Optimiser],
        next_batch: Callable[[], srbench.Batch],  # noqa: ARG002 - images are not used
    ) -> Mapping[str, Tensor]:
        """Train the student; after every `student_steps` steps, and after the last, train the generator too."""
        terms = dict(self.losses(batch))
        optimisers["student"].minimise(terms["imitation"])
        done = batch.step + 1
        if done % self.student_steps == 0 or done == batch.steps:
            generator_terms = self.generator_losses(batch)
            optimisers["generator"].minimise(torch.stack(tuple(generator_terms.values())).sum())
            terms |= generator_terms
        return terms

    def _images(self, batch: srbench.Batch) -> Tensor:
        """Generate images of the batch's shape from new noise."""
        count, _, height, width = batch.lr.shape
        noise = torch.randn(count, LATENT, generator=batch.generator).to(batch.lr.device)
        images: Tensor = self.generators[str(batch.scale)](noise, height, width)
        return images


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide distillation without data."""
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
            notes="Trained without images: the recipe's datasets only set the shape of a batch. The losses and their "
            "weights are the release's, without progressive growing, which it disables. The generator's layers, and "
            "new noise at every step, are our reading. The release trains its students with SGD; here the recipe "
            "decides.",
        )
    ]
