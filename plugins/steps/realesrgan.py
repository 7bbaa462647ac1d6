"""The steps that only Real-ESRGAN's degradation has.

Each follows the released training code; where that does something unexpected, a parameter turns it off. Images are
clamped to [0, 1] without rounding after noise and before JPEG.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

import srbench
from srbench.degrading import Drawn, FixedStep, Random, Range, Size
from srbench.imaging import kernels, noise
from srbench.imaging.filtering import filter2d, sharpen
from srbench.imaging.jpeg import diffjpeg
from srbench.imaging.kernels import cut_to

TORCHVISION_LUMA = (0.2989, 0.587, 0.114)
SIDES = (7, 9, 11, 13, 15, 17, 19, 21)
FAMILIES = ("gaussian", "generalized_gaussian", "plateau")


@dataclass(frozen=True)
class MixedBlur:
    """A kernel of one of seven kinds: isotropic or not, Gaussian, generalised or plateau-shaped, or a sinc."""

    sigma_px: tuple[float, float] = (0.2, 3.0)
    sinc_probability: float = 0.1
    isotropic: tuple[float, float, float] = (0.45, 0.12, 0.12)
    anisotropic: tuple[float, float, float] = (0.25, 0.03, 0.03)
    generalized_beta: tuple[float, float] = (0.5, 4.0)
    plateau_beta: tuple[float, float] = (1.0, 2.0)
    side_px: tuple[int, ...] = SIDES

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw the parameters of the kernel."""
        side = random.choice(self.side_px)
        if random.chance(self.sinc_probability):
            lowest = math.pi / (3 if side < 13 else 5)
            return {"family": "sinc", "side_px": side, "omega": random.uniform(lowest, math.pi)}
        which = random.choice(range(6), (*self.isotropic, *self.anisotropic))
        family, first = FAMILIES[which % 3], random.uniform(*self.sigma_px)
        drawn: Drawn = {"family": family, "side_px": side, "sigma_x_px": first, "sigma_y_px": first, "theta": 0.0}
        if which >= 3:
            drawn |= {"sigma_y_px": random.uniform(*self.sigma_px), "theta": random.uniform(-math.pi, math.pi)}
        if family != "gaussian":
            low, high = self.generalized_beta if family == "generalized_gaussian" else self.plateau_beta
            drawn["beta"] = random.uniform(low, 1.0) if random.chance(0.5) else random.uniform(1.0, high)
        return drawn

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel; borders are reflected, kernels are not flipped."""
        return filter2d(images, kernels_of(drawn, max(self.side_px)))


@dataclass(frozen=True)
class SincFilter:
    """A sinc filter, which causes the ringing of sharp low-pass filters."""

    side_px: tuple[int, ...] = SIDES
    omega: tuple[float, float] = (math.pi / 3, math.pi)

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw side and cut-off."""
        return {"family": "sinc", "side_px": random.choice(self.side_px), "omega": random.uniform(*self.omega)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        return filter2d(images, kernels_of(drawn, max(self.side_px)))


@dataclass(frozen=True)
class ClampedGaussianNoise:
    """Gaussian noise; as in the release, all grey images of a batch share one field, scaled to each level."""

    level: Range = (1.0, 30.0)
    grey_probability: float = 0.4
    grey_field: Literal["batch", "image"] = "batch"

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw level, kind and field."""
        grey, common = random.chance(self.grey_probability), random.batch.seed()
        seed = common if grey and self.grey_field == "batch" else random.seed()
        return {"level": random.within(self.level), "grey": grey, "seed": seed}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add the noise and clamp."""
        level, seeds, grey = ([one[name] for one in drawn] for name in ("level", "seed", "grey"))
        return noise.gaussian(images, level, noise.normal(images, seeds, grey), clamp=True)


@dataclass(frozen=True)
class LevelledPoissonNoise:
    """Photon noise of variable strength, with as many photons as the image has levels, up to a power of two."""

    strength: Range = (0.05, 3.0)
    grey_probability: float = 0.4

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw strength, kind and field."""
        strength, grey = random.within(self.strength), random.chance(self.grey_probability)
        return {"strength": strength, "grey": grey, "seed": random.seed()}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Add the noise and clamp."""
        strength, seeds, grey = ([one[name] for one in drawn] for name in ("strength", "seed", "grey"))
        peaks = noise.peaks_of_levels(images, grey, luma=TORCHVISION_LUMA)
        difference = noise.poisson(images, peaks, seeds, grey, luma=TORCHVISION_LUMA)
        return noise.add(images, difference, strength, clamp=True)


@dataclass(frozen=True)
class DiffJpeg:
    """Differentiable JPEG, with real-valued qualities."""

    quality: Range = (30.0, 95.0)
    luminance_table: Literal["transposed", "standard"] = "transposed"

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw the quality."""
        return {"quality": random.within(self.quality)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Compress and decompress."""
        return diffjpeg(images, [one["quality"] for one in drawn], luminance_table=self.luminance_table)


@dataclass(frozen=True)
class Sharpen(FixedStep):
    """Unsharp masking, which Real-ESRGAN and BSRGAN's extended code apply to ground truths first."""

    strength: float = 0.5
    radius_px: int = 50
    threshold: float = 10.0

    def apply(self, images: Tensor, _drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Sharpen the images."""
        return sharpen(images, weight=self.strength, radius=self.radius_px, threshold=self.threshold)


def kernels_of(drawn: Sequence[Mapping[str, Any]], largest: int) -> list[Tensor]:
    """Return the drawn kernels; those of a family are made together at the largest side, and cut."""
    made: dict[int, Tensor] = {}
    families: dict[str, list[int]] = {}
    for image, one in enumerate(drawn):
        families.setdefault(one["family"], []).append(image)
    for family, members in families.items():
        names = ("omega",) if family == "sinc" else ("sigma_x_px", "sigma_y_px", "theta", "beta")
        values = ([drawn[image][name] for image in members] for name in names if name in drawn[members[0]])
        whole = _MAKERS[family](largest, *values)
        made |= {image: cut_to(kernel, drawn[image]["side_px"]) for image, kernel in zip(members, whole, strict=True)}
    return [made[image] for image in range(len(drawn))]


_MAKERS: dict[str, Callable[..., Tensor]] = {
    "sinc": kernels.sinc,
    "gaussian": kernels.gaussian,
    "generalized_gaussian": kernels.generalized_gaussian,
    "plateau": kernels.plateau,
}
_WEIGHTS = "relative probabilities of Gaussian, generalised and plateau"
_SIDES = "px, odd sides of the kernels to choose from with equal probability"


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide the steps; defaults are those of the first round, from options/train_realesrgan_x4plus.yml."""
    return [
        srbench.StepSpec(
            name="mixed_blur",
            label="blur of mixed kinds",
            build=MixedBlur,
            units={
                "sigma_px": "px, standard deviations",
                "sinc_probability": "probability of a sinc",
                "isotropic": _WEIGHTS + ", isotropic",
                "anisotropic": _WEIGHTS + ", anisotropic",
                "generalized_beta": "exponent; below and above 1 with equal probability",
                "plateau_beta": "exponent of plateaus; the published range starts at 1, so half of them have exactly 1",
                "side_px": _SIDES,
            },
        ),
        srbench.StepSpec(
            name="sinc_filter",
            label="sinc filter",
            build=SincFilter,
            units={"side_px": _SIDES, "omega": "radians a pixel, cut-off, to π"},
        ),
        srbench.StepSpec(
            name="clamped_gaussian_noise",
            label="Gaussian noise, clamped",
            build=ClampedGaussianNoise,
            units={
                "level": "8-bit levels, standard deviation",
                "grey_probability": "probability that all channels get the same noise",
                "grey_field": "batch: all grey images of a batch share a field; image: each has its own field",
            },
        ),
        srbench.StepSpec(
            name="levelled_poisson_noise",
            label="Poisson noise by levels",
            build=LevelledPoissonNoise,
            units={
                "strength": "factor of the noise",
                "grey_probability": "probability that all channels get the noise of the luma's photons",
            },
        ),
        srbench.StepSpec(
            name="diffjpeg",
            label="DiffJPEG",
            build=DiffJpeg,
            units={
                "quality": "quality between 0 and 100",
                "luminance_table": "transposed, as published, or standard, as in codecs",
            },
        ),
        srbench.StepSpec(
            name="sharpen",
            label="unsharp masking",
            build=Sharpen,
            units={
                "strength": "factor of the difference to the blurred image",
                "radius_px": "px, side of the blur",
                "threshold": "8-bit levels; smaller differences are not sharpened",
            },
        ),
    ]
