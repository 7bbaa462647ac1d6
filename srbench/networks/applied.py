"""How a network is applied to an image, if not once: by a sampler, or by fitting it to the image."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from srbench.errors import PluginError, UsageError

if TYPE_CHECKING:
    from torch import Generator, Tensor

_CHOICE = re.compile(r"(?P<sampler>[a-z][a-z0-9_]*)-(?P<steps>[1-9][0-9]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """A way to draw sr from a network that models its distribution.

    The module of such a network has, beside ``forward(lr)``, which draws once by its first sampler from seed 0:

    - ``sample(lr, sampler, steps, generator)``, which draws sr (N, C, H, W) for lr (N, C, h, w);
    - ``objective(lr, hr, generator)``, the loss of a batch in training, a tensor of one number.

    All values are in the units that its spec declares, and all random numbers come from ``generator``, on the CPU.
    """

    name: str
    """Of the module's ``sampler``: "ddim"."""
    steps: tuple[int, ...]
    """Numbers of steps to offer, the default first."""
    most: int
    """The most steps that it can take; every number from 1 to this works."""
    evaluations: int = 1
    """Evaluations of the network in a step, for one image."""

    def __post_init__(self) -> None:
        if not _CHOICE.fullmatch(f"{self.name}-1"):
            raise PluginError(
                f"The sampler {self.name!r} needs a name of small letters, digits and underscores, such as ddim."
            )
        if not self.steps or not all(1 <= count <= self.most for count in self.steps):
            raise PluginError(
                f"The sampler {self.name} offers {self.steps or 'no'} steps; give numbers from 1 to its most, "
                f"{self.most}."
            )
        if self.evaluations < 1:
            raise PluginError(f"The sampler {self.name} needs at least one evaluation of the network in a step.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """A network that is fitted to each image by itself.

    Its module has, beside ``forward(lr)``, which fits with these steps from seed 0 for each image::

        fit(lr, *, steps, generator, kernel, go_on) -> Fitted

    for one image lr (1, C, h, w), with gradients enabled. It asks ``go_on()`` before every step and ends when that
    returns False. ``kernel`` (k, k) is the blur before pixels are dropped, at the size of hr, or None for bicubic.
    """

    steps: int
    """Those of the paper, the default."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise PluginError(f"A network is fitted with at least one step, not {self.steps}.")


class Fitted(NamedTuple):
    """What fitting a network to an image gave."""

    sr: Tensor
    """(1, C, H, W) in the module's units."""
    steps: int
    """Steps that were taken."""
    losses: tuple[float, ...]
    """The loss now and then, to see whether it converged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How sr is drawn in a measurement."""

    sampler: str
    steps: int
    samples: int = 1
    """Sr drawn for every image."""
    seed: int = 0
    """Of the draws: sample k of an image is a function of this, the image's name and k."""

    @classmethod
    def named(cls, choice: str, *, samples: int = 1, seed: int = 0) -> Sampling:
        """Read "ddim-20", the sampler and its steps.

        Raises:
            UsageError: It does not have this form.
        """
        found = _CHOICE.fullmatch(choice)
        if found is None:
            raise UsageError(f"The sampler {choice!r} is not a name and its steps; write it as ddim-20.")
        return cls(sampler=found["sampler"], steps=int(found["steps"]), samples=samples, seed=seed)

    @property
    def name(self) -> str:
        """Sampler and steps: "ddim-20"."""
        return f"{self.sampler}-{self.steps}"

    @property
    def id(self) -> str:
        """The part of a protocol id: "ddim-20,samples=4,seed=1"."""
        return self.name + (f",samples={self.samples}" if self.samples > 1 else "") + _seed(self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitBudget:
    """How a network is fitted to every image in a measurement."""

    steps: int
    seconds: float = 0.0
    """Time after which the fit of an image takes no further step; 0 for none. It depends on the machine."""
    seed: int = 0

    @property
    def id(self) -> str:
        """The part of a protocol id: "fit=3000,within=60s"."""
        return f"fit={self.steps}" + (f",within={self.seconds:g}s" if self.seconds else "") + _seed(self.seed)


def image_generator(seed: int, image: str, sample: int = 0) -> Generator:
    """Return the stream of one sample of an image, on the CPU: a function of these alone, not of other images.

    Args:
        seed: `Sampling.seed` or `FitBudget.seed`.
        image: The image's name.
        sample: Number of the sample, from 0.
    """
    import torch

    digest = hashlib.blake2b(repr((seed, image, sample)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def _seed(seed: int) -> str:
    return f",seed={seed}" if seed else ""
