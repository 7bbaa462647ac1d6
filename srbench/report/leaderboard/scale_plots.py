"""Plot scores against the scale, where a dataset was measured at several: how methods bear smaller images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from srbench.records import RowId
from srbench.report.formats import Heading
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.pictures import Picture, figure_at, picture_name
from srbench.scales import Scale, as_number

LETTER = 0.016
"""Width of a letter of a label, as a share of the distance between the first and the last tick."""
FEWEST_SCALES = 4
"""With fewer, the tables themselves are as easy to read."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7f3c8d", "#e0457b", "#5b6770", "#117733")
MARKERS = "oDs^vPX*<>"


class Group(NamedTuple):
    """What the scores of one picture share."""

    dataset: str
    degradation: str
    protocol: str
    metric: str


class Point(NamedTuple):
    """The score of a method at a scale."""

    scale: Scale
    mean: float
    low: float
    high: float


def scale_pictures(results: Path, sections: Sequence[Section]) -> list[Picture]:
    """Return a picture for every dataset that was measured at four scales or more: ``top1_by_scale_orl.png``."""
    groups: dict[Group, list[tuple[Section, Table, Heading]]] = {}
    for section in sections:
        for table in section.tables:
            if table.headline:
                group = Group(table.dataset, section.degradation, section.protocol, table.headline.metric)
                groups.setdefault(group, []).append((section, table, table.headline))
    pictures = []
    for group, tables in groups.items():
        if len({section.scale for section, _, _ in tables}) >= FEWEST_SCALES:
            path = results / picture_name(f"{group.metric}_by_scale", group.dataset, group.degradation, group.protocol)
            pictures.append(Picture(path, partial(_draw, path, tables)))
    return pictures


def curves(tables: Sequence[tuple[Section, Table, Heading]]) -> dict[str, list[Point]]:
    """Return the points of each method by its title, in the order of scales, the best method at the largest first."""
    titles: dict[RowId, str] = {}
    points: dict[str, list[Point]] = {}
    for section, table, heading in sorted(tables, key=lambda entry: entry[0].scale):
        for line in table.lines:
            point = _point(section, line, heading)
            if point:
                title = titles.setdefault(line.first.row_id.method._replace(scale=0), line.title)
                points.setdefault(title, []).append(point)
    sign = tables[0][2].sign
    return dict(sorted(points.items(), key=lambda item: (-as_number(item[1][-1].scale), -sign * item[1][-1].mean)))


def trained_ranges(tables: Sequence[tuple[Section, Table, Heading]]) -> list[tuple[float, float]]:
    """Return the ranges of scales that methods were trained at, if their patches had scales of their own."""
    ranges = {line.first.model.scale_range for _, table, _ in tables for line in table.lines}
    return sorted(found for found in ranges if found)


def tick_labels(scales: Sequence[Scale]) -> list[str]:
    """Return the labels of ticks at ``scales``, in order, on the logarithmic axis; "" for one without room."""
    places = [math.log(as_number(scale)) for scale in scales]
    span = (places[-1] - places[0]) or 1.0
    labels: list[str] = []
    end = -math.inf  # of the last label, as a share of the axis
    for scale, place in zip(scales, places, strict=True):
        label = f"x{scale}"
        middle, half = (place - places[0]) / span, LETTER * len(label) / 2
        labels.append(label if middle - half > end else "")
        end = middle + half if labels[-1] else end
    return labels


def _point(section: Section, line: Line, heading: Heading) -> Point | None:
    mean = line.scores[heading].mean
    if mean is None:
        return None
    low, high = line.interval or (mean, mean)
    return Point(section.scale, mean, low, high)


def _draw(path: Path, tables: Sequence[tuple[Section, Table, Heading]]) -> None:
    found: Mapping[str, list[Point]] = curves(tables)
    section, table, heading = tables[0]
    scales = sorted({section.scale for section, _, _ in tables})
    with figure_at(path, 8.6, 4.2 + 0.12 * max(0, len(found) - 10)) as figure:
        axis = figure.subplots()
        axis.set_xscale("log", base=2)
        for number, (title, points) in enumerate(found.items()):
            shift = 1 + 0.012 * (number - len(found) / 2)  # so that intervals do not cover one another
            axis.errorbar(
                [as_number(point.scale) * shift for point in points], [point.mean for point in points],
                yerr=[[p.mean - p.low for p in points], [p.high - p.mean for p in points]],
                marker=MARKERS[number % len(MARKERS)], color=COLOURS[number % len(COLOURS)], linewidth=1.2,
                elinewidth=0.8, capsize=2, markersize=6, markeredgecolor="white", label=title,
            )  # fmt: skip
        for low, high in trained_ranges(tables):
            axis.axvspan(low, high, color="#5b6770", alpha=0.12, linewidth=0, label=f"trained at x{low:g} to x{high:g}")
        axis.set_xticks([as_number(scale) for scale in scales], tick_labels(scales))
        axis.minorticks_off()
        axis.set_xlabel("ratio of HR to LR side")
        axis.set_ylabel(f"{heading.label}{heading.bracketed_unit}")
        title = f"{table.label} · {section.degradation_label} · {section.protocol}"
        axis.set_title(title, loc="left", fontsize=10, fontweight="bold")
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
