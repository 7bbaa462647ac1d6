"""Plot quality against cost, one figure for each scale, with the Pareto front."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from srbench.report.formats import Heading
from srbench.report.leaderboard.costs import Cost
from srbench.report.leaderboard.tables import Line, Section, Table, backend_title, distiller_title, drawing_title
from srbench.report.pictures import FAINT, Picture, figure_at, sized
from srbench.scales import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import BboxBase

T = TypeVar("T")

MARKERS = "oDs^vPX*<>"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7f3c8d", "#e0457b", "#5b6770", "#117733")
"""Okabe and Ito's palette for colour-blind readers, extended and dark enough for text."""
FAR = 1.5
"""A reference that is further from the points than this many times their spread has no line."""
WIDE = 22
"""A legend with a longer name than this many letters has two columns below a panel instead of three."""
NARROWEST = 5.0
"""The least ratio of the ends of a log axis: at least two of 1, 2, 5, 10, … are on it, which are its readable ticks."""
MARGIN = 0.18
"""Space beside the points of a panel, as a share of their width."""
PLACES = (
    ("right", "bottom", 0, 7), ("left", "top", 2, -7), ("center", "bottom", 0, 8), ("left", "center", 9, 0),
    ("right", "center", -9, 0), ("center", "top", 0, -8), ("left", "bottom", 6, 6), ("left", "top", 6, -6),
    ("right", "top", -6, -6), ("center", "bottom", 0, 20), ("center", "top", 0, -20), ("left", "center", 22, 0),
)  # fmt: skip
"""Places of a name beside its point, the best first: alignment, and offset in points."""


def plot_pictures(results: Path, sections: Sequence[Section]) -> list[Picture]:
    """Return ``psnr_vs_macs_x2.png``, ``psnr_vs_latency_x2.png`` and the like, with a panel for every table.

    A table with fewer than two points has no panel.
    """
    panels: dict[tuple[Scale, str, Cost], list[tuple[Section, Table]]] = {}
    for section in sorted(sections, key=lambda s: s.scale):
        for table in section.tables:
            for cost in table.costs:
                if cost.axis and table.headline and len(points(table, table.headline, cost.name)) > 1:
                    score = table.headline.metric.partition("_")[0]
                    name = f"{score}_vs_{cost.name.partition('_')[0]}_x{section.scale}.png"
                    panels.setdefault((section.scale, name, cost), []).append((section, table))
    return [
        Picture(results / name, partial(_figure, own, cost.name, cost.axis)) for (_, name, cost), own in panels.items()
    ]


def points(table: Table, headline: Heading, cost: str) -> list[tuple[Line, float, float]]:
    """Return lines with cost and headline score, cheapest first. Bicubic interpolation is a level, not a point."""
    found = []
    for line in table.lines:
        price, score = line.costs[cost].mean, line.scores[headline].mean
        if price and score is not None and not line.reference:
            found.append((line, price, score))
    return sorted(found, key=lambda p: (p[1], p[2]))


def pareto_front(points: Iterable[tuple[T, float, float]], *, higher_is_better: bool) -> list[tuple[T, float, float]]:
    """Return the points, each with its cost and score, that no other beats in both, cheapest first."""
    sign = 1.0 if higher_is_better else -1.0
    front: list[tuple[T, float, float]] = []
    for point in sorted(points, key=lambda p: (p[1], -sign * p[2])):
        if not front or sign * point[2] > sign * front[-1][2]:
            front.append(point)
    return front


def _figure(panels: Sequence[tuple[Section, Table]], cost: str, label: str, path: Path) -> None:
    from matplotlib.lines import Line2D

    lines = [line for _, table in panels for line in table.lines if not line.reference]
    colours = _assign(((line.first.model.label or line.first.model.architecture) for line in lines), COLOURS)
    markers = _assign(sorted((_training(line) for line in lines), key=lambda t: t != "no teacher"), MARKERS)
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    with figure_at(path, 5.6 * columns + 0.4, 4.0 * rows + 0.9) as figure:
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, (section, table) in zip(axes, panels, strict=False):
            _panel(axis, section, table, cost, label, colours, markers)
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        handles = [
            Line2D(
                [],
                [],
                marker=m,
                color="none",
                markerfacecolor=FAINT,
                markeredgecolor="white",
                markersize=sized(8),
                label=t,
            )
            for t, m in markers.items()
        ]
        handles.append(Line2D([], [], color=FAINT, linewidth=1.4, label="Pareto front"))
        wide = max(len(str(handle.get_label())) for handle in handles) > WIDE
        beside = min(len(handles), (2 if wide else 3) * columns)
        figure.legend(handles=handles, loc="outside lower center", ncols=beside, frameon=False)
        figure.draw_without_rendering()  # settles the layout, which decides where names fit
        for axis, (_, table) in zip(axes, panels, strict=False):
            if table.headline:
                _label_methods(axis, points(table, table.headline, cost), colours)


