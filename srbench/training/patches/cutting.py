"""Random patches: whole batches cut from training images as a pure function of the step.

There is no sampler state and no worker process: the numbers that decide a batch come from (seed, phase, step) alone,
so a training that was killed goes on with exactly the batches it would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srbench.degrading.steps import Size
from srbench.errors import TrainingError
from srbench.networks.wanted import Wanted
from srbench.scales import Scale, hr_side
from srbench.training.patches.aligned import AlignedImages, Places
from srbench.training.patches.regions import divide
from srbench.training.seeds import stream

HELD_OUT_ACROSS = 4
"""Largest number of held-out patches from one image."""


class Patches:
    """Cuts aligned LR and HR patches: an image is drawn uniformly, then a position in it, as EDSR's release does.

    The bottom rows of a few images are held out: they are never trained on, and progress is measured on them.
    """

    def __init__(
        self,
        images: AlignedImages,
        *,
        sides: Mapping[Scale, int],
        batch: int,
        augment: bool,
        seed: int,
        phase: int = 0,
        reserve: int = 0,
    ) -> None:
        """Choose the rows to train on.

        Args:
            images: The images; each step trains one of their scales, all equally often.
            sides: Side of an LR patch at each scale.
            batch: Patches a step.
            augment: Whether each patch is flipped and turned at random.
            seed: Seed of the run.
            phase: Number of the phase, so that phases see different patches.
            reserve: Side of an HR patch for which pixels are held out, where a training has larger ones than these.

        Raises:
            DataError: No image is large enough for a patch.
        """
        self.batch = batch
        self._images, self._sides, self._augment, self._stream = images, sides, augment, (seed, phase)
        self._trained, self._held, self.notes = divide(images.hr, sides, reserve)

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Wanted]:
        """Return the patches of one step; see `PatchSource.sample`."""
        scale = self._scale(step)
        side = self._sides[scale]
        random = self._uniform((4, self.batch), step, draw)
        image = self._trained.of((random[0] * len(self._trained)).astype(np.int64))
        grid = _grid(scale)
        top = (random[1] * (image.border // grid - hr_side(side, scale) // grid + 1)).astype(np.int64) * grid
        left = (random[2] * (image.widths // grid - hr_side(side, scale) // grid + 1)).astype(np.int64) * grid
        turns = (random[3] * 8).astype(np.int64) if self._augment else None
        places = Places(image.part, image.number, top, left, turns)
        lr, hr = self._images.cut(scale, side, places, self._noise(step, draw))
        return lr, hr, scale

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:
        """Describe what was done to each patch of one step; see `PatchSource.conditions`."""
        degradation, scale = self._images.degradation, self._scale(step)
        describe, chain = degradation.describe, degradation.chain
        if describe is None:
            raise TrainingError(
                f"The degradation {degradation.name} does not describe what it does, so a non-blind network cannot be "
                "trained on it; choose another, such as isotropic."
            )
        if chain is None or not degradation.stochastic:
            return [describe({})] * self.batch
        side = hr_side(self._sides[scale], scale)
        drawn = chain.draws(self.batch, Size(side, side, scale), stream(*self._noise(step, draw)))
        return [describe(one) for one in drawn]

    def labels(self, step: int, draw: int = 0) -> None:
        """Return None: patches have no labels."""

    def held_out(self) -> Mapping[Scale, tuple[Tensor, Tensor]]:
        """Return patches that are never trained on; see `PatchSource.held_out`."""
        if not len(self._held):
            return {}
        patches = {}
        for scale in self._images.scales:
            side, grid = self._sides[scale], _grid(scale)
            large = hr_side(side, scale)
            across = [min(HELD_OUT_ACROSS, int(w) // large) for w in self._held.widths]
            left = np.concatenate(
                [
                    np.linspace(0, w // grid - large // grid, n).astype(np.int64) * grid
                    for w, n in zip(self._held.widths, across, strict=True)
                ]
            )
            image = self._held.of(np.repeat(np.arange(len(self._held)), across))
            places = Places(image.part, image.number, -(-image.border // grid) * grid, left)
            patches[scale] = self._images.cut(scale, side, places, ("held out",))
        return patches

    def _scale(self, step: int) -> Scale:
        """Return the scale of a step: each comes once in as many steps as there are scales, in changing order."""
        scales = self._images.scales
        turn, at = divmod(step, len(scales))
        order = torch.randperm(len(scales), generator=stream(*self._stream, turn, "scales"))
        return scales[int(order[at])]

    def _noise(self, step: int, draw: int) -> tuple[int | str, ...]:
        """Name the stream that the degradation draws from."""
        return (*self._stream, step, draw, "degradation")

    def _uniform(self, shape: tuple[int, ...], *names: int | str) -> NDArray[np.float64]:
        numbers = torch.rand(shape, dtype=torch.float64, generator=stream(*self._stream, *names))
        return numbers.numpy()


def _grid(scale: Scale) -> int:
    """Return the step in HR pixels at which patches may begin: a whole scale, so that they begin on a pixel of LR."""
    return scale if isinstance(scale, int) else 1
