"""One dataset at several scales: the methods side by side, however each of them reached a scale.

A network of whole scales that was measured in between, by reducing the result of the next larger scale, is the same
method at all of them. Its scores are taken on the same pixels as those of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from srbench.records.row import RowId
from srbench.report.formats import Heading
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.pairing import Scores, paired_gain, scores_by_seed
from srbench.scales import Scale, as_number

FEWEST_SCALES = 4
"""With fewer, the tables themselves are as easy to read."""
_REDUCED = re.compile(r",resize=(\d+)")


class Group(NamedTuple):
    """What all scores that are compared across scales share."""

    dataset: str
    degradation: str
    protocol: str
    inference: str
    """How networks are applied, but for the reduction of their results."""
    metric: str


@dataclass(frozen=True)
class Point:
    """The score of a method at a scale."""

    line: Line
    heading: Heading
    scale: Scale
    mean: float
    low: float
    high: float
    applied_at: int | None
    """The scale of the network whose result was reduced; None where none was."""

    def over(self, base: Point) -> Point | None:
        """Return the gain over another method at this scale, positive where this one is better; None if unpaired.

        Scores are paired across tables, as all are taken on the same pixels.
        """
        gain = paired_gain(self._scores, base._scores, self.heading)
        return replace(self, mean=gain.mean, low=gain.low, high=gain.high) if gain else None

    @cached_property
    def _scores(self) -> Scores:
        return scores_by_seed(self.line.records, self.heading)


@dataclass(frozen=True)
class ByScale:
    """The tables of a dataset, one or several for each scale."""

    group: Group
    parts: tuple[tuple[Section, Table, Heading], ...]

    @property
    def scales(self) -> list[Scale]:
        """All scales, the smallest first."""
        return sorted({section.scale for section, _, _ in self.parts})

    @property
    def title(self) -> str:
        """Dataset, degradation and protocol, by their labels."""
        section, table, _ = self.parts[0]
        how = "" if self.group.inference == "whole" else f" · {self.group.inference}"
        return f"{table.label} · {section.degradation_label} · {section.protocol}{how}"

    @property
    def heading(self) -> Heading:
        """The heading at the first scale: label, unit and direction are those of all."""
        return self.parts[0][2]

    def curves(self) -> dict[str, list[Point]]:
        """Return the points of each method by its title, in the order of scales, the best at the largest first."""
        return self._curves

    @cached_property
    def _curves(self) -> dict[str, list[Point]]:
        titles: dict[RowId, str] = {}
        given: set[str] = set()
        points: dict[str, list[Point]] = {}
        for point in self._points():
            record = point.line.first
            method = record.row_id.method._replace(scale=0, inference=record.drawn)
            if method not in titles:
                taken = point.line.title in given
                titles[method] = f"{point.line.title}, {record.model.training}" if taken else point.line.title
                given.add(titles[method])
            points.setdefault(titles[method], []).append(point)
        sign = self.heading.sign
        return dict(sorted(points.items(), key=lambda item: (-as_number(item[1][-1].scale), -sign * item[1][-1].mean)))

    def gains(self) -> dict[str, list[Point]]:
        """Return what `curves` does, as gains over bicubic interpolation with paired intervals; empty without it."""
        curves = self.curves()
        base = {point.scale: point for points in curves.values() for point in points if point.line.reference}
        if set(base) != set(self.scales):
            return {}
        gains = {
            title: [own for point in points if (own := point.over(base[point.scale]))]
            for title, points in curves.items()
            if not points[0].line.reference
        }
        return {title: points for title, points in gains.items() if points}

    def trained_ranges(self) -> list[tuple[float, float]]:
        """Return the ranges of scales that methods were trained at, if their patches had scales of their own."""
        ranges = {line.first.model.scale_range for _, table, _ in self.parts for line in table.lines}
        return sorted(found for found in ranges if found)

    def _points(self) -> Iterator[Point]:
        for section, table, heading in sorted(self.parts, key=lambda part: part[0].scale):
            reduced = _REDUCED.search(table.inference)
            for line in table.lines:
                mean = line.scores[heading].mean
                if mean is not None:
                    low, high = line.interval or (mean, mean)
                    at = int(reduced[1]) if reduced else None
                    yield Point(line, heading, section.scale, mean, low, high, at)


def by_scale(sections: Sequence[Section]) -> list[ByScale]:
    """Return every dataset that was measured at four scales or more."""
    groups: dict[Group, list[tuple[Section, Table, Heading]]] = {}
    for section in sections:
        for table in section.tables:
            if head := table.headline:
                inference = _REDUCED.sub("", table.inference)
                group = Group(table.dataset, section.degradation, section.protocol, inference, head.metric)
                groups.setdefault(group, []).append((section, table, head))
    found = [ByScale(group, tuple(parts)) for group, parts in groups.items()]
    return [each for each in found if len(each.scales) >= FEWEST_SCALES]


def ties_with_best(points: Sequence[Point]) -> list[Point]:
    """Return the best of points at one scale, and those of which it is not certain that they are worse.

    The 95 % interval of their paired difference over images and seeds contains zero, or they share no image with it.
    """
    best = max(points, key=lambda point: point.heading.sign * point.mean)
    differences = [(point, point.over(best)) for point in points if point is not best]
    return [best, *(point for point, over in differences if over is None or over.high >= 0)]
