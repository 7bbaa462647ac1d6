"""What a recogniser trains on: two views of every image, which come from the same crop."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from srbench.degrading.spec import DegradationSpec
from srbench.errors import TrainingError
from srbench.imaging.borders import mod_crop
from srbench.recipe import RecognitionRecipe
from srbench.scales import Scale
from srbench.tasks.recognition.sized import SizedImages
from srbench.tasks.recognition.views import VIEWS
from srbench.training.patches.images import degraded
from srbench.training.seeds import stream
from srbench.training.validation import HeldOut

CROP_ASPECT = (3 / 4, 4 / 3)
"""Smallest and largest width by height of a random crop."""


class TwoViews:
    """Images of a labelled set in random order, each as the student and as the teacher see it.

    Every epoch is a permutation that follows from the seed and its number; so a training that was killed goes on with
    exactly the images it would have seen.
    """

    notes: Sequence[str] = ()

    def __init__(
        self, images: SizedImages, labels: Tensor, held_out: tuple[SizedImages, Tensor] | None, *,
        recipe: RecognitionRecipe, degradation: DegradationSpec, scale: Scale, batch: int, seed: int, phase: int,
    ) -> None:  # fmt: skip
        """Take the images.

        Args:
            images: The training set.
            labels: (images,) the class of each, or (images, K) zeros and ones where one has several classes.
            held_out: Another set with its labels, on which progress is measured.
            recipe: Decides sizes, view and augmentation.
            degradation: Makes LR of HR.
            scale: Ratio of HR to LR; at 1 the student sees HR.
            batch: Images a step.
            seed: Seed of the run.
            phase: Number of the phase, so that phases see the images in other orders.
        """
        self.batch, self._images, self._labels, self._held_out = batch, images, labels, held_out
        self._recipe, self._degradation, self._scale, self._stream = recipe, degradation, scale, (seed, phase)
        self._order = functools.lru_cache(maxsize=2)(self._permutation)

    def sample(self, step: int, draw: int = 0) -> tuple[Tensor, Tensor, Scale]:
        """Return what the student sees, HR and the scale; see `PatchSource.sample`."""
        random = torch.rand((6, self.batch), dtype=torch.float64, generator=stream(*self._stream, step, draw)).tolist()
        numbers = self._numbers(step, draw)
        if self._recipe.augment == "crop":
            hr = torch.cat([self._cropped(number, *own) for number, *own in zip(numbers, *random[:4], strict=True)])
        else:
            hr = self._images.at(numbers)
        if self._recipe.augment != "none":
            mirrored = torch.tensor(random[5]) < 0.5
            hr[mirrored] = hr[mirrored].flip(-1)
        return self._student_view(hr, (*self._stream, step, draw, "degradation")), hr, self._scale

    def labels(self, step: int, draw: int = 0) -> Tensor:
        """Return the labels of the images that `sample` gives."""
        return self._labels[self._numbers(step, draw)]

    def conditions(self, step: int, draw: int = 0) -> Sequence[Mapping[str, float]]:  # noqa: ARG002
        """Refuse: recognisers are blind."""
        raise TrainingError("Recognisers take no conditions; choose one whose spec names none.")

    def held_out(self) -> HeldOut:
        """Return the other set as the student sees it, with its labels."""
        if self._held_out is None:
            return {}
        images, labels = self._held_out
        return {self._scale: (self._student_view(images.at(range(len(images))), ("held out",)), labels)}

    def _student_view(self, hr: Tensor, noise: tuple[int | str, ...]) -> Tensor:
        return student_view(hr, self._degradation, self._scale, self._recipe.view, stream(*noise))

    def _numbers(self, step: int, draw: int) -> list[int]:
        """Return which images a step sees: the next of the epoch, and of the next one where it ends."""
        first, count = step * self.batch, len(self._images)
        places = range(first, first + self.batch)
        return [int(self._order(place // count, draw)[place % count]) for place in places]

    def _permutation(self, epoch: int, draw: int) -> Tensor:
        return torch.randperm(len(self._images), generator=stream(*self._stream, epoch, draw, "epoch"))

    def _cropped(self, number: int, area: float, aspect: float, top: float, left: float) -> Tensor:
        """Cut out a random part of an image, whose share of the area and aspect are drawn, and resize it."""
        height, width = self._images.original_size(number)
        least = self._recipe.crop_area
        pixels = height * width * (least + area * (1 - least))
        low, high = (math.log(end) for end in CROP_ASPECT)
        ratio = math.exp(low + aspect * (high - low))
        tall, wide = min(round(math.sqrt(pixels / ratio)), height), min(round(math.sqrt(pixels * ratio)), width)
        tall, wide = max(tall, 1), max(wide, 1)
        return self._images.crop(number, (int(top * (height - tall + 1)), int(left * (width - wide + 1)), tall, wide))


def student_view(
    hr: Tensor, degradation: DegradationSpec, scale: Scale, view: str, generator: torch.Generator
) -> Tensor:
    """Return what a student sees of HR images (N, 3, H, W) in [0, 1]; at scale 1 it sees HR itself.

    HR is cropped at the bottom and right so that its sides divide by ``scale``.
    """
    if scale == 1:
        return hr
    cropped = mod_crop(hr, scale)
    height, width = cropped.shape[-2:]
    lr = degraded(cropped.contiguous(), degradation, scale, generator)
    seen = VIEWS[view](lr, (height, width))
    grown = view != "small" and tuple(seen.shape[-2:]) != tuple(hr.shape[-2:])
    return F.pad(seen, (0, hr.shape[-1] - width, 0, hr.shape[-2] - height), mode="replicate") if grown else seen
