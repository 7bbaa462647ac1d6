"""The steps that only BSRGAN's degradation has.

Each follows the released code; `srbench_plugins.degradations.bsrgan` lists where that differs from the paper. Borders
are mirrored without the edge pixel, kernels are flipped (true convolution), and values are clamped to [0, 1] after
every operation that can exceed it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

import srbench
from srbench.degrading import Drawn, Random, Size, Step, draw_step
from srbench.imaging import imresize, kernels, noise
from srbench.imaging.filtering import filter2d
from srbench.imaging.interpolation import MODES, Mode, opencv
from srbench.imaging.kernels import shift
from srbench.imaging.pixels import settled


@dataclass(frozen=True)
class ScaledBlur:
    """A Gaussian blur, isotropic or anisotropic, whose width grows with the scale."""

    variance_px2: tuple[float, float] = (0.0, 4.0)
    variance_per_scale: float = 1.0
    sigma_px: tuple[float, float] = (0.0, 2.0)
    sigma_per_scale: float = 0.2
    anisotropic_probability: float = 0.5
    side_px: tuple[int, int] = (7, 25)

    grouped_by: ClassVar[tuple[str, ...]] = ("side_px", "anisotropic")
    parallel: ClassVar[bool] = True

    def draw(self, random: Random, size: Size) -> Drawn:
        """Draw the parameters of the kernel."""
        side = 2 * random.integer(self.side_px[0] // 2, self.side_px[1] // 2) + 1
        if random.chance(self.anisotropic_probability):
            most = self.variance_px2[1] + self.variance_per_scale * size.factor
            first, second = random.uniform(self.variance_px2[0], most), random.uniform(self.variance_px2[0], most)
            theta = random.uniform(0.0, math.pi)
            return {"side_px": side, "anisotropic": True, "first_px2": first, "second_px2": second, "theta": theta}
        most = self.sigma_px[1] + self.sigma_per_scale * size.factor
        return {"side_px": side, "anisotropic": False, "sigma_px": random.uniform(self.sigma_px[0], most)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        side = drawn[0]["side_px"]
        if drawn[0]["anisotropic"]:
            shape = ([one[name] for one in drawn] for name in ("first_px2", "second_px2", "theta"))
            return filter2d(images, kernels.gaussian_of_variances(side, *shape), flip=True)
        return filter2d(images, kernels.fspecial(side, [one["sigma_px"] for one in drawn]), flip=True)


@dataclass(frozen=True)
class ResizeOrSubsample:
    """Shrinks roughly to lr's size: by a random factor, or by an aligned blur and sub-sampling."""

    resize_probability: float = 0.75
    factor_over_scale: float = 2.0
    sigma_px: tuple[float, float] = (0.1, 0.6)
    side_px: int = 25
    modes: tuple[Mode, ...] = MODES

    grouped_by: ClassVar[tuple[str, ...]] = ("factor", "mode")

    def draw(self, random: Random, size: Size) -> Drawn:
        """Draw factor and mode, or the width of the blur."""
        if random.chance(self.resize_probability):
            factor = random.uniform(1.0, self.factor_over_scale * size.factor)
            return {"factor": factor, "mode": random.choice(self.modes)}
        return {"sigma_px": random.uniform(self.sigma_px[0], self.sigma_px[1] * size.factor)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Resize, or blur and sub-sample; the kernel is shifted, so that lr pixels are the centres of their blocks."""
        height, width = images.shape[-2:]
        if "factor" in drawn[0]:
            factor = drawn[0]["factor"]
            goal = max(int(height / factor), 1), max(int(width / factor), 1)
            return opencv(images, drawn[0]["mode"], goal).clamp(0, 1)
        scale = srbench.whole_scale(size.scale)
        blurs = shift(kernels.fspecial(self.side_px, [one["sigma_px"] for one in drawn]), scale)
        blurs = blurs / blurs.sum(dim=(1, 2), keepdim=True)
        kept = filter2d(images, blurs, flip=True)[..., ::scale, ::scale]
        return kept.clamp(0, 1)


@dataclass(frozen=True)
class SensorNoise:
    """Gaussian noise or speckle: in colour, in grey, or with correlated colours.

    Correlated noise has the covariance ``|L² Uᵀ D U|``, where D has three uniform numbers and U is the orthonormal
    basis of a random matrix. The released code always uses the strongest level for L.
    """

    level: tuple[int, int] = (2, 25)
    kind: Literal["gaussian", "speckle"] = "gaussian"
    colours: tuple[float, float, float] = (0.4, 0.4, 0.2)
    correlated_level: Literal["strongest", "drawn"] = "strongest"

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw level, kind, covariance of the three channels in units of the level squared, and field."""
        level, colours = random.integer(*self.level), random.choice(("colour", "grey", "correlated"), self.colours)
        drawn: Drawn = {"level": level, "colours": colours, "seed": random.seed()}
        if colours == "correlated":
            drawn["level"] = self.level[1] if self.correlated_level == "strongest" else level
            spread = np.diag([random.unit() for _ in range(3)])
            basis = np.linalg.svd([[random.unit() for _ in range(3)] for _ in range(3)])[0]
            drawn["covariance"] = np.abs(basis.T @ spread @ basis).tolist()
        return drawn

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add the noise and clamp; images of one channel get that of the first colour."""
        fields = noise.normal(images, [one["seed"] for one in drawn], [one["colours"] == "grey" for one in drawn])
        identity = torch.eye(3).tolist()
        if any("covariance" in one for one in drawn):
            channels = images.shape[1]
            covariance = torch.tensor([one.get("covariance", identity) for one in drawn], dtype=torch.float64)
            # the identity leaves the fields of the other kinds unchanged
            fields = noise.correlated(fields, covariance[:, :channels, :channels])
        add = noise.gaussian if self.kind == "gaussian" else noise.speckle
        return add(images, [one["level"] for one in drawn], fields).clamp(0, 1)


@dataclass(frozen=True)
class RoundedPoissonNoise:
    """Photon noise on images rounded to 8 bits."""

    log10_photons: tuple[float, float] = (2.0, 4.0)
    grey_probability: float = 0.5

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw the number of photons, kind and field."""
        photons = 10.0 ** random.uniform(*self.log10_photons)
        return {"photons": photons, "grey": random.chance(self.grey_probability), "seed": random.seed()}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Round, add the noise and clamp."""
        photons, seeds, grey = ([one[name] for one in drawn] for name in ("photons", "seed", "grey"))
        rounded = settled(images * 255).round().clamp(0, 255) / 255
        return (rounded + noise.poisson(rounded, photons, seeds, grey)).clamp(0, 1)


@dataclass(frozen=True)
class HalvedFirst:
    """Runs steps, at x4 sometimes on an image that is halved first, with the steps as for x2.

    Half of the halvings are OpenCV's in a random mode, the others MATLAB's bicubic.
    """

    then: Step
    probability: float = 0.25
    modes: tuple[Mode, ...] = MODES

    grouped_by: ClassVar[tuple[str, ...]] = ("halved",)

    def draw(self, random: Random, size: Size) -> Drawn:
        """Draw whether and how to halve, and the draws of the steps."""
        halved = None
        coins = random.branch("halved")
        if size.scale == 4 and coins.chance(self.probability):
            halved = coins.choice(self.modes) if coins.chance(0.5) else "matlab"
        return {"halved": halved, "then": draw_step(self.then, random, _half(size) if halved else size)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Halve the images if so drawn, and run the steps."""
        halved = drawn[0]["halved"]
        if halved:
            goal = images.shape[-2] // 2, images.shape[-1] // 2
            images = imresize(images, size=goal) if halved == "matlab" else opencv(images, halved, goal)
            images, size = images.clamp(0, 1), _half(size)
        return self.then.apply(images, [one["then"] for one in drawn], size)


def _half(size: Size) -> Size:
    return Size(size.height // 2, size.width // 2, srbench.whole_scale(size.scale) // 2, size.realisation)


_MODES = "modes to choose from with equal probability: bilinear, bicubic, area"


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide the steps; defaults are those of the release's ``degradation_bsrgan``."""
    return [
        srbench.StepSpec(
            name="scaled_blur",
            label="blur that grows with the scale",
            build=ScaledBlur,
            units={
                "variance_px2": "px², range of both variances of an anisotropic Gaussian",
                "variance_per_scale": "px², added to the upper bound of the variances for each unit of the scale",
                "sigma_px": "px, range of the standard deviation of an isotropic Gaussian",
                "sigma_per_scale": "px, added to the upper bound of that for each unit of the scale",
                "anisotropic_probability": "probability of an anisotropic Gaussian",
                "side_px": "px, smallest and largest side, odd",
            },
        ),
        srbench.StepSpec(
            name="resize_or_subsample",
            label="resize or aligned sub-sampling",
            build=ResizeOrSubsample,
            units={
                "resize_probability": "probability of the resize",
                "factor_over_scale": "largest factor to shrink by, divided by the scale; the smallest is 1",
                "sigma_px": "px, range of the standard deviation of the blur; the upper bound is times the scale",
                "side_px": "px, side of the blur's kernel",
                "modes": _MODES,
            },
        ),
        srbench.StepSpec(
            name="sensor_noise",
            label="Gaussian noise or speckle in colour, grey or correlated",
            build=SensorNoise,
            units={
                "level": "8-bit levels, range of the standard deviation; integers",
                "kind": "gaussian, or speckle, which is proportional to the image",
                "colours": "relative probabilities of colour, grey and correlated colours",
                "correlated_level": "strongest: correlated noise always has the upper level, as released; drawn",
            },
        ),
        srbench.StepSpec(
            name="rounded_poisson_noise",
            label="Poisson noise on 8 bits",
            build=RoundedPoissonNoise,
            units={
                "log10_photons": "decimal logarithm of the number of photons for white",
                "grey_probability": "probability that all channels get the noise of the luma's photons",
            },
        ),
    ]
