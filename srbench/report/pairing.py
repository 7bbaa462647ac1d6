"""Compare two methods on the same images and seeds: how far apart they are, and how certain that is.

A seed is one training. With several, the variation between trainings is part of the uncertainty of a difference.
The realisations of an image stay together: they are not further images.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from srbench.measuring.proportions import statistics_for
from srbench.measuring.uncertainty import Statistics
from srbench.records.record import Record

if TYPE_CHECKING:
    from srbench.report.formats import Heading

Image: TypeAlias = tuple[int, str]
"""Number of the realisation of a random degradation, and name of the image."""


class Scores(dict[int, dict[Image, float]]):
    """The scores of a method by seed and image.

    Attributes:
        binary: Whether each is 0 or 100, wrong or right.
    """

    def __init__(
        self, scores: Mapping[int, dict[Image, float]] = MappingProxyType({}), *, binary: bool = False
    ) -> None:
        super().__init__(scores)
        self.binary = binary


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
        """The side of zero that the interval is on: better or worse; tie if it contains zero."""
        if self.seeds == self.images == 1:  # nothing to resample
            return "tie"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "tie"


def scores_by_seed(records: Iterable[Record], heading: Heading) -> Scores:
    """Return the scores of a method's records under the heading's protocol."""
    scores = Scores(binary=True)
    for record in records:
        score = record.scores.get(heading.metric)
        if record.status == "ok" and score and record.table_protocol(score) == heading.protocol:
            scores.binary &= score.binary
            own = scores.setdefault(record.model.seed or 0, {})
            values = ((image.name, image.scores.get(heading.metric)) for image in record.images)
            own |= {(record.realisation or 0, name): value for name, value in values if value is not None}
    return scores


def in_common(all_scores: Sequence[Scores]) -> tuple[tuple[int, ...], tuple[Image, ...]]:
    """Return the seeds that all methods have, and the images that all have scored with each of these."""
    seeds = sorted(set.intersection(*(set(scores) for scores in all_scores)))
    images = [set(scores[seed]) for scores in all_scores for seed in seeds]
    return tuple(seeds), tuple(sorted(set.intersection(*images))) if images else ()


def paired_gain(own: Scores, base: Scores, heading: Heading) -> Gain | None:
    """Return the gain of one method over another on the images and seeds that both have; None without any."""
    seeds, images = in_common([own, base])
    if not images:
        return None
    differences = heading.sign * (averaged(own, seeds, images) - averaged(base, seeds, images))
    mean = float(differences.mean())
    interval = statistics_of([own, base]).gain_interval(differences)
    return Gain(mean, *(interval or (mean, mean)), *differences.shape)


def statistics_of(all_scores: Iterable[Scores]) -> Statistics:
    """Return the statistics that suit the scores of all these methods."""
    return statistics_for(binary=all(scores.binary for scores in all_scores))


class Rivals:
    """Several methods to compare in pairs, each averaged over realisations only once."""

    def __init__(self, scores: Sequence[Scores], heading: Heading) -> None:
        """Take the scores of all methods under a heading."""
        self._scores, self._sign = scores, heading.sign
        self._statistics = statistics_of(scores)
        self._averaged: dict[object, NDArray[np.float64]] = {}

    def beats(self, one: int, other: int, seeds: tuple[int, ...], images: tuple[Image, ...]) -> bool:
        """Return whether the interval of one method's gain over another is above zero."""
        interval = self._statistics.gain_interval(self._of(one, seeds, images) - self._of(other, seeds, images))
        return interval is not None and interval[0] > 0

    def beats_by_seeds(self, one: int, other: int) -> bool | None:
        """Apply `beats` to all that both have; return None for a single seed, which says nothing about trainings."""
        if len(self._scores[one].keys() & self._scores[other].keys()) < 2:
            return None
        seeds, images = in_common([self._scores[one], self._scores[other]])
        return self.beats(one, other, seeds, images) if images else None

    def _of(self, method: int, seeds: tuple[int, ...], images: tuple[Image, ...]) -> NDArray[np.float64]:
        """Return scores by seed and image, larger where better."""
        key = method, seeds, images
        if key not in self._averaged:
            self._averaged[key] = self._sign * averaged(self._scores[method], seeds, images)
        return self._averaged[key]


def averaged(scores: Scores, seeds: Sequence[int], images: Sequence[Image]) -> NDArray[np.float64]:
    """Return scores by seed and name, averaged over realisations."""
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
