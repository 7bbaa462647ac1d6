"""Plot scores against the scale, where a dataset was measured at several: how methods bear smaller images.

Gains over bicubic interpolation where that was measured, since scores of all methods fall together as the scale grows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from srbench.report.leaderboard.by_scale import ByScale, Point
from srbench.report.pictures import Picture, figure_at, picture_name, sized
from srbench.scales import Scale, as_number

LETTER = 0.016
"""Width of a letter of a label, as a share of the distance between the first and the last tick."""
MOST_CURVES = 30
"""Nobody sees which curve is which among more."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7f3c8d", "#e0457b", "#5b6770", "#117733")
MARKERS = "oDs^vPX*<>"


def scale_pictures(results: Path, comparisons: Iterable[ByScale]) -> list[Picture]:
    """Return a picture for each dataset: ``top1_by_scale_orl_bicubic_recognition.png``."""
    pictures = []
    for comparison in comparisons:
        path = results / picture_of(comparison)
        pictures.append(Picture(path, partial(_draw, comparison)))
    return pictures


def picture_of(comparison: ByScale) -> str:
    """Return the file name of a dataset's picture."""
    group = comparison.group
    how = () if group.inference == "whole" else (group.inference,)
    return picture_name(f"{group.metric}_by_scale", group.dataset, group.degradation, group.protocol, *how)


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


def drawn_curves(curves: Mapping[str, list[Point]]) -> dict[str, list[Point]]:
    """Return the curves to draw, of at most `MOST_CURVES` methods; one at one scale is in the table only."""
    several = ((title, points) for title, points in curves.items() if len(points) > 1)
    return dict(islice(several, MOST_CURVES))


def _draw(comparison: ByScale, path: Path) -> None:
    gains = comparison.gains()
    scales, heading = comparison.scales, comparison.heading
    curves = gains or comparison.curves()
    found = drawn_curves(curves)
    with figure_at(path, 8.6, 4.2 + 0.12 * max(0, len(found) - 10)) as figure:
        axis = figure.subplots()
        axis.set_xscale("log", base=2)
        for number, (title, points) in enumerate(found.items()):
            shift = 1 + 0.012 * (number - len(found) / 2)  # so that intervals do not cover one another
            axis.errorbar(
                [as_number(point.scale) * shift for point in points], [point.mean for point in points],
                yerr=[[p.mean - p.low for p in points], [p.high - p.mean for p in points]],
                marker=MARKERS[(number + number // len(COLOURS)) % len(MARKERS)], color=COLOURS[number % len(COLOURS)],
                linewidth=1.2, elinewidth=0.8, capsize=2, markersize=sized(6), markeredgecolor="white", label=title,
            )  # fmt: skip
        for low, high in comparison.trained_ranges():
            axis.axvspan(low, high, color="#5b6770", alpha=0.12, linewidth=0, label=f"trained at x{low:g} to x{high:g}")
        axis.set_xticks([as_number(scale) for scale in scales], tick_labels(scales))
        axis.minorticks_off()
        axis.set_xlabel("ratio of HR to LR side")
        axis.set_ylabel(("gain in " if gains else "") + f"{heading.label}{heading.bracketed_unit}")
        if gains:
            axis.axhline(0.0, color="black", linewidth=0.8, label="bicubic interpolation")
        few = f" · the best {len(found)} of {len(curves)}" if len(curves) > MOST_CURVES else ""
        axis.set_title(comparison.title + few, loc="left", fontsize=sized(10), fontweight="bold")
        figure.legend(loc="outside right upper", frameon=False, fontsize=sized(8))
