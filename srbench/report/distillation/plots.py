"""Forest plots: the gain of each distiller over plain training, with its interval, a panel for every dataset."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.report.distillation.gains import CONTROL, INHERITED, GainLine, GainTable
from srbench.report.distillation.page import figure_name, side_by_side, titled_lines
from srbench.report.formats import signed
from srbench.report.pairing import Gain
from srbench.report.pictures import FAINT, INK, Picture, figure_at, sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"better": "#0072b2", "worse": "#d55e00", "tie": FAINT}
MEANINGS = {"better": "better than plain training", "worse": "worse", "tie": "not significant"}
REACH = 4.0
"""Panels end at this many times the median size of a gain, or later; an arrow and a number mark what is beyond."""
LEAST_REACH = 0.05


def gain_pictures(results: Path, tables: Sequence[GainTable]) -> list[Picture]:
    """Return a picture for each student, recipe and scale."""
    paths = ((results / figure_name(group[0]), group) for group in side_by_side(tables))
    return [Picture(path, partial(_figure, group)) for path, group in paths]


def _ordered(group: Sequence[GainTable], lines: Sequence[Mapping[str, GainLine]]) -> list[str]:
    """Return the titles, the largest mean gain over the datasets first."""
    gains: dict[str, list[float]] = {}
    for table, own in zip(group, lines, strict=True):
        for title, line in own.items():
            if gain := line.over.get((CONTROL, table.headline)):
                gains.setdefault(title, []).append(gain.mean)
    return sorted(gains, key=lambda title: -statistics.fmean(gains[title]))


def _figure(group: Sequence[GainTable], path: Path) -> None:
    from matplotlib.lines import Line2D

    lines = titled_lines(group)
    titles = _ordered(group, lines)
    first = group[0]
    with figure_at(path, max(3.4 * len(group) + 2.2, 7.0), 0.26 * len(titles) + 1.9) as figure:
        axes = figure.subplots(1, len(group), squeeze=False, sharey=True)[0]
        for axis, table, own in zip(axes, group, lines, strict=True):
            _panel(axis, table, [own.get(title) for title in titles])
        axes[0].set_yticks(range(len(titles)), titles)
        axes[0].set_ylim(len(titles) - 0.4, -0.6)
        handles = [
            Line2D([], [], marker="o", color=COLOURS[verdict], label=meaning, linewidth=1.6)
            for verdict, meaning in MEANINGS.items()
        ]
        if any(line.model.distiller == INHERITED for table in group for line in table.lines):
            handles.append(
                Line2D([], [], color=INK, linestyle=(0, (4, 3)), linewidth=1.2, label=first.name_of(INHERITED))
            )
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
        model, section = first.control.model, first.section
        trained = "" if model.train_degradation == section.degradation else f" · trained on {model.train_degradation}"
        figure.suptitle(
            f"{model.label} x{section.scale} · {section.degradation_label}{trained} · {model.recipe}",
            x=0.01, ha="left", fontsize=sized(10.5), fontweight="bold",
        )  # fmt: skip


def _reach(gains: Sequence[Gain]) -> float:
    """Return how far a panel extends to either side: far enough for most gains and most intervals."""
    if not gains:
        return LEAST_REACH
    ends = sorted(max(-gain.low, gain.high) for gain in gains)
    return max(REACH * statistics.median(abs(gain.mean) for gain in gains), ends[3 * len(ends) // 4], LEAST_REACH)


def _panel(axis: Axes, table: GainTable, lines: Sequence[GainLine | None]) -> None:
    usual = (CONTROL, table.headline)
    rows = [(row, gain) for row, line in enumerate(lines) if line and (gain := line.over.get(usual))]
    reach = _reach([gain for _, gain in rows])
    low = max(min([gain.low for _, gain in rows] + [0.0]), -reach) - 0.06 * reach
    high = min(max([gain.high for _, gain in rows] + [0.0]), reach) + 0.06 * reach
    axis.set_xlim(low, high)
    axis.axvline(0, color=INK, linewidth=1.0)
    inherited = [gain for line in table.lines if line.model.distiller == INHERITED and (gain := line.over.get(usual))]
    if inherited:
        axis.axvline(inherited[0].mean, color=INK, linestyle=(0, (4, 3)), linewidth=1.0)
    for row, gain in rows:
        colour = COLOURS[gain.verdict]
        axis.plot(
            [max(gain.low, low), min(gain.high, high)], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt"
        )
        if low <= gain.mean <= high:
            axis.plot(gain.mean, row, marker="o", markersize=sized(5.5), color=colour, markeredgecolor="white")
            continue
        beyond = gain.mean < low
        edge, side = (low + 0.02 * (high - low), "left") if beyond else (high - 0.02 * (high - low), "right")
        axis.plot(edge, row, marker="<" if beyond else ">", markersize=sized(6), color=colour)
        axis.annotate(
            signed(gain.mean, 2), (edge, row), xytext=(8 if beyond else -8, 0), textcoords="offset points",
            ha=side, va="center", fontsize=sized(7.5), color=colour,
            bbox={"facecolor": axis.get_facecolor(), "edgecolor": "none", "pad": 1},  # clear of its own interval
        )  # fmt: skip
    axis.tick_params(axis="y", length=0)
    axis.set_title(table.table.place(" · "), loc="left", fontsize=sized(10))
    axis.set_xlabel(f"gain in {table.headline.label}{table.headline.bracketed_unit}")
