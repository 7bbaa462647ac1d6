"""Plot perceptual scores against distortion: a method that gains in one often loses in the other.

Blau and Michaeli (CVPR 2018) show that no method is best in both. The front has those that no other beats in both.
"""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srbench.measuring.uncertainty import Interval, mean_interval
from srbench.report.formats import Heading
from srbench.report.leaderboard.plots import COLOURS, MARKERS, pareto_front
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.pairing import averaged, in_common, scores_by_seed, statistics_of
from srbench.report.pictures import FAINT, Picture, figure_at, picture_name, sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST_METHODS = 3
"""With fewer there is no front to see."""
MOST_PANELS = 4
PERCEPTUAL = (
    "lpips", "fid", "kid", "dists", "niqe", "pi", "nrqm", "piqe", "brisque", "musiq", "maniqa", "clipiqa", "topiq",
)  # fmt: skip
"""Beginnings of the names of scores that go with what people see, also behind ``pyiqa:``; in the order of panels."""
DISTORTION = ("psnr_y", "psnr_rgb")
"""Scores of distortion, the first one that a table has."""


@dataclass(frozen=True, slots=True)
class Place:
    """A method in a panel: both means, and their 95 % intervals where there are any."""

    line: Line
    distortion: float
    perception: float
    across: Interval
    along: Interval
    """Of distortion and of perception, over images and seeds."""
    samples: tuple[tuple[float, float], ...] = ()
    """Both scores over the dataset of each sample, if several sr were drawn; means over seeds and realisations."""

    @property
    def over_samples(self) -> tuple[Interval, Interval]:
        """The intervals of distortion and perception over samples."""
        across, along = zip(*self.samples, strict=True) if self.samples else ((), ())
        return mean_interval(across), mean_interval(along)


def perception_pictures(results: Path, sections: Sequence[Section]) -> list[Picture]:
    """Return ``perception_set5_x4.png`` and the like: a panel for each perceptual score of a table."""
    return [
        Picture(results / perception_name(section, table), partial(_draw, section, table, panels))
        for section in sections
        for table in section.tables
        if (panels := panels_of(table))
    ]


def perception_name(section: Section, table: Table) -> str:
    """Return the file name of a table's picture."""
    return picture_name("perception", section.stem_of(table))


def panels_of(table: Table) -> list[tuple[Heading, Heading, list[Place]]]:
    """Return distortion, perceptual score and methods of each panel; methods that lack one of them are left out."""
    known = {heading.metric: heading for heading in table.headings}
    distortion = next((known[name] for name in DISTORTION if name in known), None)
    if distortion is None:
        return []
    panels = []
    for heading in sorted(table.headings, key=_order):
        if _order(heading) < len(PERCEPTUAL):
            places = [place for line in table.lines if (place := _place(line, distortion, heading))]
            if len(places) >= FEWEST_METHODS:
                panels.append((distortion, heading, places))
    return panels[:MOST_PANELS]


def _order(heading: Heading) -> int:
    """Return the place of a score among the perceptual ones; their number for another score."""
    name = heading.metric.removeprefix("pyiqa:")
    return next((place for place, start in enumerate(PERCEPTUAL) if name.startswith(start)), len(PERCEPTUAL))


def _place(line: Line, distortion: Heading, perception: Heading) -> Place | None:
    means = [line.scores[heading].mean for heading in (distortion, perception)]
    if means[0] is None or means[1] is None:
        return None
    samples = tuple(zip(_samples(line, distortion), _samples(line, perception), strict=False))
    return Place(line, means[0], means[1], _interval(line, distortion), _interval(line, perception), samples)


def _samples(line: Line, heading: Heading) -> list[float]:
    """Return the score of each sample over the dataset, the mean over seeds and realisations."""
    scores = [score.samples for r in line.records if (score := r.scores.get(heading.metric)) and score.samples]
    return [statistics.fmean(same) for same in zip(*scores, strict=False)]


