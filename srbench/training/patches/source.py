"""The interface of everything that gives a training its patches, and the base of sources that change another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from srbench.networks.wanted import Wanted
from srbench.training.validation import HeldOut


class PatchSource(Protocol):
    """The patches of one phase of a training."""

    @property
    def batch(self) -> int:
        """Patches a step."""

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know about the data, in sentences."""

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Wanted]:
        """Return the patches of one step.

        Args:
            step: Counted from 0 within the phase.
            draw: Which batch of this step, for methods that need several; all have one scale.

        Returns:
            lr (N, C, p, p) and hr (N, C, scale*p, scale*p), float32 in [0, 1] in any memory format, and their scale; or
            lr, the colours (N, C, P, 1) at points of hr, and those points.
        """

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:
        """Describe what the degradation did to each patch that `sample` gives for the same step and draw.

        Raises:
            TrainingError: The degradation cannot describe it.
        """

    def labels(self, step: int, draw: int = 0) -> Tensor | None:
        """Return the labels (N,) of the images that `sample` gives for the same step and draw; None without labels."""

    def held_out(self) -> HeldOut:
        """Return fixed lr and targets that `sample` never shows, by scale; empty if there are too few."""


class DerivedSource:
    """Passes on another source; subclasses override what they change."""

    def __init__(self, source: PatchSource) -> None:
        self._source = source

    def _at(self, step: int) -> tuple[PatchSource, int]:
        """Return where the patches of a step come from, and the number of the step there."""
        return self._source, step

    @property
    def batch(self) -> int:
        """Patches a step."""
        return self._source.batch

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know about the data, in sentences."""
        return self._source.notes

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Wanted]:
        """Return the patches of one step; see `PatchSource.sample`."""
        source, at = self._at(step)
        return source.sample(at, draw)

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:
        """Describe what was done to each patch of one step; see `PatchSource.conditions`."""
        source, at = self._at(step)
        return source.conditions(at, draw)

    def labels(self, step: int, draw: int = 0) -> Tensor | None:
        """Return the labels of one step; see `PatchSource.labels`."""
        source, at = self._at(step)
        return source.labels(at, draw)

    def held_out(self) -> HeldOut:
        """Return what is never trained on; see `PatchSource.held_out`."""
        return self._source.held_out()
