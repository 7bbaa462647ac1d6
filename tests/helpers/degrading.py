"""Steps of one line, for chains, and steps done once; the outputs of the authors' code of classical degradations."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from helpers import ORACLES
from srbench.degrading import Chain, FixedStep, Random, Range, Size, column


@dataclass(frozen=True)
class Brighter:
    """Adds a random number to every image."""

    by: Range = (0.1, 0.2)

    def draw(self, random, size):
        return {"by": random.within(self.by)}

    def apply(self, images, drawn, size):
        return images + column(drawn, "by", images)


@dataclass(frozen=True)
class Times(FixedStep):
    """Multiplies by a fixed number; does not commute with `Brighter`."""

    factor: float = 0.5

    def apply(self, images, drawn, size):
        return images * self.factor


@dataclass(frozen=True)
class Grain:
    """Noise from a seed."""

    def draw(self, random, size):
        return {"seed": random.seed()}

    def apply(self, images, drawn, size):
        fields = [
            torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(one["seed"]), dtype=torch.float64)
            for one in drawn
        ]
        return images + 0.05 * torch.stack(fields).to(images)


@dataclass(frozen=True)
class Cut:
    """Crops every image to a random height."""

    grouped_by: ClassVar[tuple[str, ...]] = ("height",)

    def draw(self, random, size):
        return {"height": random.integer(5, 8)}

    def apply(self, images, drawn, size):
        (height,) = {one["height"] for one in drawn}
        return images[:, :, :height]


@dataclass(frozen=True)
class Subsample(FixedStep):
    """Reduces images to the size of lr."""

    def apply(self, images, drawn, size):
        return torch.nn.functional.interpolate(images, size=size.lr, mode="nearest")


def oracle(name):
    """The arrays of an outside implementation."""
    return np.load(ORACLES / "degradations" / f"{name}.npz")


def rough(count=1, height=40, width=44, seed=0):
    """Random images in double precision."""
    return torch.rand(count, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def flat(count=1, value=0.5, side=200):
    """Images of one value in double precision."""
    return torch.full((count, 3, side, side), value, dtype=torch.float64)


def once(step, images, scale=1, seed=0, size=None):
    """Do a step, each image with a draw of its own."""
    size = size or Size(images.shape[-2], images.shape[-1], scale)
    return step.apply(images, [step.draw(Random(seed + n), size) for n in range(len(images))], size)


def done(hr, scale, *steps):
    """Do several steps in turn."""
    return once(Chain(steps), hr, scale)


def equal_but_for_ties(ours, theirs):
    """Whether levels are equal, except where a value half-way between two was rounded the other way.

    The code of DASR and KDSR computes in single precision, and ours in double.
    """
    away = (ours - theirs).abs()
    return away.max() <= 1 + 1e-3 and (away > 0.5).double().mean() < 0.004
