"""The named loss terms of each step: averaged for the curves, and watched for NaN without stalling a GPU."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from srbench.errors import TrainingError

STEPS_UNREAD_ON_GPU = 32
"""Most steps whose losses stay on a GPU unread: to read them is to wait for it."""


class Terms:
    """Collects the terms of a phase's steps."""

    def __init__(self, phase: str, steps: int, device: torch.device) -> None:
        self._phase, self._steps = phase, steps
        self._keep = 1 if device.type == "cpu" else STEPS_UNREAD_ON_GPU
        self._kept: list[tuple[int, tuple[str, ...], Tensor]] = []
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Take in the terms of a step, counted from 0.

        Raises:
            TrainingError: A term is not one number, or the terms of this or an earlier step are not finite.
        """
        for name, term in terms.items():
            if term.numel() != 1:
                raise TrainingError(
                    f"The loss term {name!r} has shape {tuple(term.shape)}; reduce it to one number, for example by "
                    "its mean."
                )
        values = torch.stack([t.detach().reshape(()).float() for t in terms.values()]) if terms else torch.empty(0)
        self._kept.append((step, tuple(terms), values))
        if len(self._kept) >= self._keep:
            self.look()

    def look(self) -> None:
        """Read the terms that were kept.

        Raises:
            TrainingError: A term is not finite; names the first such step and its terms.
        """
        if not self._kept:
            return
        values = torch.cat([v for _, _, v in self._kept]).tolist()
        for step, names, _ in self._kept:
            row, values = values[: len(names)], values[len(names) :]
            if not all(map(math.isfinite, row)):
                shown = ", ".join(f"{name} = {value:.4g}" for name, value in zip(names, row, strict=True))
                raise TrainingError(
                    f"The loss is not finite at step {step + 1} of {self._steps} of phase {self._phase!r} ({shown}); "
                    "lower the recipe's learning_rate, set clip, or use precision fp32."
                )
            for name, value in zip(names, row, strict=True):
                self._sums[name] = self._sums.get(name, 0.0) + value
                self._counts[name] = self._counts.get(name, 0) + 1
        self._kept.clear()

    def means(self) -> dict[str, float]:
        """Return the mean of each term since the last call."""
        self.look()
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return means
