"""Two methods on the same images by the same seeds: how far apart they are, and how sure that is.

A seed is one training; how trainings differ by chance is part of how sure a difference is wherever there are several.
An image's realisations stay together: they are no other images.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from srbench.measuring.uncertainty import crossed_interval, crossed_means
from srbench.records import Record

if TYPE_CHECKING:
    from srbench.report.headings import Heading

Image: TypeAlias = tuple[int, str]
"""Number of the realisation of a random degradation, and name."""
Scores: TypeAlias = Mapping[int, Mapping[Image, float]]
"""Seed to image to score."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A mean difference, positive where the method is better."""

    mean: float
    low: float
    high: float
    """Ends of the 95 % interval."""
    seeds: int
    images: int

    @property
    def verdict(self) -> str:
        """Whether the interval leaves zero out: better, worse or tie."""
        if self.seeds == self.images == 1:  # nothing to draw anew
            return "tie"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "tie"


def scores_by_seed(records: Iterable[Record], heading: Heading) -> Scores:
    """Of a method's cells, those that were scored under the heading's protocol."""
    scores: dict[int, dict[Image, float]] = {}
    for record in records:
        score = record.scores.get(heading.metric)
        if record.status == "ok" and score and score.protocol == heading.protocol:
            own = scores.setdefault(record.model.seed or 0, {})
            values = ((image.name, image.scores.get(heading.metric)) for image in record.images)
            own |= {(record.realisation or 0, name): value for name, value in values if value is not None}
    return scores


def in_common(all_scores: Sequence[Scores]) -> tuple[tuple[int, ...], tuple[Image, ...]]:
    """Seeds that all have, and images that all have scored with every one of them."""
    seeds = sorted(set.intersection(*(set(scores) for scores in all_scores)))
    images = [set(scores[seed]) for scores in all_scores for seed in seeds]
    return tuple(seeds), tuple(sorted(set.intersection(*images))) if images else ()


def paired_gain(own: Scores, base: Scores, heading: Heading) -> Gain | None:
    """The gain of one method over another on the images and seeds that both have; None where they share none."""
    seeds, images = in_common([own, base])
    if not images:
        return None
    differences = heading.sign * (_averaged(own, seeds, images) - _averaged(base, seeds, images))
    low, high = crossed_interval(differences.tolist())
    return Gain(float(differences.mean()), low, high, *differences.shape)


class Rivals:
    """Several methods, to be told apart two by two: seeds and images are drawn anew once for each."""

    def __init__(self, scores: Sequence[Scores], heading: Heading) -> None:
        """Compare methods by their scores under a heading."""
        self._scores, self._sign = scores, heading.sign
        self._drawn: dict[object, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def beats(self, one: int, other: int, seeds: tuple[int, ...], images: tuple[Image, ...]) -> bool:
        """Whether the interval of one method's gain over another's lies above zero."""
        values, means = self._of(one, seeds, images)
        theirs, their_means = self._of(other, seeds, images)
        if values.mean() <= theirs.mean():
            return False
        return crossed_interval((values - theirs).tolist(), means - their_means)[0] > 0

    def beats_by_seeds(self, one: int, other: int) -> bool | None:
        """The same over all that both have; None where that is no two seeds, which tell nothing of trainings."""
        seeds, images = in_common([self._scores[one], self._scores[other]])
        return self.beats(one, other, seeds, images) if len(seeds) > 1 and images else None

    def _of(
        self, method: int, seeds: tuple[int, ...], images: tuple[Image, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores, larger where better, and their means as seeds and images are drawn anew."""
        key = method, seeds, images
        if key not in self._drawn:
            values = self._sign * _averaged(self._scores[method], seeds, images)
            self._drawn[key] = values, crossed_means(values.tolist())
        return self._drawn[key]


def _averaged(scores: Scores, seeds: Sequence[int], images: Sequence[Image]) -> NDArray[np.float64]:
    """Scores by seed and name, over the realisations of each."""
    names = sorted({name for _, name in images})
    own = [[number for number, name in images if name == wanted] for wanted in names]
    rows = [
        [
            statistics.fmean(scores[seed][number, name] for number in numbers)
            for name, numbers in zip(names, own, strict=True)
        ]
        for seed in seeds
    ]
    return np.asarray(rows, dtype=np.float64)
