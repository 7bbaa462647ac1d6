"""Draw score against cost: all networks of a search, and beside them those that were trained in earnest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srbench.report.leaderboard.plots import COLOURS, pareto_front
from srbench.report.pictures import FAINT, Picture, figure_at
from srbench.searching.costs import LABELS
from srbench.searching.found import Final, Findings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "search.png"
BLUE, ORANGE = COLOURS[:2]
BESIDE: dict[str, Any] = {"textcoords": "offset points", "color": ORANGE, "fontsize": 9}


def picture_of(findings: Findings, results: Path) -> Picture:
    """Return the picture of a search."""
    return Picture(results / NAME, partial(_draw, findings))


def _draw(findings: Findings, path: Path) -> None:
    space, cost = findings.space, findings.space.search.cost
    tried = [(one, one.costs.of(cost), one.score) for one in findings.tried if one.costs and one.score is not None]
    finals = [(one, one.costs.of(cost), one.score) for one in findings.finals if one.costs and one.score is not None]
    with figure_at(path, 11.6, 4.6) as figure:
        left, right = figure.subplots(1, 2)
        chosen = {one.name for one in findings.found}
        for one, price, score in tried:
            left.plot(price, score, "o", color=BLUE if one.name in chosen else FAINT, markersize=6, zorder=3)
        _front(left, tried, higher_is_better=space.higher_is_better)
        left.set_title(
            f"in the search, on {space.search.dataset} (blue: trained in earnest)",
            loc="left",
            fontsize=10,
            fontweight="bold",
        )
        for final, price, score in finals:
            reference = final.expected is None
            right.plot(price, score, "D" if reference else "o", color=ORANGE if reference else BLUE, zorder=3)
            if reference:
                right.annotate(final.label, (price, score), xytext=(-6, -4), ha="right", **BESIDE)
        for final in findings.finals:
            if final.costs is None and final.score is not None:  # a fixed operator is a level, not a point
                right.axhline(final.score, color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
                right.annotate(
                    final.label, (0, final.score), xycoords=("axes fraction", "data"), xytext=(4, 3), **BESIDE
                )
        _front(right, finals, higher_is_better=space.higher_is_better)
        right.set_title(
            f"after the final training, on {space.grid.datasets[0]}", loc="left", fontsize=10, fontweight="bold"
        )
        for axis in (left, right):
            axis.set_xlabel(LABELS[cost])
            axis.set_ylabel(f"{findings.metric_label}{findings.bracketed_unit} x{space.scale}")


def _front(axis: Axes, points: Sequence[tuple[Any, float, float]], *, higher_is_better: bool) -> None:
    front: list[tuple[Final, float, float]] = pareto_front(points, higher_is_better=higher_is_better)
    axis.plot([p[1] for p in front], [p[2] for p in front], color=FAINT, linewidth=1.4, zorder=1)
