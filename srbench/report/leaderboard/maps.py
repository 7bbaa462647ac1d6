"""Draw networks' maps of their uncertainty beside the errors that they made."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from srbench.errors import DataError
from srbench.measuring.kept_maps import read_map
from srbench.records.scores import ImageScores
from srbench.report.leaderboard.crops import Pixels, read_pixels
from srbench.report.leaderboard.kept_images import Kind, pictures_of
from srbench.report.leaderboard.tables import Line, Section
from srbench.report.pictures import FAINT, INK, Picture, figure_at
from srbench.scales import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]
ROWS = 4
"""Most rows of a picture."""
SCORES = ("error_correlation", "ause", "ence")
POINTS = 200
"""Points of a curve."""
TAIL = 99.5
"""Percentile at which the colours of a map end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One image of one method."""

    title: str
    scores: str
    sr: Pixels
    errors: Numbers
    """(H, W): the mean absolute error of the channels, in [0, 1]."""
    spread: Numbers
    """(H, W): the map."""


def map_pictures(results: Path, records_folder: Path, sections: Sequence[Section]) -> tuple[list[Picture], list[str]]:
    """Return ``uncertainty_x2_bicubic.png`` and others, of methods whose records kept maps; see `pictures_of`."""
    kind = Kind(name="uncertainty", noun="map", rows=ROWS, files=_files, row=_row, draw=_draw)
    return pictures_of(kind, results, records_folder, sections)


def _files(image: ImageScores) -> list[str]:
    return [file for file in (image.sr_file, image.hr_file, image.map_file) if file] if image.map_file else []


def _row(folder: Path, line: Line, image: ImageScores, scale: Scale) -> Row:
    if image.sr_file is None or image.hr_file is None or image.map_file is None:
        raise DataError("its record has no image beside the map")
    sr, hr, spread = (
        read_pixels(folder / image.sr_file),
        read_pixels(folder / image.hr_file),
        read_map(folder / image.map_file),
    )
    if not sr.shape[:2] == hr.shape[:2] == spread.shape:
        raise DataError(f"{image.map_file} is {spread.shape}, sr is {sr.shape[:2]} and hr {hr.shape[:2]}")
    found = line.first.scores
    scores = [(found[name], image.scores.get(name)) for name in SCORES if name in found]
    return Row(
        title=f"{line.title} · {line.first.dataset_label} {image.name} x{scale}",
        scores="\n".join(f"{score.metric} {value:.3f}" for score, value in scores if value is not None),
        sr=sr,
        errors=np.abs(sr.astype(np.float64) - hr).mean(axis=2) / 255,
        spread=spread,
    )


def curves(errors: Numbers, spread: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return the shares of values removed, and the sparsification curves of the map and of the oracle, (points,) each.

    Raises:
        UnavailableError: There are no errors.
    """
    import torch

    from srbench.measuring.metrics.calibration import sparsification

    flat, known = (torch.from_numpy(np.ascontiguousarray(values)).flatten() for values in (errors, spread))
    at = np.unique(np.linspace(0, len(flat) - 1, POINTS).round().astype(np.int64))
    own, oracle = (sparsification(flat, by).numpy()[at] for by in (known, flat))
    return at / len(flat), own, oracle


def _draw(rows: Sequence[Row], path: Path) -> None:
    with figure_at(path, 12.0, 3.1 * len(rows), dpi=110, grid=False) as figure:
        axes = figure.subplots(len(rows), 4, squeeze=False)
        for across, row in zip(axes, rows, strict=True):
            across[0].imshow(row.sr)
            across[0].set_title("\n".join(textwrap.wrap(row.title, 44)), loc="left", fontsize=8.5, fontweight="bold")
            _map(figure, across[1], row.errors, "absolute error")
            _map(figure, across[2], row.spread, "uncertainty")
            for axis in across[:3]:
                axis.set_xticks([])
                axis.set_yticks([])
            _curve(across[3], row)


def _map(figure: Figure, axis: Axes, values: Numbers, title: str) -> None:
    drawn = axis.imshow(values, cmap="magma", vmin=0.0 if values.min() >= 0 else None, vmax=np.percentile(values, TAIL))
    axis.set_title(title, loc="left", fontsize=8.5)
    figure.colorbar(drawn, ax=axis, shrink=0.8, pad=0.02)


def _curve(axis: Axes, row: Row) -> None:
    from srbench.errors import UnavailableError

    axis.set_title("error of the rest, least certain removed", loc="left", fontsize=8.5)
    axis.set_xlabel("share removed")
    axis.text(0.97, 0.97, row.scores, transform=axis.transAxes, ha="right", va="top", fontsize=8, color=INK)
    try:
        share, own, oracle = curves(row.errors, row.spread)
    except UnavailableError as error:
        axis.text(0.03, 0.5, str(error), transform=axis.transAxes, fontsize=8, color=INK, wrap=True)
        return
    axis.plot(share, own, color="#0969da", label="by the map")
    axis.plot(share, oracle, color=FAINT, linestyle="--", label="by the error")
    axis.set_ylim(0, None)
    axis.legend(loc="lower left", frameon=False, fontsize=8)
