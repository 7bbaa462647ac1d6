"""Blurs: isotropic and anisotropic Gaussians, and straight motion of the camera.

Papers use one name for two widths: λ is a standard deviation in the code of DASR, KDSR, DAN and Real-ESRGAN, and a
variance in that of SRMD, KAIR, BSRGAN and KernelGAN. Here widths are standard deviations in pixels, unless the
parameter ``widths`` is "variances".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

import srbench
from srbench.degrading import Drawn, Random, Range, Size
from srbench.imaging.borders import Border
from srbench.imaging.filtering import filter2d
from srbench.imaging.kernels import fspecial, gaussian, gaussian_of_variances, isotropic, motion


@dataclass(frozen=True)
class GaussianBlur:
    """An isotropic Gaussian."""

    sigma_px: Range = (0.2, 4.0)
    side_px: int = 21
    border: Border = "reflect"
    per: Literal["image", "batch"] = "image"
    fspecial: bool = False

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw the width."""
        return {"sigma_px": random.within(self.sigma_px)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        return filter2d(images, self._kernels(drawn), border=self.border)

    def blur_weights(self, drawn: Mapping[str, Any]) -> Tensor:
        """Return its kernel."""
        return self._kernels([drawn])[0]

    def _kernels(self, drawn: Sequence[Mapping[str, Any]]) -> Tensor:
        make = fspecial if self.fspecial else isotropic
        return make(self.side_px, [one["sigma_px"] for one in drawn])

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """Return its covariance. Wide kernels are a little narrower, as the window cuts their tails."""
        return {"blur_xx": drawn["sigma_px"] ** 2, "blur_yy": drawn["sigma_px"] ** 2}


@dataclass(frozen=True)
class AnisotropicBlur:
    """A Gaussian with two widths and a direction, optionally with uneven weights."""

    first: Range = (0.2, 4.0)
    second: Range = (0.2, 4.0)
    angle_degrees: Range = (0.0, 180.0)
    side_px: int = 21
    border: Border = "reflect"
    widths: Literal["deviations", "variances"] = "deviations"
    second_below_first: bool = False
    per: Literal["image", "batch"] = "image"
    unevenness: Range = 0.0

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw widths and direction, and for uneven weights their unevenness and seed."""
        first, second = random.within(self.first), self.second
        if self.second_below_first and isinstance(second, tuple):
            second = (second[0], first)
        drawn: Drawn = {
            "first": first,
            "second": random.within(second),
            "angle_degrees": random.within(self.angle_degrees),
        }
        if self.unevenness != 0:
            drawn |= {"unevenness": random.within(self.unevenness), "seed": random.seed()}
        return drawn

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        return filter2d(images, self._kernels(drawn), border=self.border)

    def blur_weights(self, drawn: Mapping[str, Any]) -> Tensor:
        """Return its kernel."""
        return self._kernels([drawn])[0]

    def _kernels(self, drawn: Sequence[Mapping[str, Any]]) -> Tensor:
        make = gaussian if self.widths == "deviations" else gaussian_of_variances
        first, second, angle = ([one[name] for one in drawn] for name in ("first", "second", "angle_degrees"))
        kernels = make(self.side_px, first, second, [math.radians(degrees) for degrees in angle])
        if self.unevenness != 0:
            kernels = kernels * torch.stack([_factors(self.side_px, one) for one in drawn])
            kernels = kernels / kernels.sum(dim=(1, 2), keepdim=True)
        return kernels

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """Return its covariance as a Gaussian, before the weights become uneven and the window cuts the tails."""
        power = 2 if self.widths == "deviations" else 1
        first, second, angle = drawn["first"] ** power, drawn["second"] ** power, math.radians(drawn["angle_degrees"])
        cosine, sine = math.cos(angle), math.sin(angle)
        return {
            "blur_xx": first * cosine**2 + second * sine**2,
            "blur_xy": (first - second) * cosine * sine,
            "blur_yy": first * sine**2 + second * cosine**2,
        }


@dataclass(frozen=True)
class MotionBlur:
    """Straight motion of the camera; the defaults are IRCNN's ``fspecial('motion', 20, 45)``."""

    length_px: Range = 20.0
    angle_degrees: Range = 45.0
    side_px: int = 23
    border: Border = "reflect"

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw length and direction."""
        return {"length_px": random.within(self.length_px), "angle_degrees": random.within(self.angle_degrees)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        return filter2d(images, self._kernels(drawn), border=self.border)

    def blur_weights(self, drawn: Mapping[str, Any]) -> Tensor:
        """Return its kernel."""
        return self._kernels([drawn])[0]

    def _kernels(self, drawn: Sequence[Mapping[str, Any]]) -> Tensor:
        angles = [math.radians(one["angle_degrees"]) for one in drawn]
        return motion(self.side_px, [one["length_px"] for one in drawn], angles)


def _factors(side: int, drawn: Mapping[str, Any]) -> Tensor:
    """Random factors (side, side) from 1 to 1 + unevenness."""
    uniform = torch.from_numpy(Random(drawn["seed"]).units(side * side))
    factors: Tensor = uniform.view(side, side) * drawn["unevenness"] + 1
    return factors


_SIDE = "px, side of the square kernel"
_BORDER = "padding at the edges: reflect, replicate, circular or symmetric"
_PER = "image: a kernel for each image; batch: one for all"


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide the blurs; the default ranges of Gaussians are those that DASR and KDSR train with."""
    return [
        srbench.StepSpec(
            name="gaussian_blur",
            label="Gaussian blur",
            build=GaussianBlur,
            units={
                "sigma_px": "px, standard deviation; 0 changes nothing",
                "side_px": _SIDE,
                "border": _BORDER,
                "per": _PER,
                "fspecial": "true for MATLAB's kernel, without the faintest tails",
            },
            notes="The range of DASR and KDSR at x4; SRMD tests with widths up to the scale.",
        ),
        srbench.StepSpec(
            name="anisotropic_blur",
            label="anisotropic Gaussian blur",
            build=AnisotropicBlur,
            units={
                "first": "px, standard deviation, or px² where widths are variances",
                "second": "width across the first, in the same unit",
                "angle_degrees": "degrees from x to the first axis, clockwise in the image",
                "side_px": _SIDE,
                "border": _BORDER,
                "widths": "deviations (DASR, KDSR, DAN) or variances (SRMD, BSRGAN, KernelGAN)",
                "second_below_first": "true: the first width is the upper bound of the second, as in SRMD",
                "per": _PER,
                "unevenness": "largest share by which weights grow, uniformly drawn, before they are normalised; 0.25 "
                "in DAN and DCLS",
            },
        ),
        srbench.StepSpec(
            name="motion_blur",
            label="motion blur",
            build=MotionBlur,
            units={
                "length_px": "px, at least 1",
                "angle_degrees": "degrees, counter-clockwise from the horizontal in the image",
                "side_px": _SIDE + "; odd, and at least one more than the length",
                "border": _BORDER,
            },
        ),
    ]
