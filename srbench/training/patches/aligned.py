"""Aligned patches of LR and HR: cut from decoded training sets at the same places, under the same symmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from srbench.degrading.spec import DegradationSpec
from srbench.errors import TrainingError
from srbench.imaging.colour import rgb_to_y
from srbench.scales import Scale, hr_side, is_isotropic
from srbench.training.patches.images import TrainingImages, degraded
from srbench.training.patches.pixels import Array, Index, PixelFile
from srbench.training.seeds import stream


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the patches of a batch are cut; every array has one entry per patch."""

    part: Index
    """The training set."""
    number: Index
    """The image in the set."""
    top: Index
    """The first row, in HR pixels; a multiple of a whole scale."""
    left: Index
    """The first column, in HR pixels, as ``top``."""
    turns: Index | None = None
    """One of the eight symmetries of the square, from 0 to 7; None leaves all patches as they are."""


class AlignedImages:
    """Training sets with their LR at every scale, from which both are cut at the same places.

    LR comes from whole images beforehand. It comes from HR patches if the degradation is stochastic, and at real
    scales, where pixels of LR do not begin on pixels of HR (LIIF trains so). Networks on luma get the unrounded luma of
    both patches, as they do when they are measured.

    Attributes:
        hr: The HR images of each set.
        scales: The scales to train.
        degradation: How LR is made.
    """

    def __init__(
        self, sets: Sequence[TrainingImages], scales: Sequence[Scale], degradation: DegradationSpec, *, luma: bool
    ) -> None:
        """Make the LR images, if they can be made beforehand; with ``luma``, patches have one channel.

        Raises:
            TrainingError: The degradation cannot be made, or not at one of the scales.
        """
        if missing := [scale for scale in scales if not degradation.has_scale(scale)]:
            raise TrainingError(
                f"The degradation {degradation.name} has no scale {missing[0]}; it has {degradation.scales_title}."
            )
        if uneven := [scale for scale in scales if not is_isotropic(scale)]:
            raise TrainingError(
                f"Square patches cannot be reduced by {uneven[0]}; train with one factor for both axes."
            )
        if degradation.provided:
            raise TrainingError(
                f"The lr of {degradation.name} comes with test sets and is not made; train on a degradation that makes "
                "it, such as realesrgan."
            )
        self.hr, self.scales, self.degradation = [s.hr for s in sets], tuple(scales), degradation
        beforehand = [] if degradation.stochastic else [scale for scale in scales if isinstance(scale, int)]
        self._lr = {scale: [images.lr(degradation, scale) for images in sets] for scale in beforehand}
        self._luma = luma

    def cut(self, scale: Scale, side: int, places: Places, noise: tuple[int | str, ...]) -> tuple[Tensor, Tensor]:
        """Cut a batch of patches.

        Args:
            scale: One of the scales.
            side: Side of the LR patches, in pixels.
            places: Where to cut.
            noise: Name of the random stream that a stochastic degradation draws from.

        Returns:
            lr (N, C, side, side) and hr (N, C, scale*side, scale*side) in [0, 1].
        """
        hr = _gather(self.hr, places, hr_side(side, scale))
        if isinstance(scale, int) and scale in self._lr:
            small = Places(places.part, places.number, places.top // scale, places.left // scale, places.turns)
            lr = _gather(self._lr[scale], small, side)
        else:
            lr = degraded(hr.contiguous(), self.degradation, scale, stream(*noise))
        return (rgb_to_y(lr), rgb_to_y(hr)) if self._luma else (lr, hr)


def _gather(sources: Sequence[PixelFile], places: Places, side: int) -> Tensor:
    """Cut (N, 3, side, side) in [0, 1], channels last in memory."""
    part, number, top, left = places.part, places.number, places.top, places.left
    if len(sources) == 1:
        patches = sources[0].cut(number, top, left, side)
    else:
        patches = np.empty((len(part), side, side, 3), np.uint8)
        for at, source in enumerate(sources):
            chosen = part == at
            if chosen.any():
                patches[chosen] = source.cut(number[chosen], top[chosen], left[chosen], side)
    turned = patches if places.turns is None else _turned(patches, places.turns)
    return torch.from_numpy(turned).permute(0, 3, 1, 2).to(torch.float32).div_(255)


def _turned(patches: Array, turns: Index) -> Array:
    """Turn each patch (N, side, side, 3) by its symmetry."""
    for bit, view in ((1, patches[:, ::-1]), (2, patches[:, :, ::-1]), (4, patches.swapaxes(1, 2))):
        chosen = (turns & bit) > 0
        patches[chosen] = view[chosen]
    return patches
