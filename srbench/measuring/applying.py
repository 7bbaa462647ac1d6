"""Apply a network to every image of a cell, several times if it draws, and note what an image takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from srbench.measuring.inference import Draw, Enlarged, enlarge
from srbench.measuring.pairs import Pair
from srbench.measuring.protocol import Inference
from srbench.networks.network import Network
from srbench.scales import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What it took to draw sr, or to fit a network, for each image."""

    evaluations: int
    """Of the network for one sr, the most of any image; a step of a fit counts as one."""
    seconds: tuple[float, ...]
    """For each sr."""
    shortened: int
    """Images whose fit ended early, by the budget of time."""
    largest: tuple[int, int]
    """Height and width of the largest lr."""


@dataclass(eq=False)
class Applier:
    """Applies a network to the images of a cell, without ever asking for hr.

    Attributes:
        samples: Number of sr that it makes of each image.
        effort: What that took so far; None for a network that is called once.
    """

    network: Network
    scale: Scale
    inference: Inference
    device: torch.device
    _evaluations: int = 0
    _shortened: int = 0
    _seconds: list[float] = field(default_factory=list)
    _largest: tuple[int, int] = (0, 0)

    @property
    def samples(self) -> int:
        """See the class."""
        return self.inference.sampling.samples if self.inference.sampling else 1

    @property
    def effort(self) -> Effort | None:
        """See the class."""
        if self.inference.sampling is None and self.inference.fitting is None:
            return None
        return Effort(
            evaluations=self._evaluations, seconds=tuple(self._seconds), shortened=self._shortened,
            largest=self._largest,
        )  # fmt: skip

    def apply(self, pair: Pair, lr: Tensor) -> list[Enlarged]:
        """Return each sample of sr, or the only sr.

        Args:
            pair: The image, of which only name, conditions and kernel are read.
            lr: Its lr on the device.
        """
        conditions = self.network.conditions_of([pair.conditions or {}], lr)
        made = []
        for sample in range(self.samples):
            draw = Draw(pair.name, sample, pair.kernel)
            with self._timed():
                made.append(enlarge(self.network, lr, self.scale, self.inference, conditions, draw))
        self._largest = max(self._largest, (lr.shape[-2], lr.shape[-1]), key=lambda size: size[0] * size[1])
        self._evaluations = max(self._evaluations, self._evaluations_of(made[0]))
        self._shortened += made[0].shortened
        return made

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begun = self._moment()
        yield
        self._seconds.append(self._moment() - begun)

    def _moment(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def _evaluations_of(self, made: Enlarged) -> int:
        if made.fitted is not None:
            return made.fitted.steps
        sampling = self.inference.sampling
        each = {sampler.name: sampler.evaluations for sampler in self.network.spec.samplers}
        return sampling.steps * each[sampling.sampler] if sampling else 1
