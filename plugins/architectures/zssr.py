"""ZSSR: a small network that learns from one image how to enlarge it (Shocher, Cohen and Irani, CVPR 2018).

The network learns to make the image of a smaller version of it, and is then applied to the image itself. In every step
a father is cut out of the image, with random turns and distortions, and reduced to its son. The network enlarges the
son; the reduction is bicubic, or by the blur kernel of the image where one is given.

Facts that the paper leaves open are those of the release (its licence allows no use of its code, so none is here), with
two differences: beyond its border a distorted father is mirrored, and the place of a father is drawn such that it is
inside the image as far as possible.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.imaging import imresize
from srbench.imaging.reduction import blur_and_subsample
from srbench.networks.per_image import FittedToEachImage

STEPS = 3000
RATE, LEAST_RATE = 1e-3, 9e-6
RECORDED_EVERY, CHECKED_EVERY, RATE_LASTS = 50, 60, 256
"""Steps between two errors of reconstruction, between two looks at them, and before a rate may fall again."""
SLOPE_RATIO = 1.5
FATHER = 128
AS_IS, TURNED = 0.05, 0.45
"""Shares of fathers that are only cut out, and that are also turned by right angles and mirrored."""
LEAST_SIZE, SIZE_DIFFERENCE, SHEAR = 0.5, 0.25, 0.1
LEAST_FACTOR = 0.1
BACK_PROJECTIONS = 10
VIEWS = 8
GREY_LEVELS_OF_NOISE = 5
LOGGED = 100
"""About as many losses are returned."""


class Residual(nn.Module):
    """The network that is fitted: 3x3 convolutions without biases; the last gives what the enlarged image lacks.

    Args:
        width: Channels.
        depth: Number of convolutions.
    """

    def __init__(self, width: int = 64, depth: int = 8) -> None:
        super().__init__()
        channels = [3, *[width] * (depth - 1), 3]
        layers = (nn.Conv2d(before, after, 3, padding=1, bias=False) for before, after in pairwise(channels))
        self.convs = nn.ModuleList(layers)

    def forward(self, enlarged: Tensor) -> Tensor:
        """Map (N, 3, H, W) to the same shape."""
        *inner, last = self.convs
        features = enlarged
        for layer in inner:
            features = F.relu(layer(features), inplace=True)
        residual: Tensor = last(features)
        return enlarged + residual

    @torch.no_grad()
    def initialise(self, generator: Generator) -> None:
        """Draw fresh weights of variance 0.1 over their inputs."""
        for weight in self.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * math.sqrt(0.1 / weight[0].numel()))


@dataclass(frozen=True, slots=True)
class Reduction:
    """How an image becomes smaller, and how its size is restored."""

    factors: tuple[float, float]
    """Those of height and width."""
    kernel: Tensor | None = None
    """(k, k), the blur before pixels are dropped, for one whole factor; the bicubic filter if None."""

    def down(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to the sides divided by the factors, rounded up."""
        if self.kernel is not None:
            return blur_and_subsample(image, self.kernel, int(self.factors[0]))
        return imresize(image, scale=(1 / self.factors[0], 1 / self.factors[1]))

    def up(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Enlarge bicubically, and crop to ``size`` at the bottom and right."""
        return imresize(image, scale=self.factors)[..., : size[0], : size[1]]

    def restored(self, image: Tensor) -> Tensor:
        """Reduce an image and enlarge it again: what the network gets in training."""
        return self.up(self.down(image).clamp(0, 1), (image.shape[2], image.shape[3]))

    def back_projected(self, sr: Tensor, lr: Tensor, times: int) -> Tensor:
        """Add what lr has and reduced sr lacks, enlarged, so many times."""
        for _ in range(times):
            missing = lr - self.down(sr)[..., : lr.shape[2], : lr.shape[3]]
            sr = (sr + self.up(missing, (sr.shape[2], sr.shape[3]))).clamp(0, 1)
        return sr


def random_father(images: Sequence[Tensor], generator: Generator) -> Tensor:
    """Cut a father out of one of the images, (1, C, h, w) of at most `FATHER` pixels a side.

    Args:
        images: (1, C, H, W) each.
        generator: Gives the same count of numbers for every father.
    """
    kind, which, row, column, turn, mirror, size = torch.rand(7, generator=generator, dtype=torch.float64).tolist()
    difference, *shears = torch.randn(3, generator=generator, dtype=torch.float64).tolist()
    image = images[int(which * len(images))]
    if kind >= AS_IS and mirror < 0.5:
        image = image.flip(-1)
    if AS_IS <= kind < AS_IS + TURNED:
        image = image.rot90(int(4 * turn), (2, 3))
    height, width = image.shape[2:]
    sides = min(FATHER, height), min(FATHER, width)
    if kind < AS_IS + TURNED:
        top, left = int(row * (height - sides[0] + 1)), int(column * (width - sides[1] + 1))
        return image[..., top : top + sides[0], left : left + sides[1]]
    mean = LEAST_SIZE + (1 - LEAST_SIZE) * size
    half = SIZE_DIFFERENCE * difference / 2
    factors = np.diag([max(mean - half, LEAST_FACTOR), max(mean + half, LEAST_FACTOR)])
    sheared = np.array([[1.0, SHEAR * shears[0]], [SHEAR * shears[1], 1.0]])
    angle = 2 * math.pi * turn
    turned = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return warped(image, np.linalg.inv(turned @ sheared @ factors), sides, (row, column))


def warped(image: Tensor, matrix: np.ndarray, sides: tuple[int, int], place: tuple[float, float]) -> Tensor:
    """Cut a distorted father out of an image, by cubic interpolation with mirrored borders, clamped to [0, 1].

    Args:
        image: (1, C, H, W).
        matrix: (2, 2), which maps an offset (rows, columns) from the father's middle to one in the image.
        sides: Height and width of the father.
        place: Where its middle is, from 0 to 1 of all places at which the father is inside the image; the middle of
            the image if there is none.
    """
    pixels = np.array(image.shape[2:])
    reach = np.abs(matrix) @ (np.array(sides) / 2)
    middle = np.where(2 * reach < pixels, reach + np.array(place) * (pixels - 2 * reach), pixels / 2)
    rows, columns = (np.arange(side) - (side - 1) / 2 for side in sides)
    offsets = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)
    places = 2 * (offsets @ matrix.T + middle) / pixels - 1
    grid = torch.from_numpy(places[None, ..., ::-1].copy()).to(image)
    return F.grid_sample(image, grid, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(0, 1)


def has_settled(errors: Sequence[float]) -> bool:
    """Return whether errors no longer fall: whether the slope of their line is small beside its standard deviation.

    Args:
        errors: At least three, at equal distances.
    """
    (slope, _), covariance = np.polyfit(np.arange(len(errors)), errors, 1, cov=True)
    return bool(-SLOPE_RATIO * slope <= math.sqrt(covariance[0, 0]))


def train(
    network: Residual,
    images: Sequence[Tensor],
    reduction: Reduction,
    steps: int,
    generator: Generator,
    go_on: Callable[[], bool],
    *,
    noise: float = 0.0,
) -> list[float]:
    """Train a network to undo a reduction of images.

    The rate falls tenfold when the error of reconstructing the first image no longer falls, and below `LEAST_RATE` the
    training ends.

    Args:
        network: Changed in place.
        images: (1, 3, H, W) each, from which fathers are cut; the first is lr.
        reduction: Makes the sons.
        steps: At most so many.
        generator: Of fathers and noise.
        go_on: Asked before every step; the training ends when it returns False.
        noise: Standard deviation of normal noise on the sons.

    Returns:
        The loss of every step that was taken.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    enlarged = reduction.restored(images[0])
    rate, fell_at = RATE, 0
    losses: list[float] = []
    errors: list[float] = []
    for step in range(steps):
        if not go_on():
            break
        if step % RECORDED_EVERY == 0:
            with torch.no_grad():
                errors.append(F.mse_loss(network(enlarged).clamp(0, 1), images[0]).item())
        father = random_father(images, generator)
        son = reduction.down(father)
        if noise:
            son = son + noise * torch.randn(son.shape, generator=generator).to(son)
        loss = F.l1_loss(network(reduction.up(son.clamp(0, 1), (father.shape[2], father.shape[3]))), father)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(loss.item())
        seen = errors[-(RATE_LASTS // RECORDED_EVERY) :]
        if (step + 1) % CHECKED_EVERY == 0 and step - fell_at > RATE_LASTS and has_settled(seen):
            rate, fell_at = rate / 10, step
            if rate < LEAST_RATE:
                break
            for group in optimiser.param_groups:
                group["lr"] = rate
    return losses


@torch.no_grad()
def enlarge(
    network: Residual, lr: Tensor, reduction: Reduction, size: tuple[int, int], back_projections: int
) -> Tensor:
    """Enlarge lr in its eight turned and mirrored views, and take the median of each value.

    Args:
        network: A trained one.
        lr: (1, 3, h, w).
        reduction: What is to be undone; if its factors differ, the four views that keep the axes are taken.
        size: Height and width of sr.
        back_projections: For each view, and as many for their median.
    """
    made = []
    for view in range(0, VIEWS, 1 if reduction.factors[0] == reduction.factors[1] else 2):
        turned = lr.rot90(view, (2, 3))
        turned = turned.flip(-1) if view >= VIEWS // 2 else turned
        enlarged = reduction.up(turned, size if view % 2 == 0 else (size[1], size[0]))
        sr = network(enlarged).clamp(0, 1)
        sr = (sr.flip(-1) if view >= VIEWS // 2 else sr).rot90(-view, (2, 3))
        made.append(reduction.back_projected(sr, lr, back_projections))
    ordered = torch.stack(made).sort(dim=0).values
    median = (ordered[(len(made) - 1) // 2] + ordered[len(made) // 2]) / 2
    return reduction.back_projected(median, lr, back_projections)


class ZSSR(FittedToEachImage):
    """The method.

    Args:
        scale: Up-sampling factor.
        width: Channels of the network.
        depth: Its convolutions.
        gradual: Whether sr grows in six stages. What each gives is one more image that fathers are cut out of.
        noise: Standard deviation of the noise on sons, for lr with noise. Without back-projections, which would bring
            the noise of lr back.
        steps: Those of ``forward``, of all stages together.
    """

    def __init__(
        self,
        scale: int,
        *,
        width: int = 64,
        depth: int = 8,
        gradual: bool = False,
        noise: float = 0.0,
        steps: int = STEPS,
    ) -> None:
        super().__init__(steps)
        self.scale, self.noise = scale, noise
        self.stages = gradual_factors(scale) if gradual else [(float(scale), float(scale))]
        self.network = Residual(width, depth)

    def fit(
        self, lr: Tensor, *, steps: int, generator: Generator, kernel: Tensor | None, go_on: Callable[[], bool]
    ) -> srbench.Fitted:
        """Fit a fresh network to an image; a gradual one too takes one stage where a kernel is given.

        Args:
            lr: (1, 3, h, w) in [0, 1].
            steps: At most so many; a stage ends earlier when its error no longer falls.
            generator: On the CPU.
            kernel: The blur of lr at the size of hr, (k, k).
            go_on: Asked before every step.
        """
        network = copy.deepcopy(self.network)
        network.initialise(generator)
        stages = self.stages if kernel is None else self.stages[-1:]
        images, losses, sr = [lr], list[float](), lr
        goes_on = True

        def asked() -> bool:
            nonlocal goes_on
            goes_on = goes_on and go_on()
            return goes_on

        for number, factors in enumerate(stages):
            reduction = Reduction(factors, kernel)
            budget = steps * (number + 1) // len(stages) - steps * number // len(stages)
            losses += train(network, images, reduction, budget, generator, asked, noise=self.noise)
            if goes_on or number == len(stages) - 1:
                size = math.ceil(lr.shape[2] * factors[0]), math.ceil(lr.shape[3] * factors[1])
                sr = enlarge(network, lr, reduction, size, 0 if self.noise else BACK_PROJECTIONS)
                images.append(sr)
        return srbench.Fitted(sr, len(losses), tuple(losses[:: max(1, len(losses) // LOGGED)]))

    def once(self, lr: Tensor) -> Tensor:
        """Apply the network to the enlarged lr; a step applies it to a father of the size of lr at most."""
        size = self.scale * lr.shape[2], self.scale * lr.shape[3]
        sr: Tensor = self.network(Reduction(self.stages[-1]).up(lr, size))
        return sr


def gradual_factors(scale: int) -> list[tuple[float, float]]:
    """Return the factors of height and width of six stages; at x2: 1x1.5, 1.5x1, 1.5x1.5, 1.5x2, 2x1.5, 2x2."""
    half, whole = (1 + scale) / 2, float(scale)
    return [(1.0, half), (half, 1.0), (half, half), (half, whole), (whole, half), (whole, whole)]


def _spec(
    name: str, label: str, notes: str, *, steps: int = STEPS, gradual: bool = False, noise: float = 0.0
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(ZSSR, gradual=gradual, noise=noise, steps=steps),
        scales=frozenset({2, 3, 4, 8}),
        trainable=False,
        fitting=srbench.Fitting(steps=steps),
        half_precision=frozenset(),
        paper=srbench.Paper(
            title='"Zero-Shot" Super-Resolution Using Deep Internal Learning',
            venue="CVPR",
            year=2018,
            url="https://arxiv.org/abs/1712.06087",
        ),
        license="academic non-commercial (Weizmann Institute)",
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide ZSSR in one stage and in six, and for lr with noise."""
    return [
        _spec(
            "zssr",
            "ZSSR",
            "Fitted to each image by itself in one stage. Written from the paper: the licence of the release allows no "
            "use of its code.",
        ),
        _spec(
            "zssr_gradual",
            "ZSSR (gradual)",
            "In six stages, 1x1.5 to 2x2 at x2. At other scales the middle between 1 and the scale takes the place of "
            "1.5, which is ours. With a kernel there is one stage.",
            steps=6 * STEPS,
            gradual=True,
        ),
        _spec(
            "zssr_noise",
            "ZSSR (noise)",
            "For lr with noise or artefacts of compression: with noise of 5 grey levels on the sons, and without "
            "back-projections.",
            noise=GREY_LEVELS_OF_NOISE / 255,
        ),
    ]
