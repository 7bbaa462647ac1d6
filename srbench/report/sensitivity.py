"""The loss of each layer of a network in 8-bit integers, as ``sensitivity.csv`` and ``sensitivity.png``.

``write_sensitivity(rows, folder, title)`` takes the rows of `srbench.deploying.sensitivity.sensitivity`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from srbench.deploying.sensitivity import LayerError
from srbench.report.formats import write_csv
from srbench.report.leaderboard.plots import COLOURS
from srbench.report.pictures import FigureFormat, Picture, draw_pictures, figure_at, sized

NAME = "sensitivity"
HEADER = ("layer", "weight", "psnr_db")
_LONGEST_LABEL = 40


def write_sensitivity(
    rows: Sequence[LayerError], folder: Path, title: str, kinds: Sequence[FigureFormat] = ("png",)
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write the table and the picture, the most sensitive layer first.

    Args:
        rows: The layers in their order.
        folder: Where to write; made if it is missing.
        title: What the picture is called: the network, its scale and the quantisation.
        kinds: The formats of the picture.

    Returns:
        The files that were written, and sentences about pictures that could not be drawn here.

    Raises:
        StoreError: The folder cannot be written.
    """
    table = folder / f"{NAME}.csv"
    write_csv(table, HEADER, (dict(zip(HEADER, (row.layer, row.weight, row.psnr), strict=True)) for row in rows))
    drawn, left = draw_pictures([Picture(folder / f"{NAME}.png", partial(_draw, rows, title))], kinds)
    return (table, *sorted(drawn)), tuple(left)


def _draw(rows: Sequence[LayerError], title: str, path: Path) -> None:
    shown = [row for row in rows if math.isfinite(row.psnr)]
    exact = len(rows) - len(shown)
    with figure_at(path, 6.4, 1.4 + 0.24 * max(len(shown), 1)) as figure:
        axis = figure.subplots()
        places = range(len(shown))
        axis.barh(places, [row.psnr for row in shown], height=0.7, color=COLOURS[0])
        axis.set_yticks(places, [_label(row) for row in shown])
        axis.invert_yaxis()
        axis.grid(visible=False, axis="y")
        for place, row in zip(places, shown, strict=True):
            axis.annotate(
                f"{row.psnr:.1f}", (row.psnr, place), xytext=(-3, 0), textcoords="offset points", ha="right",
                va="center", color="white", fontsize=sized(8),
            )  # fmt: skip
        lossless = f"; {exact} more without any loss" if exact else ""
        axis.set_xlabel(f"PSNR (dB) against floating point if this layer alone is quantised{lossless}")
        figure.suptitle(title, x=0.01, ha="left", fontsize=sized(10), fontweight="bold")


def _label(row: LayerError) -> str:
    name = row.weight.removeprefix("module.").removesuffix(".weight")
    return name if len(name) <= _LONGEST_LABEL else f"…{name[1 - _LONGEST_LABEL :]}"
