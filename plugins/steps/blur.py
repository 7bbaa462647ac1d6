"""Blurs: Gaussians, round or of any direction, and straight moves of the camera.

The names of the widths are the papers' trap: λ is a standard deviation in the code of DASR, KDSR, DAN and Real-ESRGAN
and a variance in that of SRMD, KAIR, BSRGAN and KernelGAN. Here widths are pixels, unless ``widths`` says variances.
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
from srbench.imaging.extension import Border
from srbench.imaging.filtering import filter2d
from srbench.imaging.kernels import fspecial, gaussian, gaussian_of_variances, isotropic, motion


@dataclass(frozen=True)
class GaussianBlur:
    """A round Gaussian."""

    sigma_px: Range = (0.2, 4.0)
    side_px: int = 21
    border: Border = "reflect"
    per: Literal["image", "batch"] = "image"
    fspecial: bool = False

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """The width."""
        return {"sigma_px": random.within(self.sigma_px)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        make = fspecial if self.fspecial else isotropic
        return filter2d(images, make(self.side_px, [one["sigma_px"] for one in drawn]), border=self.border)

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """Its covariance; the window cuts the tails of wide kernels, which makes them a little narrower."""
        return {"blur_xx": drawn["sigma_px"] ** 2, "blur_yy": drawn["sigma_px"] ** 2}


@dataclass(frozen=True)
class AnisotropicBlur:
    """A Gaussian with two widths and a direction, whose weights may be uneven."""

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
        """Widths and direction; how uneven it is, and a seed of the weights, where it may be."""
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
        make = gaussian if self.widths == "deviations" else gaussian_of_variances
        first, second, angle = ([one[name] for one in drawn] for name in ("first", "second", "angle_degrees"))
        kernels = make(self.side_px, first, second, [math.radians(degrees) for degrees in angle])
        if self.unevenness != 0:
            kernels = kernels * torch.stack([_factors(self.side_px, one) for one in drawn])
            kernels = kernels / kernels.sum(dim=(1, 2), keepdim=True)
        return filter2d(images, kernels, border=self.border)

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """Its covariance as a Gaussian: before its weights were made uneven, and before the window cuts its tails."""
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
    """A straight move of the camera; the defaults are IRCNN's ``fspecial('motion', 20, 45)``."""

    length_px: Range = 20.0
    angle_degrees: Range = 45.0
    side_px: int = 23
    border: Border = "reflect"

    parallel: ClassVar[bool] = True

    def draw(self, random: Random, _size: Size) -> Drawn:
        """How far and which way."""
        return {"length_px": random.within(self.length_px), "angle_degrees": random.within(self.angle_degrees)}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        angles = [math.radians(one["angle_degrees"]) for one in drawn]
        kernels = motion(self.side_px, [one["length_px"] for one in drawn], angles)
        return filter2d(images, kernels, border=self.border)


def _factors(side: int, drawn: Mapping[str, Any]) -> Tensor:
    """(side, side) from 1 to 1 + unevenness."""
    uneven = torch.from_numpy(Random(drawn["seed"]).units(side * side))
    factors: Tensor = uneven.view(side, side) * drawn["unevenness"] + 1
    return factors


_SIDE = "px, of the square kernel"
_BORDER = "what stands beyond the edges: reflect, replicate, circular or symmetric"
_PER = "image: each its own kernel; batch: one for all"


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Defaults: the ranges that DASR and KDSR train with."""
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
                "fspecial": "true for MATLAB's kernel, whose faintest tails are cut",
            },
            notes="Ranges of DASR and KDSR at x4; SRMD tests with widths up to the scale.",
        ),
        srbench.StepSpec(
            name="anisotropic_blur",
            label="anisotropic Gaussian blur",
            build=AnisotropicBlur,
            units={
                "first": "px, standard deviation, or px² where widths are variances",
                "second": "the same across the first",
                "angle_degrees": "degrees from x to the first axis, clockwise as one looks at the image",
                "side_px": _SIDE,
                "border": _BORDER,
                "widths": "deviations (DASR, KDSR, DAN) or variances (SRMD, BSRGAN, KernelGAN)",
                "second_below_first": "true: the second is drawn up to the first, as SRMD does",
                "per": _PER,
                "unevenness": "each weight grows by up to this share of itself, evenly, before they are made to add up "
                "to one; 0.25 in DAN and DCLS",
            },
        ),
        srbench.StepSpec(
            name="motion_blur",
            label="motion blur",
            build=MotionBlur,
            units={
                "length_px": "px, at least 1",
                "angle_degrees": "degrees, counter-clockwise from the horizontal as one looks at the image",
                "side_px": _SIDE + "; at least the length and one more, and odd",
                "border": _BORDER,
            },
        ),
    ]
