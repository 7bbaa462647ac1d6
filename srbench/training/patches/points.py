"""Patches of all scales of a range in one step, of which some HR pixels are kept: LIIF's training (section 4.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from srbench.errors import TrainingError
from srbench.networks.wanted import Points
from srbench.scales import SMALLEST_STEP, RealScale, Scale, hr_side, parse_scale
from srbench.training.patches.aligned import AlignedImages, Places
from srbench.training.patches.cutting import Patches
from srbench.training.seeds import stream


def scales_in(low: float, high: float) -> tuple[Scale, ...]:
    """Return the scales at which progress in a range is measured: the whole ones from 2, and the largest."""
    whole = [scale for scale in range(math.ceil(low), math.floor(high) + 1) if scale > 1]
    return tuple(dict.fromkeys([*whole, parse_scale(f"{high:g}")]))


class PointPatches(Patches):
    """Cuts each patch at a scale of its own, so that all LR patches have one size, and keeps some of its HR pixels.

    LR is made from the HR patch, as LIIF's release does. Held-out patches are whole, at `scales_in` of the range.
    """

    def __init__(
        self,
        images: AlignedImages,
        *,
        scale_range: tuple[float, float],
        points: int,
        patch: int,
        batch: int,
        augment: bool,
        seed: int,
        phase: int = 0,
    ) -> None:
        """Choose the rows to train on.

        Args:
            images: The images, at `scales_in` of the range.
            scale_range: The least and the largest scale.
            points: HR pixels of each patch, drawn without replacement.
            patch: Side of the LR patches.
            batch: Patches a step.
            augment: Whether each patch is flipped and turned at random.
            seed: Seed of the run.
            phase: Number of the phase, so that phases see different patches.

        Raises:
            DataError: No image is large enough for a patch.
        """
        sides = dict.fromkeys(images.scales, patch)
        super().__init__(images, sides=sides, batch=batch, augment=augment, seed=seed, phase=phase)
        self._range, self._points, self._patch = scale_range, points, patch

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Points]:
        """Return lr, the colours at points of hr, and the points; see `PatchSource.sample`."""
        chosen, *position, turn, at = self._uniform((5, self.batch), step, draw)
        image = self._trained.of((chosen * len(self._trained)).astype(np.int64))
        generator = stream(*self._stream, step, draw, "points")
        patches, colours, sizes, pixels = [], [], [], []
        for n in range(self.batch):
            scale = self._drawn(at[n])
            side = hr_side(self._patch, scale)
            room = (image.border[n] - side + 1, image.widths[n] - side + 1)
            top, left = (np.array([int(where[n] * most)]) for where, most in zip(position, room, strict=True))
            turns = np.array([int(turn[n] * 8)]) if self._augment else None
            places = Places(image.part[n : n + 1], image.number[n : n + 1], top, left, turns)
            lr, hr = self._images.cut(scale, self._patch, places, (*self._noise(step, draw), n))
            kept = torch.randperm(side * side, generator=generator)[: self._points]
            patches.append(lr)
            colours.append(hr.flatten(2)[..., kept])
            sizes.append((side, side))
            pixels.append(torch.stack((kept // side, kept % side), dim=-1))
        return torch.cat(patches), torch.cat(colours).unsqueeze(-1), Points(torch.tensor(sizes), torch.stack(pixels))

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:  # noqa: ARG002
        """Refuse a non-blind network; see `PatchSource.conditions`.

        Raises:
            TrainingError: Always.
        """
        raise TrainingError(
            "A network that is given facts about the degradation cannot be trained on a range of scales; take "
            "scale_range and points out of the recipe."
        )

    def _drawn(self, position: float) -> RealScale:
        """Return the scale at a position in [0, 1) of the range, never a whole one: those have LR of whole images."""
        low, high = (Fraction(str(end)) for end in self._range)
        steps = math.floor((high - low) / SMALLEST_STEP * Fraction(position))
        scale = low + steps * SMALLEST_STEP
        scale += SMALLEST_STEP if scale.denominator == 1 else 0
        return RealScale(scale, scale)
