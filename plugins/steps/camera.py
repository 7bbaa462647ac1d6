"""A camera pipeline from sensor to finished picture, by unprocessing (Brooks et al., CVPR 2019).

A picture is converted back to sensor values: the tone curve ``3x² − 2x³`` and the gamma are undone, sRGB is converted
to the colours of a camera, and white balance and brightness are removed. Each pixel of the sensor then records a single
colour, in a mosaic of red, green, green and blue, with noise of variance ``shot · x + read``. Then the picture is
developed again: white balance, bilinear demosaicing, conversion to sRGB, gamma.

The release stops there, as it treats ground truth and noisy picture in the same way: both end up darker and with less
contrast than the original. Here hr is not processed, so brightness and tone curve are restored too;
``develop="released"`` does what the release does. Highlights beyond the range of the sensor stay white, and colours
outside the gamut of the camera are clipped.

Grey images are processed without matrix, white balance and mosaic, as from a sensor without colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

import srbench
from srbench import ShapeError
from srbench.degrading import Drawn, Random, Range, Size, column
from srbench.imaging.filtering import filter2d
from srbench.imaging.noise import normal

XYZ_TO_CAMERAS = (
    ((1.0234, -0.2969, -0.2266), (-0.5625, 1.6328, -0.0469), (-0.0703, 0.2188, 0.6406)),
    ((0.4913, -0.0541, -0.0202), (-0.6130, 1.3513, 0.2906), (-0.1564, 0.2151, 0.7183)),
    ((0.8380, -0.2630, -0.0639), (-0.2887, 1.0725, 0.2496), (-0.0627, 0.1427, 0.5438)),
    ((0.6596, -0.2079, -0.0562), (-0.4782, 1.3016, 0.1933), (-0.0970, 0.1581, 0.5181)),
)
"""The colour matrices of four cameras, from their raw files; the last three are also in LibRaw's table of cameras."""
SRGB_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
"""The matrix for sRGB's primaries and white."""
GAMMA = 2.2
LEAST_LIGHT = 1e-8
"""Lower bound of the light before a power is taken."""
HIGHLIGHT_START = 0.9
"""Mean of the channels above which a pixel counts as a highlight, which stays white."""


@dataclass(frozen=True)
class CameraIsp:
    """Takes the picture with a camera, and develops it."""

    exposure: tuple[float, float] = (0.8, 0.1)
    red_gain: Range = (1.9, 2.4)
    blue_gain: Range = (1.5, 1.9)
    matrices: Literal["cameras", "none"] = "cameras"
    mosaic: bool = True
    noise: bool = True
    shot: tuple[float, float] = (1e-4, 0.012)
    read: tuple[float, float, float] = (2.18, 1.20, 0.26)
    develop: Literal["whole", "released"] = "whole"

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw exposure, gains, the mixture of the four cameras, and noise."""
        mean, spread = self.exposure
        drawn: Drawn = {
            "exposure": mean + spread * random.normal(),
            "red_gain": random.within(self.red_gain),
            "blue_gain": random.within(self.blue_gain),
        }
        if self.matrices == "cameras":
            parts = [random.uniform(1e-8, 1e8) for _ in XYZ_TO_CAMERAS]
            drawn["cameras"] = [part / math.fsum(parts) for part in parts]
        if self.noise:
            shot = random.uniform(math.log(self.shot[0]), math.log(self.shot[1]))
            slope, offset, scatter = self.read
            read = slope * shot + offset + scatter * random.normal()
            drawn |= {"shot": math.exp(shot), "read": math.exp(read), "seed": random.seed()}
        return drawn

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Unprocess, take and develop the images; the results are in [0, 1].

        Raises:
            ShapeError: The images are neither RGB nor grey.
        """
        colour = images.shape[1] == 3
        if not colour and images.shape[1] != 1:
            raise ShapeError(f"The camera pipeline got images of {images.shape[1]} channels; pass RGB or grey images.")
        exposure = column(drawn, "exposure", images)
        balance = torch.ones_like(exposure)
        light = _inverse_tone(images.clamp(0, 1)).clamp(min=LEAST_LIGHT) ** GAMMA
        if colour:
            balance = torch.cat([column(drawn, "red_gain", images), balance, column(drawn, "blue_gain", images)], 1)
            matrices = self._matrices(drawn)
            light = _mixed(light, matrices)
        sensor = _dimmed(light, exposure / balance).clamp(0, 1)
        filters = bayer(sensor) if colour and self.mosaic else None
        if filters is not None:
            sensor, balance = ((some * filters).sum(1, keepdim=True) for some in (sensor, balance))
        if self.noise:
            variance = column(drawn, "shot", images) * sensor + column(drawn, "read", images)
            sensor = sensor + variance.sqrt() * normal(sensor, [one["seed"] for one in drawn])
        light = (sensor * balance).clamp(0, 1)
        if filters is not None:
            light = demosaic(light, filters)
        if colour:
            light = _mixed(light, torch.linalg.inv(matrices))
        if self.develop == "whole":
            light = light / exposure
        picture = light.clamp(LEAST_LIGHT, 1) ** (1 / GAMMA)
        return _tone(picture) if self.develop == "whole" else picture

    def _matrices(self, drawn: Sequence[Mapping[str, Any]]) -> Tensor:
        """The matrices (N, 3, 3) float64 from linear sRGB to the camera, which keep white."""
        if self.matrices == "none":
            return torch.eye(3, dtype=torch.float64).expand(len(drawn), 3, 3)
        parts = torch.tensor([one["cameras"] for one in drawn], dtype=torch.float64)
        cameras = torch.tensor(XYZ_TO_CAMERAS, dtype=torch.float64)
        matrices = torch.einsum("nk,kij->nij", parts, cameras) @ torch.tensor(SRGB_TO_XYZ, dtype=torch.float64)
        return matrices / matrices.sum(2, keepdim=True)


