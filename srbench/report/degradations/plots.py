"""Heat maps of scores by training and test degradation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from srbench.report.degradations.matrix import Crossing
from srbench.report.degradations.page import figure_name
from srbench.report.leaderboard.plots import INK, STYLE, save
from srbench.report.pictures import Picture

REACH = 4.0
"""Colours end at so many dB (or hundredths, of metrics without a unit) behind the best of a column."""


def crossing_pictures(results: Path, crossings: Sequence[Crossing]) -> list[Picture]:
    """A heat map for each matrix."""
    paths = ((results / figure_name(crossing), crossing) for crossing in crossings)
    return [Picture(path, partial(_figure, path, crossing)) for path, crossing in paths]


def _figure(path: Path, crossing: Crossing) -> None:
    import numpy as np
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    tests, rows = crossing.tests, crossing.rows
    scores = np.full((len(rows), len(tests)), np.nan)
    for r, row in enumerate(rows):
        for t, test in enumerate(tests):
            value = row.scores.get(test)
            scores[r, t] = np.nan if value is None or value.mean is None else value.mean
    head = tests[0].headline
    signs = 1.0 if head.higher_is_better else -1.0
    empty = np.isnan(scores)
    behind = np.where(empty, -np.inf, signs * scores)
    behind = np.where(empty, np.nan, behind - behind.max(axis=0, keepdims=True))
    reach = REACH if head.unit else REACH / 100
    with rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(1.5 * len(tests) + 5.4, 0.3 * len(rows) + 1.9), layout="constrained")
        FigureCanvasAgg(figure)
        axis = figure.subplots()
        image = axis.imshow(behind, cmap="cividis", vmin=-reach, vmax=0.0, aspect="auto")
        for r, row in enumerate(rows):
            for t, test in enumerate(tests):
                if empty[r, t]:
                    axis.text(t, r, "—", ha="center", va="center", color=INK)
                    continue
                dark = behind[r, t] < -0.45 * reach
                axis.text(
                    t, r, f"{scores[r, t]:.{head.decimals}f}", ha="center", va="center",
                    color="white" if dark else INK, fontweight="bold" if behind[r, t] == 0 else "normal",
                )  # fmt: skip
                if row.is_own(test):
                    box = Rectangle((t - 0.47, r - 0.44), 0.94, 0.88, fill=False, edgecolor="#d55e00", linewidth=1.8)
                    axis.add_patch(box)
        names = [row.method + (f" · {row.train_degradation}" if row.train_degradation else "") for row in rows]
        axis.set_yticks(range(len(rows)), names)
        axis.set_xticks(range(len(tests)), [test.label.replace(" + ", "\n+ ") for test in tests])
        axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axis.spines[:].set_visible(False)
        unit = f" [{head.unit}]" if head.unit else ""
        bar = figure.colorbar(image, ax=axis, pad=0.02, shrink=0.9)
        bar.outline.set_visible(False)
        bar.set_label(f"behind the best of the column{unit}")
        figure.suptitle(
            f"{crossing.table.label} x{crossing.section.scale} · {head.label}{unit} · method · trained on (rows), "
            "tested on (columns), framed at home",
            x=0.01, ha="left", fontsize=10, fontweight="bold",
        )  # fmt: skip
        save(figure, path)
