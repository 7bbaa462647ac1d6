"""The blurs that USRNet trains with: camera shake, and off-centre Gaussians.

A shake is the path of a camera in three dimensions, projected to the image plane. Its velocity is a sum of random
pushes of decreasing strength, ``v_t = v_{t−1} + n_t/(t + 1)``. Its rotation grows in proportion to itself and by random
twists of decreasing strength, ``r_t = (1 + c) r_{t−1} + c m_t/(t + 1)``, where c is 2π divided by the number of
moments. From one moment to the next the camera moves by ``R(r_t) v_t``, so most paths are straight at first and curl in
the end. A grid is stretched over the path in height and in width, and the kernel counts the positions in each square.
This law of motion is our reconstruction: the release only shows the number of moments and the processing of the path.

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
from srbench.imaging.borders import Border
from srbench.imaging.filtering import filter2d
from srbench.imaging.kernels import gaussian_of_variances, isotropic

LEAST_SHARE_IN_VIEW = 0.1
"""An enlarged kernel is used only if at least this share of the path's weight stays inside the kernel."""


@dataclass(frozen=True)
class TrajectoryBlur:
    """The blur of a camera that shakes during the exposure."""

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
                f"The blur of a shaken camera got grids of {self.least_px} to {largest} px and kernels of "
                f"{self.side_px} px; choose grids of at least 1 px, and an odd side_px of at least {largest - 2}."
            )

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw a seed of the path, the odd side of the grid, and the enlargement of rows and columns."""
        grid = _odd(min(self.least_px - math.log(1.0 - random.unit()) / self.rate_per_px, self.most_px))
        zoomed = random.chance(self.zoom_probability)
        zoom = [random.uniform(*self.zoom), random.uniform(*self.zoom)] if zoomed else [1.0, 1.0]
        return {"seed": random.seed(), "grid_px": grid, "zoom": zoom}

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], _size: Size) -> Tensor:
        """Filter each image with its kernel."""
        return filter2d(images, torch.stack([self.kernel(one) for one in drawn]), border=self.border, flip=True)

    def blur_weights(self, drawn: Mapping[str, Any]) -> Tensor:
        """Return its kernel, flipped, as `apply` does."""
        return self.kernel(drawn).flip(0, 1)

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """Return the covariance of its kernel about the centroid, which need not be the kernel's middle."""
        return covariance(self.kernel(drawn))

    def kernel(self, drawn: Mapping[str, Any]) -> Tensor:
        """Build the drawn kernel (side, side) float64, which sums to one: count, blur by 3 x 3, pad or cut, enlarge."""
        counts = torch.from_numpy(visits(path(drawn["seed"], self.moments, self.turn), drawn["grid_px"]))
        smooth = F.conv2d((counts / counts.sum())[None, None], isotropic(3, 1.0)[:, None], padding=1)
        # a grid larger than the kernel loses its outermost squares, after the blur has spread part of them inwards
        kernel = F.pad(smooth[0, 0], ((self.side_px - drawn["grid_px"]) // 2,) * 4)
        if drawn["zoom"] != [1.0, 1.0]:
            rows, columns = (_enlargement(self.side_px, factor) for factor in drawn["zoom"])
            enlarged = rows @ kernel @ columns.T
            if enlarged.sum() >= LEAST_SHARE_IN_VIEW:  # otherwise the path passes outside the visible part
                kernel = enlarged
        return kernel / kernel.sum()


@dataclass(frozen=True)
class OffCentreBlur:
    """An anisotropic Gaussian, shifted as for sub-sampling at a random scale, then rotated and mirrored."""

    variance_px2: tuple[float, float] = (0.6, 12.0)
    side_px: int = 25
    moved_for: tuple[int, ...] = (1, 2, 3, 4)
    border: Border = "circular"

    def draw(self, random: Random, _size: Size) -> Drawn:
        """Draw both variances, direction, the scale of the shift, quarter turns, and mirroring."""
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

    def blur_weights(self, drawn: Mapping[str, Any]) -> Tensor:
        """Return its kernel, flipped, as `apply` does."""
        return self.kernel(drawn).flip(0, 1)

    def describe(self, drawn: Mapping[str, Any]) -> dict[str, float]:
        """Return the covariance of its kernel about the centroid."""
        return covariance(self.kernel(drawn))

    def kernel(self, drawn: Mapping[str, Any]) -> Tensor:
        """Build the drawn kernel (side, side) float64, which sums to one."""
        shape = (drawn[name] for name in ("first_px2", "second_px2", "theta"))
        moved = -(drawn["moved_for"] - 1) / 2
        kernel = gaussian_of_variances(self.side_px, *shape, centre="pixel", offset=moved)[0]
        turned = torch.rot90(kernel, drawn["quarter_turns"])
        return turned.flip(0) if drawn["mirrored"] else turned


def path(seed: int, moments: int, turn: float) -> NDArray[np.float64]:
    """The positions of a shaking camera, projected to the image plane.

    Args:
        seed: Seed of the path.
        moments: Number of positions.
        turn: The number c of the module's docstring times ``moments``, in radians.

    Returns:
        (2, moments): x and y.
    """
    uniform = Random(seed).units(6 * moments).reshape(2, moments, 3)
    force = np.sqrt(-2 * np.log(1 - uniform[0])) / np.arange(1, moments + 1)[:, None]
    pushes, twists = force * np.cos(2 * np.pi * uniform[1]), force * np.sin(2 * np.pi * uniform[1])  # Box-Muller
    twists[0] = 0  # the camera starts upright
    vx, vy, vz = np.cumsum(pushes, axis=0).T
    rate = turn / moments
    growth = (1 + rate) ** np.arange(moments)[:, None]
    angles = (growth * np.cumsum(rate * twists / growth, axis=0)).T
    (cos_x, cos_y, cos_z), (sin_x, sin_y, sin_z) = np.cos(angles), np.sin(angles)
    # rotate about x, then y, then z; motion along z is invisible
    vy, vz = cos_x * vy - sin_x * vz, sin_x * vy + cos_x * vz
    vx = cos_y * vx + sin_y * vz
    moves = np.stack([cos_z * vx - sin_z * vy, sin_z * vx + cos_z * vy])
    moves[:, 0] = 0
    return np.cumsum(moves, axis=1)


def visits(positions: NDArray[np.float64], grid: int) -> NDArray[np.float64]:
    """Count the positions in each square of a grid that is stretched over all of them.

    Args:
        positions: (2, n): x and y.
        grid: Squares a side.

    Returns:
        (grid, grid): rows are y, columns are x.
    """
    least, most = positions.min(axis=1, keepdims=True), positions.max(axis=1, keepdims=True)
    columns, rows = np.minimum((positions - least) / (most - least) * grid, grid - 1).astype(int)
    return np.bincount(rows * grid + columns, minlength=grid * grid).reshape(grid, grid).astype(float)


def covariance(kernel: Tensor) -> dict[str, float]:
    """Return the covariance of a kernel, under the names that descriptions of degradations use.

    Args:
        kernel: (k, l) that sums to one.
    """
    rows, columns = (torch.arange(side, dtype=kernel.dtype) for side in kernel.shape)
    y = (rows - (kernel.sum(1) * rows).sum())[:, None]
    x = (columns - (kernel.sum(0) * columns).sum())[None]
    moments = {"blur_xx": x * x, "blur_xy": x * y, "blur_yy": y * y}
    return {name: float((kernel * product).sum()) for name, product in moments.items()}


def _odd(side: float) -> int:
    """Round to the nearest integer, and add one if that is even."""
    return round(side) + 1 - round(side) % 2


def _enlargement(side: int, factor: float) -> Tensor:
    """A matrix (side, side) that enlarges a line about its middle by linear interpolation, and keeps its length."""
    positions = torch.arange(side, dtype=torch.float64) - side // 2
    return (1 - (positions[:, None] / factor - positions).abs()).clamp(min=0)


_SIDE = "px, side of the square kernel, odd"
_BORDER = "padding at the edges: reflect, replicate, circular or symmetric"
USRNET = srbench.Paper(
    title="Deep Unfolding Network for Image Super-Resolution",
    venue="CVPR",
    year=2020,
    url="https://arxiv.org/abs/2003.10428",
)


@srbench.hookimpl
def register_steps() -> list[srbench.StepSpec]:
    """Provide both blurs; the defaults are those of USRNet's training."""
    return [
        srbench.StepSpec(
            name="trajectory_blur",
            label="blur of a shaken camera",
            build=TrajectoryBlur,
            units={
                "side_px": _SIDE,
                "moments": "number of positions of the camera",
                "turn": "radians, growth rate of the rotation times the number of moments",
                "least_px": "px, smallest side of a path's grid",
                "rate_per_px": "1/px, rate of the exponentially distributed length that is added to the smallest side",
                "most_px": "px, largest side; rounded up to odd; at most 2 more than side_px",
                "zoom": "range of factors that enlarge rows and columns of some kernels about their middle",
                "zoom_probability": "probability of an enlarged kernel",
                "border": _BORDER,
            },
            paper=USRNET,
            notes="Reconstruction: the law of motion is ours, as the release only shows the number of moments, the "
            "grid, the 3 x 3 Gaussian, the side and the enlargement.",
        ),
        srbench.StepSpec(
            name="off_centre_blur",
            label="Gaussian blur off its middle",
            build=OffCentreBlur,
            units={
                "variance_px2": "px², both variances",
                "side_px": _SIDE,
                "moved_for": "scales s to choose from with equal probability; the Gaussian is shifted by (s-1)/2 px",
                "border": _BORDER,
            },
            paper=USRNET,
            notes="KAIR's gen_kernel, with a scale that is independent of the reduction's, then rotated and mirrored "
            "at random.",
        ),
    ]
