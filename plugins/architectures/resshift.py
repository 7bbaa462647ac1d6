"""ResShift in pixels: diffusion whose noisy end is the enlarged lr, so that few steps do (Yue et al., NeurIPS 2023).

The schedule, the posterior and the prediction of the clean image are the paper's. The paper shifts residuals between
codes of an autoencoder and uses a U-Net with Swin blocks; here they are between images, the U-Net is the small one of
SR3 here, and what it predicts is added to the enlarged lr.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise, repeat

import numpy as np
import torch
from numpy.typing import NDArray
from srbench_plugins.architectures.sr3 import chosen_times, small_unet
from torch import Generator, Tensor, nn

import srbench
from srbench.imaging import imresize

KAPPA = 2.0
"""Standard deviation of the noise in units of the root of the shifted share."""
LAST_ROOT = 0.99
POWER = 0.3
"""Exponent of the growth of the schedule: below 1, it grows fast at first."""


def shifted_roots(steps: int, smallest: float) -> NDArray[np.float64]:
    """Return the roots of the shares that are shifted towards lr after each step, (steps,), the square root of eta.

    Args:
        steps: T, at least 2.
        smallest: The noise of the first step, its standard deviation; `KAPPA` times the root is at most this.
    """
    first = min(smallest / KAPPA, smallest)
    exponents = (np.arange(steps) / (steps - 1)) ** POWER * (steps - 1)
    return first * (LAST_ROOT / first) ** (exponents / (steps - 1))


class ResShift(nn.Module):
    """The U-Net as a distribution of sr, in [-1, 1], given lr.

    Args:
        scale: Up-sampling factor.
        network: Makes the U-Net; its key is ``unet``.
        roots: The schedule, `shifted_roots`.
    """

    def __init__(self, scale: int, *, network: Callable[[], nn.Module], roots: NDArray[np.float64]) -> None:
        super().__init__()
        self.scale = scale
        self.unet = network()
        self.shares = roots**2

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w): one draw of each image with all steps, from seed 0."""
        draws = [
            self.sample(image[None], "resshift", len(self.shares), torch.Generator().manual_seed(0)) for image in lr
        ]
        return torch.cat(draws)

    def sample(self, lr: Tensor, sampler: str, steps: int, generator: Generator) -> Tensor:  # noqa: ARG002
        """Draw sr.

        Args:
            lr: (N, 3, h, w).
            sampler: "resshift", the only one.
            steps: From 1 to T. With fewer, the chain jumps over some of the levels that it was trained for.
            generator: Source of all noise, on the CPU.

        Returns:
            (N, 3, scale*h, scale*w).
        """
        enlarged = self.enlarged(lr)
        noises = (torch.randn(enlarged.shape, generator=generator).to(enlarged) for _ in repeat(None))
        return self.chain(enlarged, steps, noises)

    def enlarged(self, lr: Tensor) -> Tensor:
        """Enlarge lr bicubically, as an image: within [-1, 1]."""
        return imresize(lr, scale=self.scale).clamp(-1, 1)

    def chain(self, enlarged: Tensor, steps: int, noises: Iterator[Tensor]) -> Tensor:
        """Return sr, drawn step by step.

        Args:
            enlarged: The enlarged lr, (N, 3, H, W).
            steps: See `sample`.
            noises: Standard normal, of the size of ``enlarged``.
        """
        times = chosen_times(steps, len(self.shares))
        noisy = self.noised(enlarged, enlarged, _all(times[0], enlarged), next(noises))
        for time, after in pairwise(times):
            clean = self.clean(enlarged, noisy, _all(time, enlarged))
            mean, variance = posterior(noisy, clean, float(self.shares[time]), float(self.shares[after]))
            noisy = mean + next(noises) * variance**0.5
        return self.clean(enlarged, noisy, _all(times[-1], enlarged))

    def noised(self, clean: Tensor, enlarged: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """Return the noisy images at times (N,), counted from 0: clean ones that are shifted towards lr, with noise."""
        share = self._at(times, clean)
        return clean + share * (enlarged - clean) + noise * (KAPPA * share.sqrt())

    def clean(self, enlarged: Tensor, noisy: Tensor, times: Tensor) -> Tensor:
        """Return the clean image that the network predicts; it is given noisy ones of a spread of about 1."""
        spread = (1 + KAPPA**2 * self._at(times, noisy)).sqrt()
        residual: Tensor = self.unet(torch.cat((enlarged, noisy / spread), dim=1), times.to(noisy))
        return enlarged + residual

    def objective(self, lr: Tensor, hr: Tensor, generator: Generator) -> Tensor:
        """Return the mean squared error of the predicted clean image, at a time drawn for each image.

        Args:
            lr: (N, 3, h, w).
            hr: (N, 3, scale*h, scale*w).
            generator: Source of the times and the noise, on the CPU.
        """
        times = torch.randint(len(self.shares), (len(hr),), generator=generator)
        enlarged = self.enlarged(lr)
        noise = torch.randn(hr.shape, generator=generator).to(hr)
        return (self.clean(enlarged, self.noised(hr, enlarged, times, noise), times) - hr).square().mean()

    def _at(self, times: Tensor, like: Tensor) -> Tensor:
        """Return the shifted shares at times (N,), (N, 1, 1, 1)."""
        return torch.from_numpy(self.shares)[times].to(like).view(-1, 1, 1, 1)


def posterior(noisy: Tensor, clean: Tensor, before: float, after: float) -> tuple[Tensor, float]:
    """Return mean and variance of a less noisy image, given a noisy and the clean one (equation 7, for any two times).

    Args:
        noisy: At the time before.
        clean: Of the same shape.
        before: The share that is shifted in the noisy image.
        after: That in the image that follows, smaller.
    """
    kept = after / before
    return noisy * kept + clean * (1 - kept), KAPPA**2 * after * (1 - kept)


def _all(time: int, like: Tensor) -> Tensor:
    """Return one time for every image, (N,)."""
    return torch.full((len(like),), time)


def small(scale: int, *, steps: int, smallest: float) -> nn.Module:
    """Build a network that a CPU trains in minutes, for T and the noise of its first step."""
    return ResShift(scale, network=small_unet, roots=shifted_roots(steps, smallest))


def _spec(name: str, label: str, steps: int, smallest: float, offered: tuple[int, ...]) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(small, steps=steps, smallest=smallest),
        scales=frozenset({4}),
        license="S-Lab 1.0",
        paper=srbench.Paper(
            title="ResShift: Efficient Diffusion Model for Image Super-resolution by Residual Shifting",
            venue="NeurIPS",
            year=2023,
            url="https://arxiv.org/abs/2307.12348",
        ),
        input_mean=(0.5, 0.5, 0.5),
        input_std=(0.5, 0.5, 0.5),
        size_multiple=2,
        samplers=(srbench.Sampler(name="resshift", steps=offered, most=steps),),
        notes="Not a network of the paper, which works on codes of an autoencoder: a small U-Net on images. It is "
        f"trained for {steps} noise levels, as the number of steps is part of its training; fewer jump over some.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide small networks with the paper's two schedules."""
    return [
        _spec("resshift_small", "ResShift (small, 4 steps)", 4, 0.2, (4, 1)),
        _spec("resshift_small_15", "ResShift (small, 15 steps)", 15, 0.04, (15, 4)),
    ]
