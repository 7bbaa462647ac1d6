"""The interface of a step: one operation of a degradation, such as a blur, with its random parameters.

A step does two separate things. It *draws* the random values of one image as plain JSON values, and it *applies* itself
to a batch, given what was drawn for each of its images. So what happened to an image can be stored, read, and done
again.

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
from srbench.scales import Scale, as_number, lr_size

Drawn: TypeAlias = dict[str, Any]
"""What was drawn for one image, as JSON values (numbers, strings, booleans, None, lists, dicts with string keys). A
kernel is described by its parameters, a field of noise by its seed."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of hr in pixels, the scale, and the realisation."""

    height: int
    width: int
    scale: Scale
    realisation: int | None = None
    """Number of the image's frozen realisation; None in training."""

    @property
    def lr(self) -> tuple[int, int]:
        """Height and width of lr."""
        return lr_size((self.height, self.width), self.scale)

    @property
    def factor(self) -> float:
        """The scale as one number, for ranges that grow with it; see `srbench.scales.as_number`."""
        return as_number(self.scale)


@runtime_checkable
class Step(Protocol):
    """One operation.

    A step draws from a stream that differs from image to image. If its attribute ``per`` is "batch", it draws from a
    stream that starts at the same place for all images of a batch, so that they can be degraded together.

    If ``apply`` needs some draws to be equal within a batch (the size of the output, a mode), the step names them in a
    class attribute ``grouped_by: ClassVar[tuple[str, ...]]``; a chain then passes it images for which they are equal.

    On a CPU, a chain divides a batch among threads, each of which calls ``apply``. A step that divides its images
    itself, with `srbench.imaging.parallel.for_each` or functions that use it, sets ``parallel: ClassVar[bool] = True``
    and gets the whole batch, which saves per-call overhead.

    A step that changes each pixel by itself (rounding, noise) says ``pixelwise: ClassVar[bool] = True``, so that the
    kernel of a chain of a blur, sub-sampling and such steps is known; see `srbench.degrading.kernels`.
    """

    def draw(self, random: Random, size: Size, /) -> Drawn:
        """Draw the random values of one image.

        Args:
            random: The stream for the step's ``per``.
            size: The size of hr, with the scale and the realisation.
        """
        ...

    def apply(self, images: Tensor, drawn: Sequence[Mapping[str, Any]], size: Size, /) -> Tensor:
        """Apply the step to a batch, on its device and in its dtype, without changing the batch in place.

        On a CPU several threads may call it at the same time, each with other images.

        Args:
            images: (N, C, H', W'), in [0, 1] or slightly beyond; of any size, since earlier steps may have resized.
            drawn: What was drawn for each of the N images.
            size: The size of hr, with the scale and the realisation.

        Returns:
            (N, C, H'', W''); each image depends only on itself and its own draws.
        """
        ...


class FixedStep:
    """Base class of steps without randomness; a subclass only needs ``apply``."""

    def draw(self, _random: Random, _size: Size) -> Drawn:
        """Return no draws."""
        return {}


def column(drawn: Sequence[Mapping[str, Any]], name: str, like: Tensor) -> Tensor:
    """Return one drawn number of every image, (N, 1, 1, 1), on the device and in the dtype of ``like``."""
    return torch.tensor([one[name] for one in drawn], dtype=like.dtype, device=like.device).view(-1, 1, 1, 1)
