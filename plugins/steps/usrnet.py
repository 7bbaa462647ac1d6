"""The blurs that USRNet trains with: shaken cameras, and Gaussians that lie off the kernel's middle.

A shake is the path of a camera in three dimensions, seen from the front. Its velocity is the sum of ever weaker random
pushes, ``v_t = v_{t−1} + n_t/(t + 1)``, and its rotation grows with itself and by ever weaker random twists,
``r_t = (1 + c) r_{t−1} + c m_t/(t + 1)`` with c = 2π over the number of moments; it moves by ``R(r_t) v_t`` from one
moment to the next. So most paths are straight at first and curl in the end. How often the camera is in each square of
a grid, which is stretched over the path in height and in width, is the kernel. This law of motion is our
reconstruction: of the release, the number of moments and what becomes of the path are known.

Kernels are flipped (true convolution).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

import srbench
from srbench import ShapeError
from srbench.degrading import Drawn, Random, Size
from srbench.imaging.extension import Border
from srbench.imaging.filtering import filter2d
from srbench.imaging.kernels import gaussian_of_variances, isotropic

FAINTEST = 0.1
"""Share of a path's weight that an enlarged kernel has at least, where one pixel is one pixel of the enlarged one."""


@dataclass(frozen=True)
class TrajectoryBlur:
    """A camera that shakes while it takes the picture."""

    side_px: int = 25
    moments: int = 250
    turn: float = 2 * math.pi
    least_px: float = 5.0
    rate_per_px: float = 0.15
    most_px: float = 27.0
    zoom: tuple[float, float] = (1.0, 5.0)
    zoom_probability: float = 0.25
    border: Border = "circular"

    def __post_init__(self) -> None:
        largest = _odd(self.most_px)
        if self.side_px % 2 == 0 or self.side_px < largest - 2 or self.least_px < 1:
            raise ShapeError(
                f"The path of a camera was to be drawn on grids of {self.least_px} to {largest} px for kernels of "
                f"{self.side_px}; give grids from 1 px, and an odd side that is at most 2 px less than the largest."
            )

    def draw(self, random: Random, _size: Size) -> Drawn:
        """A seed of the path, the side of the grid, which is odd, and how much rows and columns are enlarged."""
        grid = _odd(min(self.least_px - math.log(1.0 - random.unit()) / self.rate_per_px, self.most_px))
        zoomed = random.chance(self.zoom_probability)
        zoom = [random.uniform(*self.zoom), random.uniform(*self.zoom)] if zoomed else [1.0, 1.0]
        return {"seed": random.seed(), "grid_px": grid, "zoom": zoom}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        return filter2d(images, torch.stack([self.kernel(one) for one in drawn]), border=self.border, flip=True)

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """The covariance of its kernel about its own centre of weight, which need not be the kernel's middle."""
        return covariance(self.kernel(drawn))

    def kernel(self, drawn: Mapping[str, Any]) -> Tensor:
        """What was drawn as (side, side) float64 that sums to one: grid, blur by 3 x 3, side, and enlargement."""
        counts = torch.from_numpy(visits(path(drawn["seed"], self.moments, self.turn), drawn["grid_px"]))
        smooth = F.conv2d((counts / counts.sum())[None, None], isotropic(3, 1.0)[:, None], padding=1)
        # a grid that is larger than the kernel loses its outermost squares, of which the next ones have their part
        kernel = F.pad(smooth[0, 0], ((self.side_px - drawn["grid_px"]) // 2,) * 4)
        if drawn["zoom"] != [1.0, 1.0]:
            rows, columns = (_enlargement(self.side_px, factor) for factor in drawn["zoom"])
            enlarged = rows @ kernel @ columns.T
            if enlarged.sum() >= FAINTEST:  # else the path goes round the part that would be seen
                kernel = enlarged
        return kernel / kernel.sum()


@dataclass(frozen=True)
class OffCentreBlur:
    """A Gaussian of any direction that is moved as for sub-sampling at a scale of its own, then turned and mirrored."""

    variance_px2: tuple[float, float] = (0.6, 12.0)
    side_px: int = 25
    moved_for: tuple[int, ...] = (1, 2, 3, 4)
    border: Border = "circular"

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Both variances, direction, the scale that it is moved for, quarter turns, and whether it is mirrored."""
        return {
            "first_px2": random.uniform(*self.variance_px2),
            "second_px2": random.uniform(*self.variance_px2),
            "theta": random.uniform(0.0, math.pi),
            "moved_for": random.choice(self.moved_for),
            "quarter_turns": random.integer(0, 3),
            "mirrored": random.chance(0.5),
        }

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        return filter2d(images, torch.stack([self.kernel(one) for one in drawn]), border=self.border, flip=True)

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """The covariance of its kernel about its own centre of weight."""
        return covariance(self.kernel(drawn))

    def kernel(self, drawn: Mapping[str, Any]) -> Tensor:
        """What was drawn as (side, side) float64 that sums to one."""
        shape = (drawn[name] for name in ("first_px2", "second_px2", "theta"))
        moved = -(drawn["moved_for"] - 1) / 2
        kernel = gaussian_of_variances(self.side_px, *shape, centre="pixel", offset=moved)[0]
        turned = torch.rot90(kernel, drawn["quarter_turns"])
        return turned.flip(0) if drawn["mirrored"] else turned


def path(seed: int, moments: int, turn: float) -> NDArray[np.float64]:
    """Where a shaking camera is at each moment, seen from the front.

    Args:
        seed: Decides the path.
        moments: How many.
        turn: The c of the law of motion in this module's head, times the moments; in radians.

    Returns:
        (2, moments): x and y.
    """
    even = Random(seed).units(6 * moments).reshape(2, moments, 3)
    force = np.sqrt(-2 * np.log(1 - even[0])) / np.arange(1, moments + 1)[:, None]
    pushes, twists = force * np.cos(2 * np.pi * even[1]), force * np.sin(2 * np.pi * even[1])  # Box and Muller
    twists[0] = 0  # it starts upright
    vx, vy, vz = np.cumsum(pushes, axis=0).T
    rate = turn / moments
    growth = (1 + rate) ** np.arange(moments)[:, None]
    angles = (growth * np.cumsum(rate * twists / growth, axis=0)).T
    (cos_x, cos_y, cos_z), (sin_x, sin_y, sin_z) = np.cos(angles), np.sin(angles)
    # about x, then y, then z; what comes towards us is not seen
    vy, vz = cos_x * vy - sin_x * vz, sin_x * vy + cos_x * vz
    vx = cos_y * vx + sin_y * vz
    moves = np.stack([cos_z * vx - sin_z * vy, sin_z * vx + cos_z * vy])
    moves[:, 0] = 0
    return np.cumsum(moves, axis=1)


def visits(places: NDArray[np.float64], grid: int) -> NDArray[np.float64]:
    """How many places are in each square of a grid that is stretched over all of them.

    Args:
        places: (2, n): x and y.
        grid: Squares a side.

    Returns:
        (grid, grid): rows are y, columns are x.
    """
    least, most = places.min(axis=1, keepdims=True), places.max(axis=1, keepdims=True)
    columns, rows = np.minimum((places - least) / (most - least) * grid, grid - 1).astype(int)
    return np.bincount(rows * grid + columns, minlength=grid * grid).reshape(grid, grid).astype(float)


def covariance(kernel: Tensor) -> dict[str, float]:
    """Return the covariance of a kernel under the names that degradations describe it by.

    Args:
        kernel: (k, l) that sums to one.
    """
    rows, columns = (torch.arange(side, dtype=kernel.dtype) for side in kernel.shape)
    y = (rows - (kernel.sum(1) * rows).sum())[:, None]
    x = (columns - (kernel.sum(0) * columns).sum())[None]
    moments = {"blur_xx": x * x, "blur_xy": x * y, "blur_yy": y * y}
    return {name: float((kernel * product).sum()) for name, product in moments.items()}


def _odd(side: float) -> int:
    """Rounded, and one more if that is even."""
    return round(side) + 1 - round(side) % 2


def _enlargement(side: int, factor: float) -> Tensor:
    """(side, side) that enlarges a line about its middle, linearly between pixels, and keeps its length."""
    places = torch.arange(side, dtype=torch.float64) - side // 2
    return (1 - (places[:, None] / factor - places).abs()).clamp(min=0)


_SIDE = "px, of the square kernel, odd"
_BORDER = "what stands beyond the edges: reflect, replicate, circular or symmetric"
USRNET = srbench.Paper(
    title="Deep Unfolding Network for Image Super-Resolution",
    venue="CVPR",
    year=2020,
    url="https://arxiv.org/abs/2003.10428",
)


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Defaults: those of USRNet's training."""
    return [
        srbench.StepSpec(
            name="trajectory_blur",
            label="blur of a shaken camera",
            build=TrajectoryBlur,
            units={
                "side_px": _SIDE,
                "moments": "places of the camera that are counted",
                "turn": "radians, by which a rotation of one radian would grow in all moments if it grew evenly",
                "least_px": "px, the least side of the grid of a path …",
                "rate_per_px": "1/px, to which an exponentially distributed length is added, of this rate …",
                "most_px": "px, up to here; rounded, and the next odd number taken; at most 2 more than side_px",
                "zoom": "factors, of rows and columns each, by which some kernels are enlarged about their middle",
                "zoom_probability": "probability of being enlarged",
                "border": _BORDER,
            },
            paper=USRNET,
            notes="Reconstruction: the law by which the camera moves is ours, since of the release only the number of "
            "moments, the grid, the 3 x 3 Gaussian, the side and the enlargement are known.",
        ),
        srbench.StepSpec(
            name="off_centre_blur",
            label="Gaussian blur off its middle",
            build=OffCentreBlur,
            units={
                "variance_px2": "px², both variances",
                "side_px": _SIDE,
                "moved_for": "scales, drawn from, all alike; at s the Gaussian is (s-1)/2 px off the kernel's middle",
                "border": _BORDER,
            },
            paper=USRNET,
            notes="KAIR's gen_kernel, whose scale is drawn whatever the scale of the reduction, then turned and "
            "mirrored at random.",
        ),
    ]