def bayer(images: Tensor) -> Tensor:
    """The colour filters of a sensor: red and green in even rows, green and blue in odd rows.

    Args:
        images: (N, C, H, W); only its height, width, dtype and device are used.

    Returns:
        (1, 3, H, W), 1 where a pixel records the colour and 0 elsewhere.
    """
    filters = images.new_zeros(1, 3, *images.shape[-2:])
    filters[:, 0, 0::2, 0::2] = 1
    filters[:, 1, 0::2, 1::2] = 1
    filters[:, 1, 1::2, 0::2] = 1
    filters[:, 2, 1::2, 1::2] = 1
    return filters


def demosaic(raw: Tensor, filters: Tensor) -> Tensor:
    """Fill in the missing colours of every pixel with the mean of the nearest pixels that record them.

    Args:
        raw: Sensor values (N, 1, H, W).
        filters: (1, 3, H, W) from `bayer`. Mirroring without the edge pixel continues the mosaic beyond the edges.

    Returns:
        (N, 3, H, W).
    """
    square = torch.tensor([[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]], dtype=torch.float64) / 4
    cross = torch.tensor([[[0.0, 1.0, 0.0], [1.0, 4.0, 1.0], [0.0, 1.0, 0.0]]], dtype=torch.float64) / 4
    planes = raw * filters
    return torch.cat([filter2d(planes[:, c : c + 1], near) for c, near in enumerate((square, cross, square))], 1)


def _inverse_tone(images: Tensor) -> Tensor:
    return 0.5 - torch.sin(torch.asin(1 - 2 * images) / 3)


def _tone(images: Tensor) -> Tensor:
    return images * images * (3 - 2 * images)


def _mixed(light: Tensor, matrices: Tensor) -> Tensor:
    return torch.einsum("nij,njhw->nihw", matrices.to(light), light)


def _dimmed(light: Tensor, factors: Tensor) -> Tensor:
    """Multiply light by the factors, less so in highlights, so that white stays white."""
    white = ((light.mean(1, keepdim=True) - HIGHLIGHT_START).clamp(min=0) / (1 - HIGHLIGHT_START)).square()
    return light * torch.maximum(white + (1 - white) * factors, factors)


UNPROCESSING = srbench.Paper(
    title="Unprocessing Images for Learned Raw Denoising",
    venue="CVPR",
    year=2019,
    url="https://arxiv.org/abs/1811.11127",
)


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide the pipeline; its defaults are the release's, except for the last steps."""
    return [
        srbench.StepSpec(
            name="camera_isp",
            label="camera pipeline",
            build=CameraIsp,
            units={
                "exposure": "mean and standard deviation of the factor by which the camera darkens the picture",
                "red_gain": "factor of red in the white balance",
                "blue_gain": "factor of blue in the white balance",
                "matrices": "cameras: a random mixture of four cameras' colours; none: sRGB",
                "mosaic": "whether each pixel of the sensor records a single colour",
                "noise": "whether the sensor has noise",
                "shot": "variance of the shot noise at full light, log-uniform",
                "read": "variance of the read noise: its logarithm is the first number times that of shot, plus the "
                "second, plus a normal random number whose standard deviation is the third",
                "develop": "whole: brightness and tone curve are restored; released: they are not, as in the release, "
                "and the picture gets darker and loses contrast",
            },
            paper=UNPROCESSING,
            notes="Grey images are processed without matrix, white balance and mosaic.",
        )
    ]
