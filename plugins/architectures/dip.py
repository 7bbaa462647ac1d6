"""Deep image prior: an untrained network makes an image that becomes lr when reduced (Ulyanov et al., CVPR 2018).

The network maps fixed noise to an image. It is fitted until this image, reduced, is lr. What such a network makes first
looks like a photograph, which is the prior; no other image is seen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.imaging.reduction import blur_and_subsample
from srbench.networks.per_image import FittedToEachImage

RATE = 0.01
STEPS, JITTER = 2000, 0.03
STEPS_X8, JITTER_X8 = 4000, 0.05
NOISE_CHANNELS, NOISE_SIZE = 32, 0.1
SUPPORT = 2
"""Half the width of the Lanczos filter, in lr pixels."""
SLOPE = 0.2
LEAST_SIDE = 2
"""Pixels of the side of the smallest features, which a reflection of one pixel needs."""
LOGGED = 100
"""About as many losses are returned."""


def normed(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    """Make a convolution with mirrored borders, batch normalisation and a leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, side // 2, padding_mode="reflect"),
        norm(outputs),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


def norm(channels: int) -> nn.BatchNorm2d:
    """Make a batch normalisation that always uses the statistics of its input, as this method does."""
    return nn.BatchNorm2d(channels, track_running_stats=False)


