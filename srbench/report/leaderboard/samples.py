"""Draw the samples of an image side by side, and where they differ: of networks that draw their sr."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from srbench.records.scores import ImageScores
from srbench.report.leaderboard.crops import Pixels, find_window, read_pixels
from srbench.report.leaderboard.kept_images import Kind, pictures_of
from srbench.report.leaderboard.tables import Line, Section
from srbench.report.pictures import FAINT, Picture, figure_at
from srbench.scales import Scale, lr_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 6
"""Most rows of a picture."""
SHOWN = 4
"""Most samples of an image that are drawn; the deviation is of all."""
SIDE = 128
"""Side of the window in pixels of hr, where the image is as large."""
TAIL = 99.5
"""Percentile at which the colours of a map end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One image of one method."""

    title: str
    lr: Pixels | None
    """Its window, as those of hr and the samples."""
    hr: Pixels
    samples: tuple[tuple[str, Pixels], ...]
    """Score in words, and the window, (H, W, 3)."""
    deviation: NDArray[np.float64]
    """(H, W): the standard deviation over all samples, the root of its mean square over colours, in [0, 1]."""


def sample_pictures(
    results: Path, records_folder: Path, sections: Sequence[Section]
) -> tuple[list[Picture], list[str]]:  # fmt: skip
    """Return ``samples_x4_bicubic.png`` and others, of methods whose records kept several samples of an image.

    See `pictures_of`.
    """
    kind = Kind(name="samples", noun="samples", rows=ROWS, files=_files, row=_row, draw=_draw)
    return pictures_of(kind, results, records_folder, sections)


def _files(image: ImageScores) -> list[str]:
    return [*image.sample_files, image.hr_file] if image.hr_file and len(image.sample_files) > 1 else []


def deviation(samples: Sequence[Pixels]) -> NDArray[np.float64]:
    """Return the standard deviation (H, W) of two or more samples (H, W, 3), the root mean square over colours."""
    values = np.stack(samples).astype(np.float64) / 255
    return np.asarray(np.sqrt(values.var(axis=0, ddof=1).mean(axis=2)))


def _row(folder: Path, line: Line, image: ImageScores, scale: Scale) -> Row:
    hr = read_pixels(folder / str(image.hr_file))
    samples = [read_pixels(folder / file) for file in image.sample_files]
    for file, sr in zip(image.sample_files, samples, strict=True):
        if sr.shape != hr.shape:
            raise ValueError(f"{file} is {sr.shape[1]}x{sr.shape[0]}, hr is {hr.shape[1]}x{hr.shape[0]}")
    step = scale if isinstance(scale, int) else 1
    side = min(SIDE, *hr.shape[:2]) // step * step
    if not side:
        raise ValueError(f"hr is {hr.shape[1]}x{hr.shape[0]}, smaller than a pixel of lr")
    top, left, _ = find_window(hr, samples, side, step)
    window = slice(top, top + side), slice(left, left + side)
    lr = None
    if image.lr_file:
        (first, start), (last, end) = (lr_size((top + n, left + n), scale) for n in (0, side))
        lr = read_pixels(folder / image.lr_file)[first:last, start:end]
    score = line.first.headline_score
    words = [_words(line, scores) for scores in image.samples] if score else []
    return Row(
        title=f"{line.title} · {line.first.dataset_label} {image.name} x{scale}",
        lr=lr,
        hr=hr[window],
        samples=tuple((text, sr[window]) for text, sr in zip(words, samples, strict=False))[:SHOWN],
        deviation=deviation([sr[window] for sr in samples]),
    )


def _words(line: Line, scores: dict[str, float | None]) -> str:
    """Return the score of a sample that ranks, in words."""
    headline = line.first.headline_score
    value = None if headline is None else scores.get(headline.metric)
    return "" if headline is None or value is None else f"{value:.{headline.decimals}f}"


def _draw(rows: Sequence[Row], path: Path) -> None:
    columns = max(len(row.samples) for row in rows) + 3
    with figure_at(path, 2.3 * columns, 2.75 * len(rows), dpi=110, grid=False) as figure:
        parts = figure.subfigures(len(rows), 1, squeeze=False).ravel()
        for part, row in zip(parts, rows, strict=True):
            part.suptitle(textwrap.shorten(row.title, 110), x=0.01, ha="left", fontsize=9, fontweight="bold")
            axes = part.subplots(1, columns, squeeze=False)[0]
            for axis in axes:
                axis.set_axis_off()
            tiles = [("LR", row.lr), *((f"sample {n}  {text}", sr) for n, (text, sr) in enumerate(row.samples))]
            for axis, (name, pixels) in zip(axes, tiles, strict=False):
                if pixels is not None:
                    axis.imshow(pixels, interpolation="nearest")
                    _name(axis, name)
            axes[-2].imshow(row.hr, interpolation="nearest")
            _name(axes[-2], "HR")
            drawn = axes[-1].imshow(row.deviation, cmap="magma", vmin=0.0, vmax=_end(row.deviation))
            _name(axes[-1], "sd of samples")
            part.colorbar(drawn, ax=axes[-1], shrink=0.8, pad=0.02)


def _end(values: NDArray[np.float64]) -> float:
    return max(float(np.percentile(values, TAIL)), 1 / 255)


def _name(axis: Axes, text: str) -> None:
    axis.set_title(text, fontsize=8.5, color=FAINT if text in {"LR", "HR"} else "black", loc="left")
