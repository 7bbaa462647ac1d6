"""A training that recognises: labelled images, a backbone with a head, accuracy on a validation set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import torch
from torch import Tensor

from srbench.datasets.labelled.images import LabelledImages
from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Phase
from srbench.errors import DataError
from srbench.networks.network import Network
from srbench.networks.recognition.recogniser import Recogniser, build_recogniser
from srbench.networks.recognition.spec import RecogniserSpec
from srbench.recipe import RecognitionRecipe
from srbench.tasks.recognition.sized import SizedImages
from srbench.tasks.recognition.source import TwoViews
from srbench.training.patches.source import PatchSource
from srbench.training.train_model import Training
from srbench.training.validation import HeldOut, Validation


def _accuracy(network: Network, held_out: HeldOut, device: torch.device, batch: int) -> float:
    """Compute the share of images, in percent, whose best logit is that of one of their classes."""
    recogniser = cast("Recogniser", network)
    hits: list[bool] = []
    for scale, (images, labels) in held_out.items():
        for some, truth in zip(torch.split(images, batch), torch.split(labels, batch), strict=True):
            best = recogniser.logits(recogniser(some.to(device), scale)).argmax(dim=1).cpu()
            right = truth.gather(1, best[:, None])[:, 0] > 0 if truth.dim() == 2 else truth == best
            hits += right.tolist()
    return 100 * sum(hits) / len(hits)


ACCURACY = Validation(name="held_out_accuracy_percent", unit="%", score=_accuracy)


@dataclass(frozen=True, kw_only=True, eq=False)
class RecognitionTraining(Training):
    """Everything that decides the weights of one training that recognises."""

    validation: ClassVar[Validation] = ACCURACY
    spec: RecogniserSpec
    recipe: RecognitionRecipe
    sets: Mapping[str, LabelledImages]
    """The labelled sets that recipe and phases name, and the one on which progress is measured."""
    find_degradation: Callable[[str], DegradationSpec]
    """Finds the degradations that phases name."""

    def network(self) -> Network:
        """Build the backbone, with a head for the classes of the training sets."""
        return build_network(self.spec, self.recipe, self.sets)

    def sources(self, cache: Path) -> Callable[[int, Phase, int], PatchSource]:
        """Return where each phase gets its images; see `Training.sources`."""

        def source(index: int, phase: Phase, length: int) -> PatchSource:  # noqa: ARG001
            recipe, other = self.recipe, phase.degradation
            names = phase.datasets or recipe.datasets
            held_out = self._decoded(cache, (recipe.validate_on,)) if recipe.validate_on else None
            images, labels = self._decoded(cache, names)
            return TwoViews(
                images, labels, held_out, recipe=recipe, scale=self.scales[0], batch=phase.batch or recipe.batch,
                degradation=self.find_degradation(other) if other else self.degradation, seed=self.seed, phase=index,
            )  # fmt: skip

        return source

    def _decoded(self, cache: Path, names: tuple[str, ...]) -> tuple[SizedImages, Tensor]:
        if missing := [name for name in names if name not in self.sets]:
            raise DataError(f"The training set {missing[0]!r} is not here; add it to the recipe.")
        classes = classes_of(self.recipe, self.sets)
        own = {f"{name}/{image}": (self.sets[name], image) for name in names for image in self.sets[name].images}
        images = {title: labelled.images[image] for title, (labelled, image) in own.items()}
        size = self.recipe.height, self.recipe.width
        return SizedImages(cache, images, size, self.recipe.cover), _labels(list(own.values()), len(classes))


def build_network(spec: RecogniserSpec, recipe: RecognitionRecipe, sets: Mapping[str, LabelledImages]) -> Recogniser:
    """Build a recogniser with fresh weights, and a head for the classes of the recipe's sets."""
    classes = classes_of(recipe, sets)
    return build_recogniser(spec, len(classes), recipe.head, recipe.head_scale, recipe.head_margin)


def classes_of(recipe: RecognitionRecipe, sets: Mapping[str, LabelledImages]) -> tuple[str, ...]:
    """Return the classes of a recipe's sets, all of which must have the same.

    Raises:
        DataError: They have not.
    """
    first, *others = recipe.datasets
    classes = sets[first].classes
    for name in (*others, *filter(None, [recipe.validate_on])):
        if sets[name].classes != classes:
            raise DataError(
                f"The sets {first} and {name} of the recipe {recipe.name} have different classes ({len(classes)} and "
                f"{len(sets[name].classes)}); train and validate on sets with the same."
            )
    if not classes:
        raise DataError(f"The set {first} has no classes to train on; name a set with labels.")
    return classes


def _labels(images: list[tuple[LabelledImages, str]], classes: int) -> Tensor:
    """Return the labels (N,), or (N, K) zeros and ones if an image may have several classes."""
    own = [labelled.labels[name] for labelled, name in images]
    if all(labelled.question != "multilabel" for labelled, _ in images):
        return torch.tensor([label for label, *_ in own])
    many = torch.zeros(len(own), classes)
    for row, labels in zip(many, own, strict=True):
        row[list(labels)] = 1
    return many
