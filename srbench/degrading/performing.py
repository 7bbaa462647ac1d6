"""Apply the drawn steps to batches, with all threads of the CPU.

A batch stays together as far as possible: images that skip a step wait for the others, and images with draws that a
step cannot handle together (another output size) go in parts. Only another order of steps separates them for good:
with one thread, a batch under a shuffled chain then takes as long as its images one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from srbench.degrading.steps import Size, Step
from srbench.errors import ShapeError
from srbench.imaging.parallel import for_each, in_shares, threads, threads_kept, values_alone


@dataclass(frozen=True, slots=True)
class Act:
    """A step of a chain and its draws."""

    place: tuple[int, ...]
    """The step's index in the outermost chain, in the chain there, and so on."""
    step: Step
    drawn: Mapping[str, Any] | None
    """None if the image skips the step."""


def perform(images: Tensor, plans: Sequence[Sequence[Act]], size: Size) -> Tensor:
    """Apply to every image (N, C, H, W) the steps of its plan, in order.

    Raises:
        ShapeError: The resulting images have different sizes.
    """
    whole = _Part(list(range(len(images))), images)
    with undisturbed(images):
        parts = _split(whole, (tuple(act.place for act in plan) for plan in plans))
        return _joined(_each(parts, partial(_perform, plans=plans, first=0, size=size))).images


def undisturbed(images: Tensor) -> AbstractContextManager[None]:
    """Keep threads for steps and not for the operations between them: `srbench.imaging.parallel.threads_kept`."""
    return threads_kept() if len(images) > 1 and values_alone(images) else nullcontext()


class _Part(NamedTuple):
    """Some images of a batch, with their numbers in it."""

    members: list[int]
    images: Tensor


def _perform(part: _Part, plans: Sequence[Sequence[Act]], first: int, size: Size) -> list[_Part]:
    """Apply plans with the same steps, from number ``first`` on; results of one size are one part."""
    for turn in range(first, len(plans[part.members[0]])):
        acts = [plans[member][turn] for member in part.members]
        parts = _each(_split(part, map(_served_with, acts)), partial(_do, plans=plans, turn=turn, size=size))
        if len({part.images.shape[1:] for part in parts}) > 1:
            return _each(parts, partial(_perform, plans=plans, first=turn + 1, size=size))
        part = _joined(parts)
    return [part]


def _served_with(act: Act) -> str | None:
    """Return a key that is equal for images to which a step can be applied together."""
    if act.drawn is None:
        return None
    names = getattr(act.step, "grouped_by", ())
    return json.dumps([act.drawn.get(name) for name in names]) if names else ""


def _do(part: _Part, plans: Sequence[Sequence[Act]], turn: int, size: Size) -> list[_Part]:
    """Apply one step to images that it can handle together, divided among threads unless it does that itself."""
    step, images = plans[part.members[0]][turn].step, part.images
    drawn = [one for member in part.members if (one := plans[member][turn].drawn) is not None]
    if not drawn:
        return [part]
    if getattr(step, "parallel", False) or not values_alone(images):
        return [part._replace(images=step.apply(images, drawn, size))]
    made: dict[int, Tensor] = {}

    def make(share: slice) -> None:
        made[share.start] = step.apply(images[share], drawn[share], size)

    in_shares(len(images), make)
    shares = [made[start] for start in sorted(made)]
    return [part._replace(images=shares[0] if len(shares) == 1 else torch.cat(shares))]


def _each(parts: Sequence[_Part], do: Callable[[_Part], list[_Part]]) -> list[_Part]:
    """Apply ``do`` to parts, in parallel, or one after the other if one is too large for a thread."""
    made: dict[int, list[_Part]] = {}

    def do_one(number: int) -> None:
        made[number] = do(parts[number])

    sizes = [len(part.members) for part in parts]
    if len(parts) > 1 and max(sizes) * threads() <= sum(sizes) and values_alone(parts[0].images):
        for_each(len(parts), do_one)
    else:
        for number in range(len(parts)):
            do_one(number)
    return [part for number in range(len(parts)) for part in made[number]]


def _split(part: _Part, keys: Iterable[Hashable]) -> list[_Part]:
    """Split a part into one for each key; ``keys`` has one for each image."""
    groups: dict[Hashable, list[int]] = {}
    for at, key in enumerate(keys):
        groups.setdefault(key, []).append(at)
    if len(groups) == 1:
        return [part]
    return [
        _Part(
            [part.members[at] for at in places],
            part.images[places] if len(places) > 1 else part.images[places[0] : places[0] + 1],  # without a copy
        )
        for places in groups.values()
    ]


def _joined(parts: Sequence[_Part]) -> _Part:
    """Join parts in the order of the images' numbers."""
    if len(parts) == 1:
        return parts[0]
    if len({part.images.shape[1:] for part in parts}) > 1:
        sizes = sorted({tuple(part.images.shape[-2:]) for part in parts})
        raise ShapeError(f"A chain gave the images of a batch the sizes {sizes}; let its last resize be to one size.")
    members = sorted(member for part in parts for member in part.members)
    place = {member: at for at, member in enumerate(members)}
    first = parts[0].images
    images = first.new_empty(len(members), *first.shape[1:])
    for part in parts:
        images[[place[member] for member in part.members]] = part.images
    return _Part(members, images)
