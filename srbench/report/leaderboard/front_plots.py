"""Plot how often a recogniser is right against the quality of the images that fronts feed it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.report.leaderboard.fronts import Comparison, Point, Study
from srbench.report.leaderboard.plots import COLOURS, MARKERS
from srbench.report.pictures import Picture, figure_at, sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def front_pictures(results: Path, studies: Sequence[Study]) -> list[Picture]:
    """Return ``fronts_digits_test_x4_cbam_medium.png`` and others: a panel for each score of what is fed."""
    paths = [(results / study.picture, study) for study in studies]
    return [Picture(path, partial(_draw, study)) for path, study in paths]


def _draw(study: Study, path: Path) -> None:
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(front for made in study.comparisons for front in made.fronts))
    looks = {name: (COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)]) for n, name in enumerate(names)}
    with figure_at(path, 3.6 * len(study.comparisons) + 1.8, 3.9) as figure:
        axes = figure.subplots(1, len(study.comparisons), squeeze=False, sharey=True)[0]
        for axis, made in zip(axes, study.comparisons, strict=True):
            _panel(axis, made, looks)
        axes[0].set_ylabel(f"{study.headline.label}{study.headline.bracketed_unit}")
        handles = [
            Line2D(
                [],
                [],
                color=colour,
                marker=marker,
                linestyle="",
                markeredgecolor="white",
                markersize=sized(8),
                label=name,
            )
            for name, (colour, marker) in looks.items()
        ]
        figure.legend(handles=handles, loc="outside right upper", frameon=False)
        figure.suptitle(
            f"{study.table.label} x{study.section.scale} · {study.section.degradation_label} · {study.recogniser}, "
            "trained on HR, behind fronts",
            x=0.01, ha="left", fontsize=sized(10), fontweight="bold",
        )  # fmt: skip


def _panel(axis: Axes, made: Comparison, looks: dict[str, tuple[str, str]]) -> None:
    for name, fed, answered in zip(made.fronts, made.fed, made.answered, strict=True):
        colour, marker = looks[name]
        axis.errorbar(
            fed.mean, answered.mean, xerr=_reach(fed), yerr=_reach(answered), color=colour, marker=marker,
            markersize=sized(8), markeredgecolor="white", elinewidth=1.0, capsize=2,
        )  # fmt: skip
    lower = "" if made.heading.higher_is_better else ", lower is better"
    axis.set_xlabel(f"{made.heading.label}{made.heading.bracketed_unit}{lower}")
    if made.correlation:
        pearson, spearman = made.correlation.pearson, made.correlation.spearman
        axis.set_title(f"r {pearson.value:.2f} · ρ {spearman.value:.2f}", loc="left", fontsize=sized(9))


def _reach(point: Point) -> list[list[float]] | None:
    if point.interval is None:
        return None
    low, high = point.interval
    return [[max(0.0, point.mean - low)], [max(0.0, high - point.mean)]]