class Scale(nn.Module):
    """One scale of the hourglass: half the size, all that is below, and back, beside a narrow skip connection.

    Args:
        inputs: Channels that it reads.
        channels: Channels that it computes with and writes.
        skip: Channels of the skip connection.
        below: The next scale; nothing in the last.
    """

    def __init__(self, inputs: int, channels: int, skip: int, below: nn.Module) -> None:
        super().__init__()
        self.skip = normed(inputs, skip, 1)
        self.down = normed(inputs, channels, stride=2)
        self.deep = normed(channels, channels)
        self.below = below
        self.norm = norm(skip + channels)
        self.up = normed(skip + channels, channels)
        self.mix = normed(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (1, inputs, h, w) of even sides to (1, channels, h, w)."""
        deep = self.below(self.deep(self.down(x)))
        enlarged = F.interpolate(deep, scale_factor=2.0, mode="bilinear")
        made: Tensor = self.mix(self.up(self.norm(torch.cat((self.skip(x), enlarged), dim=1))))
        return made


class Hourglass(nn.Module):
    """The network that is fitted, called skip by its authors.

    Args:
        inputs: Channels of the noise that it reads.
        channels: Channels of every scale.
        skip: Channels of every skip connection.
        scales: Number of scales.
    """

    def __init__(self, inputs: int = NOISE_CHANNELS, channels: int = 128, skip: int = 4, scales: int = 5) -> None:
        super().__init__()
        self.inputs, self.multiple = inputs, 2**scales
        self.body: nn.Module = nn.Identity()
        for number in reversed(range(scales)):
            self.body = Scale(channels if number else inputs, channels, skip, self.body)
        self.last = nn.Conv2d(channels, 3, 1)

    def forward(self, noise: Tensor) -> Tensor:
        """Map (1, inputs, H, W), of sides that divide by 2 ** scales, to an image (1, 3, H, W) in [0, 1]."""
        image: Tensor = torch.sigmoid(self.last(self.body(noise)))
        return image

    @torch.no_grad()
    def initialise(self, generator: Generator) -> None:
        """Draw the fresh weights of every convolution, uniform within one over the root of its inputs."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                bound = layer.weight[0].numel() ** -0.5
                for values in layer.parameters():
                    values.copy_(torch.empty(values.shape).uniform_(-bound, bound, generator=generator))

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the sides of the image that it makes for an image of ``size``, not below what its depth needs."""
        height, width = (max(-(-side // self.multiple), LEAST_SIDE) * self.multiple for side in size)
        return height, width


def lanczos(scale: int) -> Tensor:
    """Return the kernel of the reduction, (k, k) float64: Lanczos of two lobes, sampled about the middle of a block.

    Its side is 4 times the scale; at odd scales one less, so that its middle is that of the block there too.
    """
    side = 2 * SUPPORT * scale - scale % 2
    offsets = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) / scale
    weights = torch.sinc(offsets) * torch.sinc(offsets / SUPPORT)
    return torch.outer(weights, weights) / weights.sum() ** 2


class DeepImagePrior(FittedToEachImage):
    """The method.

    Args:
        scale: Up-sampling factor.
        channels: Channels of every scale of the network.
        scales: Number of its scales.
        jitter: Standard deviation of the noise that is added to the input in every step.
        steps: Those of ``forward``.
    """

    def __init__(
        self, scale: int, *, channels: int = 128, scales: int = 5, jitter: float = JITTER, steps: int = STEPS
    ) -> None:
        super().__init__(steps)
        self.scale, self.jitter = scale, jitter
        self.network = Hourglass(channels=channels, scales=scales)

    def fit(
        self, lr: Tensor, *, steps: int, generator: Generator, kernel: Tensor | None, go_on: Callable[[], bool]
    ) -> srbench.Fitted:
        """Fit a fresh network to an image, and return what it makes of the input without jitter.

        Args:
            lr: (1, 3, h, w) in [0, 1].
            steps: At most so many.
            generator: On the CPU.
            kernel: The blur of lr at the size of hr, (k, k), in place of the Lanczos filter.
            go_on: Asked before every step.
        """
        network = copy.deepcopy(self.network)
        network.initialise(generator)
        kernel = lanczos(self.scale) if kernel is None else kernel
        height, width = self.scale * lr.shape[2], self.scale * lr.shape[3]
        shape = (1, network.inputs, *network.canvas((height, width)))
        noise = NOISE_SIZE * torch.rand(shape, generator=generator)
        optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
        losses: list[float] = []
        for _ in range(steps):
            if not go_on():
                break
            jittered = noise + self.jitter * torch.randn(shape, generator=generator)
            sr = network(jittered.to(lr))[..., :height, :width]
            loss = F.mse_loss(blur_and_subsample(sr, kernel, self.scale), lr)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            losses.append(loss.item())
        with torch.no_grad():
            sr = network(noise.to(lr))[..., :height, :width]
        return srbench.Fitted(sr, len(losses), tuple(losses[:: max(1, len(losses) // LOGGED)]))

    def once(self, lr: Tensor) -> Tensor:
        """Make an image of the size of sr."""
        height, width = self.scale * lr.shape[2], self.scale * lr.shape[3]
        noise = lr.new_zeros(1, self.network.inputs, *self.network.canvas((height, width)))
        sr: Tensor = self.network(noise)[..., :height, :width]
        return sr


def _spec(
    name: str, label: str, scales: frozenset[int], steps: int, jitter: float, notes: str
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(DeepImagePrior, jitter=jitter, steps=steps),
        scales=scales,
        trainable=False,
        fitting=srbench.Fitting(steps=steps),
        half_precision=frozenset(),
        paper=srbench.Paper(
            title="Deep Image Prior",
            venue="CVPR",
            year=2018,
            url="https://arxiv.org/abs/1711.10925",
        ),
        license="Apache-2.0",
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the method as the release runs it at x4, and as it runs it at x8."""
    size = (
        "Fitted to each image by itself. Lr is taken to be reduced by Lanczos' filter, or by the kernel of the "
        "degradation. The network makes an image whose sides are the next multiples of 32, at least 64, of which sr is "
        "the upper left part; its authors crop hr to such multiples instead."
    )
    return [
        _spec(
            "dip",
            "Deep Image Prior",
            frozenset({2, 3, 4}),
            STEPS,
            JITTER,
            f"{size} The release has x4 and x8 only; x2 and x3 have the settings of x4.",
        ),
        _spec("dip_x8", "Deep Image Prior (x8)", frozenset({8}), STEPS_X8, JITTER_X8, size),
    ]
