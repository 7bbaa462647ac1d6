"""Steps of one line, for chains."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from srbench.degrading import FixedStep, Range, column


@dataclass(frozen=True)
class Brighter:
    """Adds a number of its own to every image."""

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
    """Crops to a height that every image draws for itself."""

    alike: ClassVar[tuple[str, ...]] = ("height",)

    def draw(self, random, size):
        return {"height": random.integer(5, 8)}

    def apply(self, images, drawn, size):
        (height,) = {one["height"] for one in drawn}
        return images[:, :, :height]


@dataclass(frozen=True)
class Subsample(FixedStep):
    """To the size of lr, whatever came before."""

    def apply(self, images, drawn, size):
        return torch.nn.functional.interpolate(images, size=size.lr, mode="nearest")
