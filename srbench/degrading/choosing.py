"""Chains that choose: all steps or none, one of several, or all in a random order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from srbench.degrading.chain import Chain
from srbench.degrading.draws import Random
from srbench.degrading.steps import Size
from srbench.errors import UsageError
from srbench.scales import Scale


@dataclass(frozen=True, kw_only=True)
class Sometimes(Chain):
    """All steps in order with some probability, otherwise none."""

    probability: float
    per: Literal["image", "batch"] = "image"
    """Whether each image has its own draw, or all images of a batch share one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.probability <= 1:
            raise UsageError(f"A chain was given the probability {self.probability}; give a number from 0 to 1.")

    def choose(self, random: Random, size: Size) -> Sequence[int]:
        """Choose all steps or none."""
        return super().choose(random, size) if random.chance(self.probability) else ()


@dataclass(frozen=True, kw_only=True)
class OneOf(Chain):
    """One of the steps."""

    weights: Sequence[float] = ()
    """Probability of each step, up to a common factor; equal if empty."""
    per: Literal["image", "batch"] = "image"
    """Whether each image has its own choice, or all images of a batch share one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "weights", tuple(self.weights))
        if self.weights and (len(self.weights) != len(self.steps) or min(self.weights) < 0 or not any(self.weights)):
            raise UsageError(
                f"A choice of {len(self.steps)} steps was given the weights {list(self.weights)}; give each a number "
                "from 0, and not all of them 0."
            )

    def choose(self, random: Random, _size: Size) -> Sequence[int]:
        """Choose one step by the weights."""
        return (random.choice(range(len(self.steps)), self.weights or None),)


@dataclass(frozen=True)
class InTurn(Chain):
    """The first step in an image's first frozen realisation, the second in its second, …; a random one in training.

    It is for test settings with a list of kernels, whose score is the mean over all of them.
    """

    def choose(self, random: Random, size: Size) -> Sequence[int]:
        """Choose the step whose turn it is."""
        if size.realisation is None:
            return (random.integer(0, len(self.steps) - 1),)
        return (size.realisation % len(self.steps),)


@dataclass(frozen=True, kw_only=True)
class PerScale(Chain):
    """The step of the scale."""

    scales: Sequence[Scale]
    """The scale of each step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "scales", tuple(self.scales))
        if len(self.scales) != len(self.steps) or len({*self.scales}) < len(self.scales):
            raise UsageError(f"{len(self.steps)} steps were given the scales {list(self.scales)}; give each its own.")

    def choose(self, _random: Random, size: Size) -> Sequence[int]:
        """Choose the step of the scale.

        Raises:
            UsageError: No step has the scale.
        """
        if size.scale not in self.scales:
            raise UsageError(f"A chain has no step for x{size.scale}; use one of the scales {list(self.scales)}.")
        return (tuple(self.scales).index(size.scale),)


@dataclass(frozen=True, kw_only=True)
class Shuffled(Chain):
    """The steps in a random order."""

    in_order: Sequence[tuple[int, int]] = ()
    """Pairs of steps, by their indices in ``steps``; a pair is swapped if the second comes before the first."""
    movable: Sequence[int] | None = None
    """The steps that are shuffled among their places, by index; the others stay. None: all."""
    per: Literal["image", "batch"] = "image"
    """Whether each image has its own order, or all images of a batch share one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        named = [*(self.movable or ()), *(at for pair in self.in_order for at in pair)]
        if wrong := [at for at in named if not 0 <= at < len(self.steps)]:
            raise UsageError(f"A shuffled chain of {len(self.steps)} steps has no step {wrong[0]}; count from 0.")

    def choose(self, random: Random, _size: Size) -> Sequence[int]:
        """Choose every step once, in random order."""
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
