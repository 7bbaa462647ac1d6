"""Heat maps of scores by training and test degradation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from srbench.report.degradations.matrix import Matrix
from srbench.report.degradations.page import heat_map_name
from srbench.report.pictures import INK, Picture, figure_at, sized

REACH = 4.0
"""Colours end this many dB (or hundredths, for metrics without a unit) behind the best of a column."""


def matrix_pictures(results: Path, matrices: Sequence[Matrix]) -> list[Picture]:
    """Return a heat map for each matrix."""
    paths = ((results / heat_map_name(matrix), matrix) for matrix in matrices)
    return [Picture(path, partial(_figure, matrix)) for path, matrix in paths]


def _figure(matrix: Matrix, path: Path) -> None:
    import numpy as np
    from matplotlib.patches import Rectangle

    columns, rows = matrix.columns, matrix.rows
    scores = np.full((len(rows), len(columns)), np.nan)
    for r, row in enumerate(rows):
        for c, column in enumerate(columns):
            value = row.scores.get(column)
            scores[r, c] = np.nan if value is None or value.mean is None else value.mean
    head = columns[0].headline
    empty = np.isnan(scores)
    behind = np.where(empty, -np.inf, head.sign * scores)
    behind = np.where(empty, np.nan, behind - behind.max(axis=0, keepdims=True))
    reach = REACH if head.unit else REACH / 100
    with figure_at(path, 1.5 * len(columns) + 5.4, 0.3 * len(rows) + 1.9, grid=False) as figure:
        axis = figure.subplots()
        edges = (np.arange(len(columns) + 1) - 0.5, np.arange(len(rows) + 1) - 0.5)
        image = axis.pcolormesh(
            *edges, behind, cmap="cividis", vmin=-reach, vmax=0.0
        )  # imshow would put a bitmap into vector files
        axis.set_ylim(len(rows) - 0.5, -0.5)
        for r, row in enumerate(rows):
            for c, column in enumerate(columns):
                if empty[r, c]:
                    axis.text(c, r, "—", ha="center", va="center", color=INK)
                    continue
                dark = behind[r, c] < -0.45 * reach
                axis.text(
                    c, r, f"{scores[r, c]:.{head.decimals}f}", ha="center", va="center",
                    color="white" if dark else INK, fontweight="bold" if behind[r, c] == 0 else "normal",
                )  # fmt: skip
                if row.in_domain(column):
                    box = Rectangle((c - 0.47, r - 0.44), 0.94, 0.88, fill=False, edgecolor="#d55e00", linewidth=1.8)
                    axis.add_patch(box)
        names = [row.method + (f" · {row.trained_on}" if row.trained_on else "") for row in rows]
        axis.set_yticks(range(len(rows)), names)
        axis.set_xticks(range(len(columns)), [column.label.replace(" + ", "\n+ ") for column in columns])
        axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        axis.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=axis, pad=0.02, shrink=0.9)
        bar.outline.set_visible(False)
        bar.set_label(f"behind the best of the column{head.bracketed_unit}")
        figure.suptitle(
            f"{matrix.table.label} x{matrix.section.scale} · {head.label}{head.bracketed_unit} · "
            "rows: method · training degradation; columns: test degradation; framed: in-domain",
            x=0.01, ha="left", fontsize=sized(10), fontweight="bold",
        )  # fmt: skip
