"""Chains: steps one after the other, some of them now and then, one of several, or in a random order.

A chain is a step itself, so chains nest; and it is a degradation: ``chain(hr, scale, generator)`` makes lr. What it
draws for an image lists the steps that were done, in the order they were done::

    {"steps": [{"at": 0, "step": "GaussianBlur", "drawn": {"sigma_px": 1.7}}, {"at": 2, "step": "Chain", …}]}

A batch goes through together wherever it can: images that skip a step wait for the others, images whose draws a step
cannot serve together (another output size) go in groups, and only another order of steps parts them for good.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from srbench.degrading.draws import Random
from srbench.degrading.steps import Drawn, Size, Step
from srbench.errors import ShapeError, UsageError
from srbench.loops import for_each, values_alone
from srbench.specs import Scale


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

    def choose(self, own: Random, shared: Random, size: Size) -> Sequence[int]:  # noqa: ARG002 - for kinds of chains
        """Which steps are done, in which order, by their place in ``steps``."""
        return range(len(self.steps))

    def draw(self, own: Random, shared: Random, size: Size) -> Drawn:
        """See `srbench.degrading.Step.draw`; every step draws from streams of its own."""
        return {
            "steps": [
                {
                    "at": at,
                    "step": type(self.steps[at]).__name__,
                    "drawn": self.steps[at].draw(own.branch(at), shared.branch(at), size),
                }
                for at in self.choose(own, shared, size)
            ]
        }

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """See `srbench.degrading.Step.apply`.

        Raises:
            ShapeError: The images end with different sizes.
        """
        threads = min(torch.get_num_threads(), len(images)) if values_alone(images) else 1
        if threads < 2:
            return _joined(self._parts(images, range(len(images)), drawn, size))
        # from the first step to the last by one thread, which waits for no other between steps
        shares = [range(len(images))[start::threads] for start in range(threads)]
        parts: list[list[_Part]] = [[] for _ in shares]

        def make(number: int) -> None:
            share = shares[number]
            parts[number] = self._parts(images[share.start :: threads], share, drawn, size)

        for_each(threads, make)
        return _joined([part for some in parts for part in some])

    def _parts(
        self, images: Tensor, members: Sequence[int], drawn: Sequence[Mapping[str, Any]], size: Size
    ) -> list[_Part]:
        """What becomes of some images of a batch, whose numbers there are ``members``."""
        plans = {member: list(self._plan(drawn[member], ())) for member in members}
        orders: dict[tuple[_Place, ...], list[int]] = {}
        for at, plan in enumerate(plans.values()):
            orders.setdefault(tuple(act.place for act in plan), []).append(at)
        parts: list[_Part] = []
        for places in orders.values():
            ours = images if len(places) == len(images) else images[places]
            alike = [members[at] for at in places]
            parts += _perform(ours, alike, [plans[member] for member in alike], size)
        return parts

    def degrade(self, hr: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size) -> Tensor:
        """The lr of ``hr`` (N, C, H, W) under what was drawn, clamped to [0, 1].

        Raises:
            ShapeError: It does not have 1/scale of hr's sides.
        """
        lr = self.apply(hr, drawn, size)
        if tuple(lr.shape) != (*hr.shape[:2], *size.lr):
            raise ShapeError(
                f"The chain made {tuple(lr.shape)} of hr {tuple(hr.shape)} at x{size.scale}; its last resize must "
                f"lead to {size.lr[0]} x {size.lr[1]} pixels."
            )
        return lr.clamp(0, 1)

    def __call__(self, hr: Tensor, scale: Scale, generator: Generator) -> Tensor:
        """Make lr of a batch, with draws of its own for every image; see `srbench.DegradationSpec`.

        Args:
            hr: (N, C, H, W) in [0, 1].
            scale: Factor.
            generator: Decides all that is drawn.
        """
        size = Size(hr.shape[-2], hr.shape[-1], scale)
        return self.degrade(hr, self.draws(len(hr), size, generator), size)

    def draws(self, count: int, size: Size, generator: Generator) -> list[Drawn]:
        """What `__call__` draws for a batch of ``count`` images."""
        *seeds, common = torch.randint(2**63 - 1, (count + 1,), generator=generator, device=generator.device).tolist()
        return [self.draw(Random(seed), Random(common), size) for seed in seeds]

    def _plan(self, drawn: Mapping[str, Any] | None, place: _Place) -> Iterator[_Act]:
        """The steps of all chains within, one after the other; those not done have nothing drawn."""
        done = {} if drawn is None else {entry["at"]: entry["drawn"] for entry in drawn["steps"]}
        for at in self._order(done):
            step, here = self.steps[at], (*place, at)
            if isinstance(step, Chain):
                yield from step._plan(done.get(at), here)
            else:
                yield _Act(here, step, done.get(at))

    def _order(self, done: Mapping[int, Any]) -> Sequence[int]:  # noqa: ARG002 - for kinds of chains
        return range(len(self.steps))


_Part = tuple[list[int], Tensor]
"""Some images of a batch, as their numbers and themselves."""

_Place = tuple[int, ...]
"""Where a step stands: its number in the outermost chain, in the chain there, and so on."""


@dataclass(frozen=True, slots=True)
class _Act:
    place: _Place
    step: Step
    drawn: Mapping[str, Any] | None


@dataclass(frozen=True)
class Sometimes(Chain):
    """All the steps in order with some probability, otherwise none."""

    probability: float = field(kw_only=True)
    per: Literal["image", "batch"] = field(default="image", kw_only=True)
    """Whether each image tosses its own coin, or all of a batch share one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_probability(self.probability)

    def choose(self, own: Random, shared: Random, size: Size) -> Sequence[int]:
        """All of them, or none."""
        coin = own if self.per == "image" else shared
        return super().choose(own, shared, size) if coin.chance(self.probability) else ()


