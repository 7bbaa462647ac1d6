"""Compare two methods on the same images and seeds: how far apart they are, and how certain that is.

A seed is one training. With several, the variation between trainings is part of the uncertainty of a difference.
The realisations of an image stay together: they are not further images.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from srbench.measuring.proportions import statistics_for
from srbench.measuring.uncertainty import STUDENT, Differences, Statistics, is_close
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


class _Alike:
    """Methods with scores of the same seeds and images, of which one is compared with all others at once."""

    def __init__(self, scores: NDArray[np.float64]) -> None:
        """Take (M, S, N) scores of M methods by S seeds and N images, larger where better."""
        from scipy.special import stdtrit

        self._means = scores.mean(axis=(1, 2))
        parts = [part for part in (scores.mean(axis=1), scores.mean(axis=2)) if part.shape[1] > 1]
        self._parts = [(Differences(part), float(stdtrit(part.shape[1] - 1, 0.975)) ** 2) for part in parts]

    def above(self, own: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which methods beat one, by `mean_interval` of their gains, and for which rounding may decide it."""
        squares, reaches = np.square(self._means - self._means[own]), np.zeros(len(self._means))
        unsure = np.zeros(len(self._means), dtype=np.bool_)
        for differences, limit in self._parts:
            errors, sure = differences.errors(own)
            reaches, unsure = reaches + limit * errors, unsure | ~sure
        unsure |= is_close(squares, reaches)
        unsure[own] = False  # nothing beats itself
        return (self._means > self._means[own]) & (squares > reaches), unsure


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

    def above(self, own: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Apply `beats_by_seeds` to every method and this one.

        Returns:
            Of which methods it says anything, and which of these beat this one, both (M,).
        """
        known, beating = (np.zeros(len(self._scores), dtype=np.bool_) for _ in range(2))
        single = np.arange(len(self._scores))
        if own in self._alike:
            group, numbers, place = self._alike[own]
            known[numbers] = True
            beating[numbers], unsure = group.above(place)
            single = np.concatenate([np.delete(single, numbers), numbers[unsure]])
        for other in single.tolist():
            beats = self.beats_by_seeds(other, own)
            known[other], beating[other] = beats is not None, bool(beats)
        return known, beating

    @cached_property
    def _alike(self) -> dict[int, tuple[_Alike, NDArray[np.int_], int]]:
        """For methods of several seeds those with the same seeds and images, their numbers, and its place in them."""
        groups: dict[tuple[tuple[int, ...], tuple[Image, ...]], list[int]] = {}
        for number, scores in enumerate(self._scores if self._statistics is STUDENT else ()):
            if len(scores) > 1 and (common := in_common([scores]))[1]:
                groups.setdefault(common, []).append(number)
        found: dict[int, tuple[_Alike, NDArray[np.int_], int]] = {}
        for (seeds, images), numbers in groups.items():
            group = _Alike(np.stack([self._of(number, seeds, images) for number in numbers]))
            found |= {number: (group, np.asarray(numbers), place) for place, number in enumerate(numbers)}
        return found

    def _of(self, method: int, seeds: tuple[int, ...], images: tuple[Image, ...]) -> NDArray[np.float64]:
        """Return scores by seed and image, larger where better."""
        key = method, seeds, images
        if key not in self._averaged:
            self._averaged[key] = self._sign * averaged(self._scores[method], seeds, images)
        return self._averaged[key]


def averaged(scores: Scores, seeds: Sequence[int], images: Sequence[Image]) -> NDArray[np.float64]:
    """Return scores by seed and name, averaged over realisations."""
    numbers: dict[str, list[int]] = {}
    for number, name in images:
        numbers.setdefault(name, []).append(number)
    if len(numbers) == len(images):
        ordered = sorted(images, key=itemgetter(1))
        rows = [[scores[seed][image] for image in ordered] for seed in seeds]
    else:
        rows = [
            [statistics.fmean(scores[seed][number, name] for number in own) for name, own in sorted(numbers.items())]
            for seed in seeds
        ]
    return np.asarray(rows, dtype=np.float64)
