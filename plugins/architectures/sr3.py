"""SR3: diffusion conditioned on the bicubic image, refined step by step from noise (Saharia et al., TPAMI 2022).

Keys, schedules and the loss are those of the public PyTorch implementation; the authors released no code. The network
is given the continuous noise level, so one training serves every number of steps and both samplers: the ancestral one
of the paper, and DDIM without noise (Song et al., ICLR 2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, repeat

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

import srbench
from srbench.imaging import imresize
from srbench.networks.noise_unet import NoiseUNet

Levels = NDArray[np.float64]

DEFAULT_STEPS = 20
SMALLEST_VARIANCE = 1e-20
"""Of a step, before its logarithm is taken."""
COSINE_OFFSET = 8e-3
LARGEST_BETA = 0.999
"""Of the cosine schedule, whose last step would end at exactly no signal."""


def beta_schedule(name: str, steps: int, start: float, end: float) -> Levels:
    """Return the share of the variance that each step replaces by noise, (steps,) in float64.

    Args:
        name: "linear"; "quad", linear in the root; "warmup10" and "warmup50", linear over that percentage of the steps
            and constant afterwards; "const"; "jsd", 1/(steps - t); or "cosine" (Nichol and Dhariwal, ICML 2021).
        steps: T.
        start: The first value, where the schedule has one.
        end: The last value, where the schedule has one.
    """
    if name == "quad":
        roots: Levels = np.linspace(math.sqrt(start), math.sqrt(end), steps)
        return roots * roots
    if name == "jsd":
        return 1.0 / np.arange(steps, 0, -1, dtype=np.float64)
    if name == "cosine":
        angles = (np.arange(steps + 1) / steps + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2
        kept = np.cos(angles) ** 2
        lost: Levels = 1 - kept[1:] / kept[:-1]
        return lost.clip(max=LARGEST_BETA)
    rising = {"linear": steps, "warmup50": int(steps * 0.5), "warmup10": int(steps * 0.1), "const": 0}[name]
    betas = np.full(steps, end, dtype=np.float64)
    betas[:rising] = np.linspace(start, end, rising)
    return betas


def chosen_times(steps: int, most: int) -> list[int]:
    """Return the times, counted from 0, of a sampler that takes ``steps`` of ``most`` steps: evenly from last to 0."""
    return [round(time) for time in np.linspace(most - 1, 0, steps)]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sampler, from more noise to less."""

    before: float
    """Share of the signal's variance in the noisy image that it is given, alpha bar."""
    after: float
    """That in the image that it makes; 1 after the last step."""

    def clean(self, noisy: Tensor, noise: Tensor) -> Tensor:
        """Return the image that is left if ``noise`` is what the noisy one contains."""
        return noisy * math.sqrt(1 / self.before) - noise * math.sqrt(1 / self.before - 1)

    def posterior(self, noisy: Tensor, clean: Tensor) -> tuple[Tensor, float]:
        """Return mean and logarithm of the variance of the next image, given the noisy and the clean one (DDPM)."""
        kept = self.before / self.after
        new, old = (1 - kept) / (1 - self.before), (1 - self.after) / (1 - self.before)
        mean = clean * (math.sqrt(self.after) * new) + noisy * (math.sqrt(kept) * old)
        return mean, math.log(max((1 - kept) * old, SMALLEST_VARIANCE))

    def ancestral(self, noisy: Tensor, clean: Tensor, noises: Iterator[Tensor]) -> Tensor:
        """Return a draw of the next image: its posterior mean with noise, of which the last step adds none."""
        mean, spread = self.posterior(noisy, clean)
        return mean + next(noises) * math.exp(spread / 2) if self.after < 1 else mean

    def deterministic(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Return DDIM's next image: the clean one with the noise that the noisy one has beside it."""
        noise = (noisy - clean * math.sqrt(self.before)) / math.sqrt(1 - self.before)
        return clean * math.sqrt(self.after) + noise * math.sqrt(1 - self.after)


class SR3(nn.Module):
    """The U-Net as a distribution of sr, in [-1, 1], given lr.

    Args:
        scale: Up-sampling factor.
        network: Makes the U-Net; its key is ``denoise_fn``.
        schedule: The betas, (T,).
        step_for_each: Whether each image of a batch is trained at a step of its own; in SR3 all share one.
        spread: If given, what the network returns is added to the best guess for images that are the condition plus
            noise of this standard deviation, and scaled by what that leaves open (as in Karras et al., NeurIPS 2022,
            table 1, for images about zero). In SR3 the network predicts the noise by itself, which takes far longer.
    """

    def __init__(
        self,
        scale: int,
        *,
        network: Callable[[], nn.Module],
        schedule: Levels,
        step_for_each: bool = False,
        spread: float | None = None,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.denoise_fn = network()
        self.signal = np.cumprod(1 - schedule)  # alpha bar
        self.step_for_each = step_for_each
        self.spread = spread

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w): one draw of each image by DDIM from seed 0."""
        draws = [self.sample(image[None], "ddim", DEFAULT_STEPS, torch.Generator().manual_seed(0)) for image in lr]
        return torch.cat(draws)

    def sample(self, lr: Tensor, sampler: str, steps: int, generator: Generator) -> Tensor:
        """Draw sr.

        Args:
            lr: (N, 3, h, w).
            sampler: "ddim" or "ancestral".
            steps: From 1 to T.
            generator: Source of all noise, on the CPU.

        Returns:
            (N, 3, scale*h, scale*w).
        """
        condition = self.condition(lr)
        noises = (torch.randn(condition.shape, generator=generator).to(condition) for _ in repeat(None))
        return self.chain(condition, sampler, self.steps(chosen_times(steps, len(self.signal))), noises)

    def condition(self, lr: Tensor) -> Tensor:
        """Enlarge lr bicubically, as an image: within [-1, 1]."""
        return imresize(lr, scale=self.scale).clamp(-1, 1)

    def chain(self, condition: Tensor, sampler: str, steps: Iterable[Step], noises: Iterator[Tensor]) -> Tensor:
        """Return sr, drawn step by step.

        Args:
            condition: The enlarged lr, (N, 3, H, W).
            sampler: See `sample`.
            steps: From pure noise to the clean image.
            noises: Standard normal, of the size of the condition.
        """
        noisy = next(noises)
        for step in steps:
            clean = step.clean(noisy, self.noise(condition, noisy, math.sqrt(step.before))).clamp(-1, 1)
            noisy = step.deterministic(noisy, clean) if sampler == "ddim" else step.ancestral(noisy, clean, noises)
        return noisy

    def steps(self, times: Iterable[int]) -> list[Step]:
        """Return the steps between falling times, counted from 0, and the last one to the clean image."""
        return [Step(*pair) for pair in pairwise([*(float(self.signal[time]) for time in times), 1.0])]

    def noise(self, condition: Tensor, noisy: Tensor, level: float | Tensor) -> Tensor:
        """Return the noise that the network sees in a noisy image at a level, the root of the signal's share."""
        levels = torch.as_tensor(level, dtype=noisy.dtype, device=noisy.device).expand(len(noisy))
        if self.spread is None:
            return self._predicted(condition, noisy, levels)
        signal = (levels * self.spread).view(-1, 1, 1, 1)
        noise = (1 - levels.square()).sqrt().view(-1, 1, 1, 1)
        total = (signal.square() + noise.square()).sqrt()
        noisy = (noisy - levels.view(-1, 1, 1, 1) * condition) / total
        return (noise * noisy + signal * self._predicted(condition, noisy, levels)) / total

    def _predicted(self, condition: Tensor, noisy: Tensor, levels: Tensor) -> Tensor:
        """Run the network itself, at a level for each image, (N,)."""
        predicted: Tensor = self.denoise_fn(torch.cat((condition, noisy), dim=1), levels)
        return predicted

    def objective(self, lr: Tensor, hr: Tensor, generator: Generator) -> Tensor:
        """Return the mean absolute error of the predicted noise, at noise levels drawn for a batch.

        Args:
            lr: (N, 3, h, w).
            hr: (N, 3, scale*h, scale*w).
            generator: Source of the step, the levels and the noise, on the CPU.
        """
        roots = torch.from_numpy(np.sqrt(np.append(1.0, self.signal)))
        count = len(hr) if self.step_for_each else 1
        steps = torch.randint(1, len(roots), (count,), generator=generator)
        part = torch.rand(len(hr), generator=generator, dtype=roots.dtype)
        levels = (roots[steps - 1] + part * (roots[steps] - roots[steps - 1])).to(hr)
        noise = torch.randn(hr.shape, generator=generator).to(hr)
        return (self.noise(self.condition(lr), noised(hr, levels, noise), levels) - noise).abs().mean()


def noised(clean: Tensor, level: Tensor, noise: Tensor) -> Tensor:
    """Mix images with noise so that the root of the signal's share is ``level`` (N,)."""
    level = level.view(-1, 1, 1, 1)
    return clean * level + noise * (1 - level.square()).sqrt()


PAPER = srbench.Paper(
    title="Image Super-Resolution via Iterative Refinement",
    venue="TPAMI",
    year=2022,
    url="https://arxiv.org/abs/2104.07636",
)
PUBLIC = (
    "The authors released no code; this is the public PyTorch implementation (Janspiry), which trains it on faces of "
    "FFHQ. By default it is sampled with DDIM in 20 steps, not with the paper's 2,000 ancestral ones. Its weights "
    "start as PyTorch draws them, and not orthogonal."
)


def spec(
    name: str,
    label: str,
    scale: int,
    build: Callable[[int], nn.Module],
    *,
    most: int,
    deepest: int,
    notes: str,
) -> srbench.ArchitectureSpec:
    """Return the spec of one configuration.

    Args:
        name: See `srbench.ArchitectureSpec`.
        label: See there.
        scale: The only scale.
        build: See there.
        most: T.
        deepest: By how much the sides of sr are divided at the deepest level.
        notes: See there.
    """
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=build,
        scales=frozenset({scale}),
        license="Apache-2.0",
        paper=PAPER,
        input_mean=(0.5, 0.5, 0.5),
        input_std=(0.5, 0.5, 0.5),
        size_multiple=max(deepest // scale, 1),
        samplers=(
            srbench.Sampler(name="ddim", steps=(DEFAULT_STEPS, 50, 4), most=most),
            srbench.Sampler(name="ancestral", steps=(most,), most=most),
        ),
        notes=notes,
    )


def official(scale: int, *, network: Callable[[], nn.Module]) -> nn.Module:
    """Build a network of the public implementation, whose schedule is linear with 2,000 steps."""
    return SR3(scale, network=network, schedule=beta_schedule("linear", 2000, 1e-6, 1e-2))


small_unet = partial(
    NoiseUNet, inner=32, multipliers=(1, 1, 2), res_blocks=1, groups=8, image_size=128, fold=2, shortcut=True
)
"""Makes the U-Net that a CPU trains in minutes."""


def small(scale: int) -> nn.Module:
    """Build the network for CPUs, with a schedule that ends where a little of the image is left."""
    schedule = beta_schedule("linear", 1000, 1e-4, 1e-2)
    return SR3(scale, network=small_unet, schedule=schedule, step_for_each=True, spread=0.125)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide both configurations of the public implementation, and a small one for CPUs."""
    faces = partial(
        NoiseUNet, inner=64, multipliers=(1, 2, 4, 8, 8), res_blocks=2, groups=32, dropout=0.2, attention_at=(16,)
    )
    large = partial(NoiseUNet, inner=64, multipliers=(1, 2, 4, 8, 16), res_blocks=1, groups=16, image_size=512)
    return [
        spec(
            "sr3_16_128",
            "SR3 16→128",
            8,
            partial(official, network=faces),
            most=2000,
            deepest=16,
            notes=f"{PUBLIC} Its readme reports 23.26 dB and an SSIM of 0.675 on faces of CelebA-HQ after a million "
            "steps with Adam at 1e-4 and batches of 4.",
        ),
        spec(
            "sr3_64_512",
            "SR3 64→512",
            8,
            partial(official, network=large),
            most=2000,
            deepest=16,
            notes=f"{PUBLIC} Its readme reports 19.87 dB and an SSIM of 0.445 on faces of CelebA-HQ, by Adam at 3e-6 "
            "and batches of 2.",
        ),
        spec(
            "sr3_small",
            "SR3 (small)",
            4,
            small,
            most=1000,
            deepest=8,
            notes="Not from the paper: a small U-Net on squares of 2x2 pixels, with a linear path around it. What it "
            "returns is added to a guess from the noise level and the enlarged lr alone. Of its 1,000 steps from 1e-4 "
            "to 1e-2, each image of a batch has its own in training.",
        ),
    ]
