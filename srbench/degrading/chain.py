"""Chains: steps one after the other.

A chain is a step itself, so chains nest. It is also a degradation: ``chain(hr, scale, generator)`` makes lr. Its draws
for an image list the applied steps in their order::

    {"steps": [{"at": 0, "step": "GaussianBlur", "drawn": {"sigma_px": 1.7}}, {"at": 2, "step": "Chain", …}]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from srbench.degrading.draws import Random
from srbench.degrading.performing import Act, perform, undisturbed
from srbench.degrading.steps import Drawn, Size, Step
from srbench.errors import ShapeError, UsageError
from srbench.scales import Scale


@dataclass(frozen=True)
class Chain:
    """Steps in order."""

    steps: Sequence[Step]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps:
            raise UsageError(f"A {type(self).__name__} has no step; give it at least one.")
        for step in self.steps:
            if not isinstance(step, Step):
                raise UsageError(
                    f"A {type(self).__name__} was given {step!r} as a step; give objects with draw and apply."
                )

    def choose(self, _random: Random, _size: Size, /) -> Sequence[int]:
        """Choose the steps to apply, in order, by their index in ``steps``."""
        return range(len(self.steps))

    def draw(self, random: Random, size: Size) -> Drawn:
        """See `srbench.degrading.Step.draw`; every step draws from its own streams."""
        return {
            "steps": [
                {
                    "at": at,
                    "step": type(self.steps[at]).__name__,
                    "drawn": draw_step(self.steps[at], random.branch(at), size),
                }
                for at in self.choose(_stream_for(self, random), size)
            ]
        }

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """See `srbench.degrading.Step.apply`.

        Raises:
            ShapeError: The resulting images have different sizes.
        """
        return perform(images, [list(self._plan(one, ())) for one in drawn], size)

    def degrade(self, hr: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """Make the lr of ``hr`` (N, C, H, W) from what was drawn, clamped to [0, 1].

        Raises:
            ShapeError: The result does not have 1/scale of hr's sides.
        """
        with undisturbed(hr):
            lr = self.apply(hr, drawn, size).clamp(0, 1)
        if tuple(lr.shape) != (*hr.shape[:2], *size.lr):
            raise ShapeError(
                f"The chain made lr {tuple(lr.shape)} from hr {tuple(hr.shape)} at x{size.scale}; let its last resize "
                f"give {size.lr[0]} x {size.lr[1]} pixels."
            )
        return lr

    def __call__(self, hr: Tensor, scale: Scale, generator: Generator) -> Tensor:
        """Make lr from a batch (N, C, H, W) in [0, 1], with separate draws for every image.

        All draws follow from the generator; see `srbench.DegradationSpec`.
        """
        size = Size(hr.shape[-2], hr.shape[-1], scale)
        return self.degrade(hr, self.draws(len(hr), size, generator), size)

    def draws(self, count: int, size: Size, generator: Generator) -> list[Drawn]:
        """Return the draws of `__call__` for a batch of ``count`` images."""
        *seeds, common = torch.randint(2**63 - 1, (count + 1,), generator=generator, device=generator.device).tolist()
        return [self.draw(Random(seed, Random(common)), size) for seed in seeds]

    def _plan(self, drawn: Mapping[str, Any] | None, place: tuple[int, ...]) -> Iterator[Act]:
        """Yield the steps of all nested chains in order; the draws of skipped steps are None."""
        done = {} if drawn is None else {entry["at"]: entry["drawn"] for entry in drawn["steps"]}
        for at in self._order(done):
            step, here = self.steps[at], (*place, at)
            if isinstance(step, Chain):
                yield from step._plan(done.get(at), here)
            else:
                yield Act(here, step, done.get(at))

    def _order(self, _done: Mapping[int, Any], /) -> Sequence[int]:
        return range(len(self.steps))


def draw_step(step: Step, random: Random, size: Size) -> Drawn:
    """Let a step draw from the stream for its ``per``; use it in steps that contain other steps.

    Args:
        step: The step. A chain gets both streams, since its steps may need different ones.
        random: The stream of the image, with that of its batch.
        size: The size of hr, with the scale and the realisation.
    """
    return step.draw(random if isinstance(step, Chain) else _stream_for(step, random), size)


def _stream_for(step: Step, random: Random) -> Random:
    return random.batch if getattr(step, "per", "image") == "batch" else random