def _panel(
    axis: Axes, section: Section, table: Table, cost: str, label: str, colours: dict[str, str], markers: dict[str, str]
) -> None:
    headline = table.headline
    if headline is None:
        return
    found = points(table, headline, cost)
    front = pareto_front(found, higher_is_better=headline.higher_is_better)
    axis.set_xscale("log")
    prices = [price for _, price, _ in found]
    if prices and (max(prices) / min(prices)) ** (1 + 2 * MARGIN) < NARROWEST:
        # Set first, as matplotlib sees no room between prices that differ by rounding alone.
        middle = (min(prices) * max(prices)) ** 0.5
        axis.set_xlim(middle / NARROWEST**0.5, middle * NARROWEST**0.5)
    axis.plot([p[1] for p in front], [p[2] for p in front], color=FAINT, linewidth=1.4, zorder=1)
    for line, price, score in found:
        name = line.first.model.label or line.first.model.architecture
        spread = line.scores[headline].spread
        if spread:
            axis.errorbar(price, score, yerr=spread, color=colours[name], linewidth=1.2, capsize=3, zorder=2)
        axis.plot(
            price, score, marker=markers[_training(line)], markersize=sized(8.5), color=colours[name],
            markeredgecolor="white", markeredgewidth=1.0, linestyle="none", zorder=3,
        )  # fmt: skip
    base = next((line for line in table.lines if line.reference), None)
    level = base.scores[headline].mean if base else None
    axis.margins(x=MARGIN, y=0.12)
    if base and level is not None:
        _reference(axis, f"{base.first.model.label} {level:.{headline.decimals}f}", level, found)
    _ticks(axis)
    title = f"{table.place(' · ')} x{section.scale} · {section.degradation_label}"
    axis.set_title("\n".join(textwrap.wrap(title, 60)), loc="left", fontsize=sized(10), fontweight="bold")
    lower = "" if headline.higher_is_better else " (lower is better)"
    axis.set_ylabel(f"{headline.label}{headline.bracketed_unit}{lower}, {section.protocol}")
    timing = f"\n{table.timings[0]}" if cost.startswith("latency") and len(table.timings) == 1 else ""
    axis.set_xlabel(label + timing)


def _reference(axis: Axes, text: str, level: float, found: Sequence[tuple[Line, float, float]]) -> None:
    """Draw the level of the reference, or write it at the edge if points would crowd together to show it."""
    scores = [score for _, _, score in found]
    least, most = min(scores), max(scores)
    far = max(least - level, level - most) > FAR * (most - least)
    place: Any = (1.0, (0.0 if level < least else 1.0) if far else level)
    below = level < least or not far
    axis.annotate(
        f"{text}, {'below' if level < least else 'above'}" if far else text, place,
        xycoords="axes fraction" if far else ("axes fraction", "data"), xytext=(-2, 3 if below else -3),
        textcoords="offset points", ha="right", va="bottom" if below else "top", color="#57606a", fontsize=sized(8),
    )  # fmt: skip
    if not far:
        axis.axhline(level, color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)


def _ticks(axis: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = axis.get_xlim()
    subdivisions = (1.0, 2.0, 5.0) if high / low < 300 else (1.0,)
    axis.xaxis.set_major_locator(LogLocator(subs=subdivisions, numticks=20))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _label_methods(axis: Axes, found: Sequence[tuple[Line, float, float]], colours: dict[str, str]) -> None:
    """Name every architecture once, beside its best point, where the name covers no point and no other name."""
    from matplotlib.transforms import Bbox

    def overlap(first: BboxBase, second: BboxBase) -> float:
        shared = Bbox.intersection(first, second)
        return shared.width * shared.height if shared else 0.0

    best: dict[str, tuple[float, float]] = {}
    for line, price, score in found:
        name = line.first.model.label or line.first.model.architecture
        if name not in best or score > best[name][1]:
            best[name] = (price, score)
    figure = axis.figure
    renderer: Any = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    at_points = axis.transData.transform([(price, score) for _, price, score in found])
    taken: list[BboxBase] = [Bbox([point, point]).padded(7.0 * figure.dpi / 100) for point in at_points]
    frame = axis.get_window_extent(renderer)
    for name, at in sorted(best.items(), key=lambda item: -item[1][1]):
        text = axis.annotate(
            name,
            at,
            xytext=(0, 0),
            textcoords="offset points",
            color=colours[name],
            fontsize=sized(9),
            fontweight="bold",
        )
        boxes: list[tuple[float, int, BboxBase]] = []
        for horizontal, vertical, x, y in PLACES:
            text.set(ha=horizontal, va=vertical, position=(x, y))
            box = text.get_window_extent(renderer)
            hidden = sum(overlap(box, other) for other in taken)
            outside = box.width * box.height - overlap(box, frame.padded(6))
            boxes.append((hidden + 2 * outside, len(boxes), box))
        _, choice, box_taken = min(boxes, key=lambda b: b[:2])
        horizontal, vertical, x, y = PLACES[choice]
        text.set(ha=horizontal, va=vertical, position=(x, y))
        taken.append(box_taken)


def _training(line: Line) -> str:
    """Return what the marker of a point says: its backend, its sampler or fit, or else how it was trained."""
    model = line.first.model
    if line.first.drawn:
        return drawing_title(line.first)
    if line.first.backend:
        return backend_title(line.first)
    return "no teacher" if model.distiller == "none" else distiller_title(model)


def _assign(names: Iterable[str], values: Sequence[str]) -> dict[str, str]:
    return {name: values[i % len(values)] for i, name in enumerate(dict.fromkeys(names))}