@dataclass(frozen=True)
class OneOf(Chain):
    """One of the steps."""

    weights: Sequence[float] = field(default=(), kw_only=True)
    """How likely each is, up to a factor; all alike if empty."""
    per: Literal["image", "batch"] = field(default="image", kw_only=True)
    """Whether each image has a choice of its own, or all of a batch share one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "weights", tuple(self.weights))
        if self.weights and (len(self.weights) != len(self.steps) or min(self.weights) < 0 or not any(self.weights)):
            raise UsageError(
                f"One of {len(self.steps)} steps was to be chosen by the weights {list(self.weights)}; give a number "
                "from 0 for each, not all of them 0."
            )

    def choose(self, own: Random, shared: Random, size: Size) -> Sequence[int]:  # noqa: ARG002 - whatever the size
        """The one."""
        choosing = own if self.per == "image" else shared
        return (choosing.choice(range(len(self.steps)), self.weights or None),)


@dataclass(frozen=True)
class InTurn(Chain):
    """One of the steps: the first in an image's first frozen realisation, the second in the second; any in training.

    For test settings made of a list of kernels, whose score is the mean over all of them.
    """

    def choose(self, own: Random, shared: Random, size: Size) -> Sequence[int]:  # noqa: ARG002 - alike for a batch
        """The one whose turn it is."""
        if size.realisation is None:
            return (own.integer(0, len(self.steps) - 1),)
        return (size.realisation % len(self.steps),)


@dataclass(frozen=True)
class PerScale(Chain):
    """The step of the scale."""

    scales: Sequence[Scale] = field(kw_only=True)
    """Of each step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "scales", tuple(self.scales))
        if len(self.scales) != len(self.steps) or len({*self.scales}) < len(self.scales):
            raise UsageError(f"{len(self.steps)} steps were given the scales {list(self.scales)}; give each its own.")

    def choose(self, own: Random, shared: Random, size: Size) -> Sequence[int]:  # noqa: ARG002 - nothing is random
        """The one.

        Raises:
            UsageError: There is none for the scale.
        """
        if size.scale not in self.scales:
            raise UsageError(f"A chain has steps for the scales {list(self.scales)} and none for x{size.scale}.")
        return (tuple(self.scales).index(size.scale),)


