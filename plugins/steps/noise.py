"""Noise of sensors, a field of its own for every image; levels are standard deviations in 8-bit levels.

Nothing is clipped; a chain ends with a clamp to [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import srbench
from srbench.degrading import Drawn, Random, Range, Size
from srbench.imaging.noise import correlated, gaussian, normal, poisson, speckle


@dataclass(frozen=True)
class _Levelled:
    """What Gaussian and speckle noise draw."""

    level: Range = (0.0, 25.0)
    grey_probability: float = 0.0
    whole_levels: bool = False

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Level, kind and field."""
        if self.whole_levels and isinstance(self.level, tuple):
            level: float = random.integer(int(self.level[0]), int(self.level[1]))
        else:
            level = random.within(self.level)
        return {"level": level, "grey": random.chance(self.grey_probability), "seed": random.seed()}


@dataclass(frozen=True)
class GaussianNoise(_Levelled):
    """Noise that does not depend on the image."""

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add it."""
        return gaussian(images, [one["level"] for one in drawn], _fields(images, drawn))

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """Its standard deviation in 8-bit levels."""
        return {"noise": drawn["level"]}


@dataclass(frozen=True)
class SpeckleNoise(_Levelled):
    """Noise in proportion to the image."""

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add it."""
        return speckle(images, [one["level"] for one in drawn], _fields(images, drawn))


@dataclass(frozen=True)
class ColourNoise:
    """Gaussian noise whose colours go together by a random covariance: BSRGAN's |L² Uᵀ D U|, U orthogonal."""

    level: Range = 25.0

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Level, covariance of the three channels in units of its square, and field."""
        mixed = torch.tensor([[random.unit() for _ in range(3)] for _ in range(3)], dtype=torch.float64)
        spread = torch.diag(torch.tensor([random.unit() for _ in range(3)], dtype=torch.float64))
        turn = torch.linalg.svd(mixed).U  # what SciPy's orth gives
        covariance = (turn.mT @ spread @ turn).abs()
        return {"level": random.within(self.level), "covariance": covariance.tolist(), "seed": random.seed()}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add it; an image of one channel gets the first colour's."""
        covariance = torch.tensor([one["covariance"] for one in drawn], dtype=torch.float64)
        channels = images.shape[1]
        fields = correlated(normal(images, [one["seed"] for one in drawn]), covariance[:, :channels, :channels])
        return gaussian(images, [one["level"] for one in drawn], fields)


@dataclass(frozen=True)
class PoissonNoise:
    """The uneven arrival of photons."""

    log10_photons: Range = (2.0, 4.0)
    grey_probability: float = 0.5

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Photons, kind and field."""
        photons = 10.0 ** random.within(self.log10_photons)
        return {"photons": photons, "grey": random.chance(self.grey_probability), "seed": random.seed()}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add it."""
        photons, seeds, grey = ([one[name] for one in drawn] for name in ("photons", "seed", "grey"))
        return images + poisson(images, photons, seeds, grey)


def _fields(images: Tensor, drawn: Sequence[Mapping[str, Any]]) -> Tensor:
    return normal(images, [one["seed"] for one in drawn], [one["grey"] for one in drawn])


_LEVEL = "8-bit levels, standard deviation"
_GREY = "probability that all channels get the same noise"
_WHOLE = "true: of a range, whole levels alone are drawn, both ends included"


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Defaults: DASR's and KDSR's range of Gaussian noise, BSRGAN's of the others."""
    return [
        srbench.StepSpec(
            name="gaussian_noise",
            label="Gaussian noise",
            build=GaussianNoise,
            units={"level": _LEVEL, "grey_probability": _GREY, "whole_levels": _WHOLE},
        ),
        srbench.StepSpec(
            name="speckle_noise",
            label="speckle",
            build=SpeckleNoise,
            units={
                "level": _LEVEL + " where the image is white",
                "grey_probability": _GREY,
                "whole_levels": _WHOLE,
            },
        ),
        srbench.StepSpec(
            name="colour_noise", label="correlated colour noise", build=ColourNoise, units={"level": _LEVEL}
        ),
        srbench.StepSpec(
            name="poisson_noise",
            label="Poisson noise",
            build=PoissonNoise,
            units={
                "log10_photons": "decimal logarithm of the photons that white gives",
                "grey_probability": "probability that the photons of the luma are counted, for all channels alike",
            },
        ),
    ]
