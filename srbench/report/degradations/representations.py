"""Draw networks' representations of the degradations of test images, projected on two axes.

A point is an image under one test degradation, coloured by the width of the kernel that blurred it. It shows the
difference from the mean over all degradations of the same image, since the content of images may weigh far more. If a
network has learnt to distinguish blurs, colours come in order. R² is the share of the widths' variance that a plane
over the two axes explains, and in brackets that of a plane over the axes of the representations as they are.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from srbench.records.record import Record
from srbench.report.degradations.matrix import Matrix, MatrixRow
from srbench.report.degradations.page import representation_name
from srbench.report.leaderboard.tables import Line
from srbench.report.pictures import Picture, figure_at, sized

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

Numbers = NDArray[np.float64]
ACROSS = 4
"""Panels in a row."""
MARKERS = "osD^vPX*"
"""One for each test degradation."""
DAMAGES = (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error)
"""Exceptions from reading a missing or damaged file."""


class Points(NamedTuple):
    """The representations of the test images by one network."""

    projected: Numbers
    """(n, 2), on the two axes along which they differ most from the means of their images."""
    widths: Numbers
    """(n,) of the kernels, px of hr: the root of the mean of both variances."""
    tests: NDArray[np.int64]
    """(n,) numbers of the test degradations."""
    explained: float
    """R² of the widths minus the means of their images, by the two axes; 0 if all widths are equal."""
    explained_with_images: float
    """R² of the widths by the two axes along which vectors differ most if no mean is subtracted."""


def representation_pictures(results: Path, folder: Path, matrices: Sequence[Matrix]) -> list[Picture]:
    """Return a picture for each matrix whose networks have representations in the folder of the records.

    A picture that exists is left as it is if any of its files of representations is missing.
    """
    pictures = []
    for matrix in matrices:
        path = results / representation_name(matrix)
        if path.is_file() and not all((folder / file).is_file() for file in _files(matrix)):
            pictures.append(Picture(path, None))
            continue
        panels = [(row, found) for row in matrix.trained if (found := points(row, matrix, folder))]
        if panels:
            pictures.append(Picture(path, partial(_figure, matrix, panels)))
    return pictures


def _files(matrix: Matrix) -> list[str]:
    """Return the files below the records folder that the picture of a matrix shows."""
    lines = (line for row in matrix.trained for line in row.lines.values())
    return [record.representation_file for line in lines for record in _first_seed(line) if record.representation_file]


def points(row: MatrixRow, matrix: Matrix, folder: Path) -> Points | None:
    """Return the projected representations of a row's first seed; None without any, or without widths of kernels."""
    kept: list[_Kept] = []
    tests: list[int] = []
    for number, column in enumerate(matrix.columns):
        for some in _kept(row.lines[column], folder) if column in row.lines else ():
            kept.append(some)
            tests += [number] * len(some.widths)
    if len(tests) < 3:
        return None
    images, vectors, widths = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    projected = principal(beside_means(vectors, images))
    within = explained(beside_means(widths[:, None], images)[:, 0], projected)
    return Points(projected, widths, np.array(tests), within, explained(widths, principal(vectors)))


class _Kept(NamedTuple):
    """The kept representations of n images."""

    images: NDArray[np.str_]
    vectors: Numbers
    widths: Numbers


def _first_seed(line: Line) -> list[Record]:
    return [record for record in line.records if record.model.seed == line.first.model.seed]


def _kept(line: Line, folder: Path) -> list[_Kept]:
    """Return the representations that each record of the first seed kept."""
    found = []
    for record in _first_seed(line):
        if record.representation_file is None:
            continue
        try:
            with (folder / record.representation_file).open("rb") as opened, np.load(opened) as file:
                images, names, vectors = file["images"], list(file["names"]), file["vectors"]
                conditions = file["conditions"]
        except DAMAGES:  # the picture is drawn without it
            continue
        if {"blur_xx", "blur_yy"} <= set(names):
            variances = conditions[:, names.index("blur_xx")] + conditions[:, names.index("blur_yy")]
            found.append(_Kept(images, vectors.astype(np.float64), np.sqrt(variances / 2)))
    return found


def beside_means(vectors: Numbers, images: NDArray[np.str_]) -> Numbers:
    """Return vectors (n, d) minus the mean of those of the same image (n,); unchanged if every image occurs once."""
    names, which, counts = np.unique(images, return_inverse=True, return_counts=True)
    if len(names) == len(images):
        return vectors
    sums = np.zeros((len(names), vectors.shape[1]))
    np.add.at(sums, which, vectors)
    return vectors - (sums / counts[:, None])[which]


def principal(vectors: Numbers) -> Numbers:
    """Project vectors (n, d) on the two axes along which they vary most, (n, 2)."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    projected: Numbers = centred @ axes[:2].T
    return np.pad(projected, ((0, 0), (0, 2 - projected.shape[1])))


def explained(values: Numbers, by: Numbers) -> float:
    """Return R² of the linear regression of values (n,) by (n, k); 0 if the values do not vary."""
    spread = float(((values - values.mean()) ** 2).sum())
    if spread <= 1e-12:
        return 0.0
    design = np.column_stack((np.ones(len(values)), by))
    fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return 1.0 - float(((values - fitted) ** 2).sum()) / spread


def _figure(matrix: Matrix, panels: Sequence[tuple[MatrixRow, Points]], path: Path) -> None:
    from matplotlib.lines import Line2D

    across = min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    widest = max(float(found.widths.max()) for _, found in panels)
    with figure_at(path, max(2.7 * across, 6.5) + 0.9, 2.7 * down + 1.1) as figure:
        axes = figure.subplots(down, across, squeeze=False)
        for axis, (row, found) in zip(axes.flat, panels, strict=False):
            drawn = _panel(axis, row, found, widest)
        for axis in list(axes.flat)[len(panels) :]:
            axis.set_axis_off()
        figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.02, label="width of the kernel [px of hr]")
        seen = sorted({int(number) for _, found in panels for number in found.tests})
        handles = [
            Line2D(
                [], [], marker=MARKERS[n % len(MARKERS)], color="#57606a", linestyle="", label=matrix.columns[n].label
            )
            for n in seen
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
        figure.suptitle(
            f"{matrix.table.label} x{matrix.section.scale} · representations minus their image's mean, on two axes",
            x=0.01, ha="left", fontsize=sized(10.5), fontweight="bold",
        )  # fmt: skip


def _panel(axis: Axes, row: MatrixRow, found: Points, widest: float) -> PathCollection:
    drawn = None
    for number in np.unique(found.tests):
        chosen = found.tests == number
        across, up = found.projected[chosen].T
        drawn = axis.scatter(
            across, up, c=found.widths[chosen], vmin=0.0, vmax=widest, cmap="viridis", s=20,
            marker=MARKERS[number % len(MARKERS)], linewidths=0.2, edgecolors="white",
        )  # fmt: skip
    says = f"R² {found.explained:.2f} ({found.explained_with_images:.2f} with images)"
    axis.set_title(f"{row.method}\non {row.trained_on}\n{says}", loc="left", fontsize=sized(8))
    axis.set_xticks([])
    axis.set_yticks([])
    if drawn is None:
        raise ValueError("a panel without points")
    return drawn
