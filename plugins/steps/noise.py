"""Sensor noise, drawn for every image; levels are standard deviations in 8-bit levels.

Results are not clipped; a chain ends with a clamp to [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

import srbench
from srbench.degrading import Drawn, Random, Range, Size
from srbench.imaging.noise import correlated, gaussian, normal, poisson, speckle


@dataclass(frozen=True)
class _Levelled:
    """The draws that Gaussian and speckle noise share."""

    level: Range = (0.0, 25.0)
    grey_probability: float = 0.0
    whole_levels: bool = False

    pixelwise: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw level, kind and field."""
        if self.whole_levels and isinstance(self.level, tuple):
            level: float = random.integer(int(self.level[0]), int(self.level[1]))
        else:
            level = random.within(self.level)
        return {"level": level, "grey": random.chance(self.grey_probability), "seed": random.seed()}


@dataclass(frozen=True)
class GaussianNoise(_Levelled):
    """Noise that does not depend on the image."""

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add the noise."""
        return gaussian(images, [one["level"] for one in drawn], _fields(images, drawn))

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """Return its standard deviation in 8-bit levels."""
        return {"noise": drawn["level"]}


@dataclass(frozen=True)
class SpeckleNoise(_Levelled):
    """Noise in proportion to the image."""

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add the noise."""
        return speckle(images, [one["level"] for one in drawn], _fields(images, drawn))


@dataclass(frozen=True)
class ColourNoise:
    """Gaussian noise with a random covariance of the colours: BSRGAN's |L² Uᵀ D U| with orthogonal U."""

    level: Range = 25.0

    pixelwise: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw level, covariance of the three channels in units of the level squared, and field."""
        mixed = torch.tensor([[random.unit() for _ in range(3)] for _ in range(3)], dtype=torch.float64)
        spread = torch.diag(torch.tensor([random.unit() for _ in range(3)], dtype=torch.float64))
        turn = torch.linalg.svd(mixed).U  # the same as SciPy's orth
        covariance = (turn.mT @ spread @ turn).abs()
        return {"level": random.within(self.level), "covariance": covariance.tolist(), "seed": random.seed()}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add the noise; images of one channel get that of the first colour."""
        covariance = torch.tensor([one["covariance"] for one in drawn], dtype=torch.float64)
        channels = images.shape[1]
        fields = correlated(normal(images, [one["seed"] for one in drawn]), covariance[:, :channels, :channels])
        return gaussian(images, [one["level"] for one in drawn], fields)


@dataclass(frozen=True)
class PoissonNoise:
    """Photon noise."""

    log10_photons: Range = (2.0, 4.0)
    grey_probability: float = 0.5

    pixelwise: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw the number of photons, kind and field."""
        photons = 10.0 ** random.within(self.log10_photons)
        return {"photons": photons, "grey": random.chance(self.grey_probability), "seed": random.seed()}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add the noise."""
        photons, seeds, grey = ([one[name] for one in drawn] for name in ("photons", "seed", "grey"))
        return images + poisson(images, photons, seeds, grey)


def _fields(images: Tensor, drawn: Sequence[Mapping[str, Any]]) -> Tensor:
    return normal(images, [one["seed"] for one in drawn], [one["grey"] for one in drawn])


_LEVEL = "8-bit levels, standard deviation"
_GREY = "probability that all channels get the same noise"
_WHOLE = "true: only integer levels are drawn from a range, both ends included"


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide the noises; the default ranges are those of DASR and KDSR for Gaussian noise, BSRGAN's for the others."""
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
                "log10_photons": "decimal logarithm of the number of photons for white",
                "grey_probability": "probability that all channels get the noise of the luma's photons",
            },
        ),
    ]