@dataclass(frozen=True)
class Shuffled(Chain):
    """The steps in a random order."""

    in_order: Sequence[tuple[int, int]] = field(default=(), kw_only=True)
    """Pairs of steps, by their places in ``steps``, that change places if the second comes before the first."""
    movable: Sequence[int] | None = field(default=None, kw_only=True)
    """The steps that are shuffled among their own places; the others keep theirs. None: all."""
    per: Literal["image", "batch"] = field(default="image", kw_only=True)
    """Whether each image has an order of its own, or all of a batch share one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        named = [*(self.movable or ()), *(at for pair in self.in_order for at in pair)]
        if wrong := [at for at in named if not 0 <= at < len(self.steps)]:
            raise UsageError(f"A shuffled chain of {len(self.steps)} steps has no step {wrong[0]}; they count from 0.")

    def choose(self, own: Random, shared: Random, size: Size) -> Sequence[int]:  # noqa: ARG002 - whatever the size
        """Every step once."""
        random = own if self.per == "image" else shared
        places = list(range(len(self.steps)) if self.movable is None else self.movable)
        order = list(range(len(self.steps)))
        for place, at in zip(places, random.shuffled(places), strict=True):
            order[place] = at
        for first, second in self.in_order:
            before, after = order.index(first), order.index(second)
            if after < before:
                order[before], order[after] = second, first
        return order

    def _order(self, done: Mapping[int, Any]) -> Sequence[int]:
        return list(done) if done else range(len(self.steps))


def _check_probability(value: float) -> None:
    if not 0 <= value <= 1:
        raise UsageError(f"A step was to be done with probability {value}; give a number from 0 to 1.")


def _perform(images: Tensor, members: list[int], plans: Sequence[Sequence[_Act]], size: Size) -> list[_Part]:
    """Do plans that have the same steps in the same order.

    Args:
        images: (N, C, H, W).
        members: The numbers of the N images.
        plans: What each of them goes through.
        size: What was being degraded at first.

    Returns:
        Numbers of images and their results, in one part for every size.
    """
    for turn in range(len(plans[0])):
        acts = [plan[turn] for plan in plans]
        groups = _groups(acts)
        if len(groups) == 1:
            images = _done(images, acts, size)
            continue
        parts = [(group, _done(images[group], [acts[i] for i in group], size)) for group in groups]
        if len({part.shape[1:] for _, part in parts}) > 1:
            return [
                end
                for group, part in parts
                for end in _perform(part, [members[i] for i in group], [plans[i][turn + 1 :] for i in group], size)
            ]
        images = _joined(parts)
    return [(members, images)]


def _groups(acts: Sequence[_Act]) -> list[list[int]]:
    """Images that the step can serve together."""
    alike = getattr(acts[0].step, "alike", ())
    groups: dict[str, list[int]] = {}
    for image, act in enumerate(acts):
        key = "" if act.drawn is None else json.dumps([act.drawn.get(name) for name in alike])
        groups.setdefault(key, []).append(image)
    return list(groups.values())


def _done(images: Tensor, acts: Sequence[_Act], size: Size) -> Tensor:
    drawn = [act.drawn for act in acts if act.drawn is not None]
    return acts[0].step.apply(images, drawn, size) if drawn else images


def _joined(parts: Sequence[_Part]) -> Tensor:
    """Parts of a batch as one, in the order of the images' numbers."""
    if len(parts) == 1:
        return parts[0][1]
    if len({part.shape[1:] for _, part in parts}) > 1:
        sizes = sorted({tuple(part.shape[-2:]) for _, part in parts})
        raise ShapeError(f"The images of a batch left a chain with the sizes {sizes}; let its last resize be the same.")
    numbers = [number for members, _ in parts for number in members]
    place = sorted(range(len(numbers)), key=numbers.__getitem__)
    return torch.cat([part for _, part in parts])[place]
