"""Training patches: images decoded once, and whole batches of patches cut from them as a pure function of the step.

There is no sampler state and no worker process: the numbers that decide a batch come from (seed, phase, step) alone,
so a training that was killed goes on with exactly the batches it would have seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srbench.degrading.spec import DegradationSpec
from srbench.degrading.steps import Size
from srbench.errors import DataError, TrainingError
from srbench.imaging.colour import rgb_to_y
from srbench.naming import Scale
from srbench.training.patches.images import TrainingImages, degraded
from srbench.training.patches.pixels import Array, Index, PixelFile
from srbench.training.patches.source import HELD_OUT_ACROSS, HELD_OUT_IMAGES
from srbench.training.seeds import stream


class Patches:
    """Cuts aligned LR and HR patches: an image is drawn uniformly, then a position in it, as EDSR's release does.

    The bottom rows of a few images are held out: they are never trained on, and progress is measured on them. Networks
    on luma get the unrounded luma of both patches, which is what they are given when they are measured.
    """

    def __init__(
        self,
        sets: Sequence[TrainingImages],
        *,
        scales: Sequence[Scale],
        degradation: DegradationSpec,
        patch: int | Mapping[Scale, int],
        batch: int,
        luma: bool,
        augment: bool,
        seed: int,
        phase: int = 0,
        reserve: int = 0,
    ) -> None:
        """Get ready to cut.

        Args:
            sets: The training images.
            scales: Each step trains one of them, all equally often.
            degradation: How LR is made: from whole images beforehand, or from HR patches if it is stochastic.
            patch: Side of an LR patch, the same at every scale or by scale.
            batch: Patches a step.
            luma: Whether patches have one channel.
            augment: Whether each patch is flipped and turned at random.
            seed: Of the run.
            phase: Number of the phase, so that phases see different patches.
            reserve: Side of an HR patch for which pixels are held out, where a training has larger ones than these.

        Raises:
            DataError: No image is large enough for a patch.
            TrainingError: The degradation is not made for a scale.
        """
        undone = [s for s in scales if degradation.scales is not None and s not in degradation.scales]
        if undone:
            known = sorted(degradation.scales or ())
            raise TrainingError(f"The degradation {degradation.name} has no scale {undone[0]}; it has {known}.")
        if degradation.provided:
            raise TrainingError(
                f"The lr of {degradation.name} comes with test sets and is not made; train on a degradation that makes "
                "it, such as realesrgan."
            )
        self.batch, self.notes = batch, tuple[str, ...]()
        self._scales, self._degradation = tuple(scales), degradation
        self._side = dict(patch) if isinstance(patch, Mapping) else dict.fromkeys(scales, patch)
        self._luma, self._augment, self._stream = luma, augment, (seed, phase)
        self._hr = [s.hr for s in sets]
        stochastic = degradation.stochastic
        self._lr = {} if stochastic else {scale: [s.lr(degradation, scale) for s in sets] for scale in scales}
        self._choose(reserve)

    def _choose(self, reserve: int) -> None:
        """Decide which images are trained on, how many of their rows, and where the held-out patches lie."""
        part = np.concatenate([np.full(len(hr), n) for n, hr in enumerate(self._hr)])
        number = np.concatenate([np.arange(len(hr)) for hr in self._hr])
        heights, widths = (np.concatenate([getattr(hr, side) for hr in self._hr]) for side in ("heights", "widths"))
        names = [name for hr in self._hr for name in hr.names]
        scale, side = max(self._side.items(), key=math.prod)
        need, sides = scale * side, np.minimum(heights, widths)
        large = sides >= need
        if not large.any():
            raise DataError(
                f"None of the {len(names)} training images holds a patch of {need} x {need} pixels (LR patch "
                f"{side} at x{scale}); choose a smaller patch in the recipe, or larger images."
            )
        if not large.all():
            small = [name for name, ok in zip(names, large, strict=True) if not ok]
            shown = ", ".join(small[:5]) + (", …" if len(small) > 5 else "")
            self.notes = (
                f"{len(small)} of {len(names)} training images are too small for a patch of side {need}: {shown}.",
            )

        reserve = max(reserve, need)
        strip = reserve + max(self._scales)  # a row of LR pixels more, so that it starts on a pixel of every scale
        roomy = sides >= reserve
        tall = np.flatnonzero(roomy & (heights >= strip + reserve))
        count = min(HELD_OUT_IMAGES, int(roomy.sum()) // 4)
        if len(tall) < count:  # small images: some are held out as a whole
            tall = np.flatnonzero(roomy & (heights >= strip))
        held = (
            tall[np.linspace(0, len(tall) - 1, min(count, len(tall))).astype(int)] if count and len(tall) else tall[:0]
        )
        rows = heights.copy()
        rows[held] -= strip
        self._held = part[held], number[held], rows[held], widths[held]
        usable = np.minimum(rows, widths) >= need
        self._image = part[usable], number[usable], rows[usable], widths[usable]

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Scale]:
        """The patches of one step; see `PatchSource.sample`."""
        scale = self._scale(step)
        random = self._uniform((4, self.batch), step, draw)
        part, number, rows, widths = (a[(random[0] * len(a)).astype(np.int64)] for a in self._image)
        top = (random[1] * (rows // scale - self._side[scale] + 1)).astype(np.int64)
        left = (random[2] * (widths // scale - self._side[scale] + 1)).astype(np.int64)
        turns = (random[3] * 8).astype(np.int64) if self._augment else None
        noise = (*self._stream, step, draw, "degradation")
        lr, hr = self._cut(scale, part, number, top, left, turns, noise)
        return lr, hr, scale

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:
        """Describe what was done to each patch of one step; see `PatchSource.conditions`."""
        describe, chain, scale = self._degradation.describe, self._degradation.chain, self._scale(step)
        if describe is None:
            raise TrainingError(
                f"The degradation {self._degradation.name} does not describe what it does, so a non-blind network "
                "cannot be trained on it; choose another, such as isotropic."
            )
        if chain is None or not self._degradation.stochastic:
            return [describe({})] * self.batch
        side = self._side[scale] * scale
        drawn = chain.draws(self.batch, Size(side, side, scale), stream(*self._stream, step, draw, "degradation"))
        return [describe(one) for one in drawn]

    def _scale(self, step: int) -> Scale:
        """Every scale once in as many steps as there are scales, each time in another order."""
        turn, at = divmod(step, len(self._scales))
        order = torch.randperm(len(self._scales), generator=stream(*self._stream, turn, "scales"))
        return self._scales[int(order[at])]

    def _uniform(self, shape: int | tuple[int, ...], *names: int | str) -> NDArray[np.float64]:
        numbers = torch.rand(shape, dtype=torch.float64, generator=stream(*self._stream, *names))
        return numbers.numpy()

    def held_out(self) -> Mapping[Scale, tuple[Tensor, Tensor]]:
        """Fixed patches that are never trained on; see `PatchSource.held_out`."""
        part, number, rows, widths = self._held
        if not len(part):
            return {}
        patches = {}
        for scale in self._scales:
            side = self._side[scale]
            across = [min(HELD_OUT_ACROSS, int(w) // (side * scale)) for w in widths]
            left = np.concatenate(
                [np.linspace(0, w // scale - side, n).astype(np.int64) for w, n in zip(widths, across, strict=True)]
            )
            picked = np.repeat(np.arange(len(part)), across)
            top = -(-rows // scale)
            patches[scale] = self._cut(scale, part[picked], number[picked], top[picked], left, None, ("held out",))
        return patches

    def _cut(
        self,
        scale: Scale,
        part: Index,
        number: Index,
        top: Index,
        left: Index,
        turns: Index | None,
        noise: tuple[int | str, ...],
    ) -> tuple[Tensor, Tensor]:
        side = self._side[scale]
        hr = _floats(_turned(_gather(self._hr, part, number, top * scale, left * scale, side * scale), turns))
        if self._degradation.stochastic:
            lr = degraded(hr.contiguous(), self._degradation, scale, stream(*noise))
        else:
            lr = _floats(_turned(_gather(self._lr[scale], part, number, top, left, side), turns))
        return (rgb_to_y(lr), rgb_to_y(hr)) if self._luma else (lr, hr)


def _gather(sources: Sequence[PixelFile], part: Index, number: Index, top: Index, left: Index, side: int) -> Array:
    if len(sources) == 1:
        return sources[0].cut(number, top, left, side)
    patches = np.empty((len(part), side, side, 3), np.uint8)
    for at, source in enumerate(sources):
        mine = part == at
        if mine.any():
            patches[mine] = source.cut(number[mine], top[mine], left[mine], side)
    return patches


def _turned(patches: Array, turns: Index | None) -> Array:
    """Each patch (N, side, side, 3) under one of the eight symmetries of the square."""
    if turns is None:
        return patches
    for bit, view in ((1, patches[:, ::-1]), (2, patches[:, :, ::-1]), (4, patches.swapaxes(1, 2))):
        chosen = (turns & bit) > 0
        patches[chosen] = view[chosen]
    return patches


def _floats(patches: Array) -> Tensor:
    """(N, side, side, 3) bytes to (N, 3, side, side) in [0, 1], channels last in memory."""
    return torch.from_numpy(patches).permute(0, 3, 1, 2).to(torch.float32).div_(255)