def _interval(line: Line, heading: Heading) -> Interval:
    """Return the interval of a mean; None for scores of the set, which have no images."""
    scores = scores_by_seed(line.records, heading)
    seeds, images = in_common([scores])
    return statistics_of([scores]).interval(averaged(scores, seeds, images)) if images else None


def front_of(places: Sequence[Place], perception: Heading) -> list[Place]:
    """Return the methods that no other beats in both, the one with the least distortion first."""
    points = [(place, -place.distortion, place.perception) for place in places]
    return [place for place, _, _ in pareto_front(points, higher_is_better=perception.higher_is_better)]


def _draw(
    section: Section, table: Table, panels: Sequence[tuple[Heading, Heading, list[Place]]], path: Path
) -> None:  # fmt: skip
    from matplotlib.lines import Line2D

    titles = list(dict.fromkeys(place.line.title for _, _, places in panels for place in places))
    looks = {title: (COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)]) for n, title in enumerate(titles)}
    columns = 2 if len(panels) == 1 else len(panels)
    rows = -(-(len(looks) + 1) // columns)
    with figure_at(path, max(6.4, 3.8 * len(panels)), 4.0 + 0.22 * rows) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (distortion, perception, places) in zip(axes, panels, strict=True):
            _panel(axis, distortion, perception, places, looks)
        style: dict[str, Any] = {"linestyle": "", "markeredgecolor": "white", "markersize": sized(8)}
        handles = [Line2D([], [], color=c, marker=m, label=title, **style) for title, (c, m) in looks.items()]
        handles.append(Line2D([], [], color=FAINT, linewidth=1.4, label="Pareto front"))
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)
        where = f"{table.place(' · ')} x{section.scale} · {section.degradation_label} · {section.protocol}"
        title = "\n".join([*textwrap.wrap(where, 30 + 40 * len(panels)), *_guide(panels)])
        figure.suptitle(title, x=0.01, ha="left", fontsize=sized(10), fontweight="bold")


def _guide(panels: Sequence[tuple[Heading, Heading, list[Place]]]) -> list[str]:
    """Return the lines that say what is drawn."""
    sampled = any(place.samples for _, _, places in panels for place in places)
    bars = ["thin bars: 95 % intervals over images; thick bars: over samples, which are dots"] if sampled else []
    return ["better is up and to the right", *bars]


def _panel(
    axis: Axes, distortion: Heading, perception: Heading, places: Sequence[Place], looks: dict[str, tuple[str, str]]
) -> None:
    front = front_of(places, perception)
    axis.plot([p.distortion for p in front], [p.perception for p in front], color=FAINT, linewidth=1.4, zorder=1)
    for place in places:
        colour, marker = looks[place.line.title]
        axis.errorbar(
            place.distortion, place.perception, xerr=_reach(place.distortion, place.across),
            yerr=_reach(place.perception, place.along), color=colour, alpha=0.35, elinewidth=0.8, capsize=2, zorder=2,
        )  # fmt: skip
        across, along = place.over_samples
        axis.errorbar(
            place.distortion, place.perception, xerr=_reach(place.distortion, across),
            yerr=_reach(place.perception, along), color=colour, elinewidth=2.4, capsize=0, zorder=4,
        )  # fmt: skip
        axis.plot(*zip(*place.samples, strict=True) if place.samples else ((), ()), ".", color=colour, markersize=3)
        axis.plot(
            place.distortion, place.perception, color=colour, marker=marker, markersize=sized(8),
            markeredgecolor="white", linestyle="none", zorder=3,
        )  # fmt: skip
    if not perception.higher_is_better:
        axis.invert_yaxis()
    axis.set_xlabel(f"{distortion.label}{distortion.bracketed_unit}")
    axis.set_ylabel(f"{perception.label}{perception.bracketed_unit} {perception.arrow}")


def _reach(mean: float, interval: Interval) -> list[list[float]] | None:
    if interval is None:
        return None
    low, high = interval
    return [[max(0.0, mean - low)], [max(0.0, high - mean)]]
