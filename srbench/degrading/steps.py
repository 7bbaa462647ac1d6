"""The interface of a step: one operation of a degradation, such as a blur, with its random parameters.

A step does two things, apart from one another. It *draws* what is random of one image as plain JSON values, and it
*applies* itself to a batch, given what was drawn for each of its images. So whatever happened to an image can be
written down, read, and done again.

The parameters of a step are usually the fields of a frozen dataclass::

    @dataclass(frozen=True)
    class Darker:
        by: Range = (0.1, 0.5)

        def draw(self, random, size):
            return {"by": random.within(self.by)}

        def apply(self, images, drawn, size):
            return images - column(drawn, "by", images)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from srbench.degrading.draws import Random
from srbench.naming import Scale

Drawn: TypeAlias = dict[str, Any]
"""What was drawn for one image: JSON values alone (numbers, strings, booleans, None, lists, dicts with string keys). A
kernel is described by its parameters, a field of noise by the seed it is made from."""


@dataclass(frozen=True, slots=True)
class Size:
    """What is being degraded."""

    height: int
    """Of hr, in pixels …"""
    width: int
    scale: Scale
    realisation: int | None = None
    """Which of an image's frozen realisations is drawn; None while training."""

    @property
    def lr(self) -> tuple[int, int]:
        """Height and width that lr is to have."""
        return self.height // self.scale, self.width // self.scale


@runtime_checkable
class Step(Protocol):
    """One operation.

    A step draws from a stream that differs from image to image. If its attribute ``per`` is "batch", it draws from one
    that starts in the same place for all images of a batch, which can then be degraded together.

    A step whose ``apply`` needs some of what was drawn to be equal within a batch (the size of the output, a mode)
    names those in a class attribute ``grouped_by: ClassVar[tuple[str, ...]]``; a chain then hands it images that agree.

    On a CPU, a chain divides a batch among threads, each of which calls ``apply``. A step that is made of what divides
    its images itself, as the functions of `srbench.degrading` and `srbench.imaging.parallel.for_each` do, says so by
    ``parallel: ClassVar[bool] = True`` and gets the whole batch, which spares what it does once a call.
    """

    def draw(self, random: Random, size: Size, /) -> Drawn:
        """Draw what is random of one image.

        Args:
            random: The stream that the step's ``per`` asks for.
            size: What is being degraded.
        """
        ...

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size, /) -> Tensor:
        """Do it to a batch, on its device and in its dtype, without changing it in place.

        On a CPU several threads may call it at the same time, each with images of its own.

        Args:
            images: (N, C, H', W'), in [0, 1] or slightly beyond; of any size, since steps before may have resized.
            drawn: What was drawn for each of the N images.
            size: What was being degraded at first.

        Returns:
            (N, C, H'', W''); each image depends on itself and on what was drawn for it alone.
        """
        ...


class FixedStep:
    """Base class of steps in which nothing is random; only ``apply`` is left to write."""

    def draw(self, _random: Random, _size: Size) -> Drawn:
        """Draw nothing."""
        return {}


def column(drawn: Sequence[Mapping[str, Any]], name: str, like: Tensor) -> Tensor:
    """One drawn number of every image, (N, 1, 1, 1), on the device and in the dtype of ``like``."""
    return torch.tensor([one[name] for one in drawn], dtype=like.dtype, device=like.device).view(-1, 1, 1, 1)
