"""Draw sheets of crops: the places where methods differ most, side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srbench.records.record import Record
from srbench.records.scores import ImageScores
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.pictures import FAINT, INK, Picture, figure_at
from srbench.scales import Scale, lr_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

Pixels = NDArray[np.uint8]
IMAGES_SHOWN = 3
METHODS_SHOWN = 6
"""Bicubic interpolation and the best others; with lr and hr they fill two rows of four."""
BOX = "#ffd33d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One image from several methods."""

    title: str
    lr: Pixels | None
    hr: Pixels
    """(H, W, 3) uint8."""
    methods: tuple[tuple[str, str, Pixels], ...]
    """Title, score in words, and sr, (H, W, 3) uint8."""
    best: int
    """The index of the method with the best score."""
    scale: Scale
    box: tuple[int, int, int]
    """Top, left and side of the window in hr pixels."""
    contrast: float
    """The mean variance between the methods in the window."""


def crop_pictures(results: Path, records_folder: Path, sections: Sequence[Section]) -> tuple[list[Picture], list[str]]:
    """Return ``crops_x2_bicubic.png`` and others, made of the sr images that the records of two or more methods kept.

    A sheet that exists is left as it is if any of its images is missing. Returns also a sentence for every image that
    could not be read. Image files are relative to the folder of the records.
    """
    pictures: list[Picture] = []
    warnings: list[str] = []
    groups: dict[tuple[Scale, str], list[Table]] = {}
    for section in sections:
        groups.setdefault((section.scale, section.file_stem), []).extend(section.tables)
    for (scale, stem), tables in groups.items():
        path = results / f"crops_{stem}.png"
        if path.is_file() and not all((records_folder / file).is_file() for t in tables for file in _files(t)):
            pictures.append(Picture(path, None))
            continue
        scenes: dict[str, Scene] = {}
        for table in tables:
            for scene in _scenes(records_folder, table, scale, warnings):
                scenes.setdefault(scene.title, scene)  # another protocol measured the same images
        chosen = sorted(scenes.values(), key=lambda s: -s.contrast)[:IMAGES_SHOWN]
        if chosen:
            pictures.append(Picture(path, partial(_sheet, chosen), image=True))
    return pictures, list(dict.fromkeys(warnings))


def find_window(hr: Pixels, methods: Sequence[Pixels], side: int, step: int) -> tuple[int, int, float]:
    """Find the square in which luma errors vary most between methods.

    Args:
        hr: (H, W, 3).
        methods: Two or more sr images of the same size.
        side: Side of the square, at most that of the image.
        step: Top and left are multiples of it, so that lr can be cropped at the same place: a whole scale, else 1.

    Returns:
        Top, left, and the mean variance in the square.
    """
    from scipy.ndimage import uniform_filter

    truth = luma(hr)
    errors = np.stack([luma(sr) - truth for sr in methods])
    spread = uniform_filter(errors.var(axis=0), side, mode="constant")
    half = side // 2
    rows = range(0, spread.shape[0] - side + 1, step)
    columns = range(0, spread.shape[1] - side + 1, step)
    centres = spread[np.ix_([r + half for r in rows], [c + half for c in columns])]
    top, left = np.unravel_index(int(centres.argmax()), centres.shape)
    return rows[int(top)], columns[int(left)], float(centres.max())


def luma(image: Pixels) -> NDArray[np.float64]:
    """Return BT.601 luma, (H, W), of (H, W, 3) uint8; unlike that of `srbench.imaging`, in full range."""
    return np.asarray(image.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def _shown(table: Table) -> list[Line]:
    """Return the methods on a sheet, from worse to better; none if fewer than two kept images."""
    kept = [line for line in table.lines if any(i.sr_file for i in line.first.images)] if table.headline else []
    best = [line for line in kept if not line.reference][: METHODS_SHOWN - 1]
    shown = [line for line in kept if line.reference] + best[::-1]
    return shown if len(shown) > 1 else []


def _files(table: Table) -> list[str]:
    """Return the files below the records folder that the scenes of a table show."""
    images = (image for line in _shown(table) for image in line.first.images)
    return [file for i in images for file in (i.sr_file, i.hr_file, i.lr_file) if file]


def _scenes(folder: Path, table: Table, scale: Scale, warnings: list[str]) -> list[Scene]:
    shown = _shown(table)
    scenes = []
    for image in dict.fromkeys(i.name for line in shown[:1] for i in line.first.images if i.sr_file):
        try:
            scene = _scene(folder, table, shown, image, scale)
        except (OSError, ValueError) as error:
            warnings.append(f"No crops of {image} x{scale}: {error}.")
            continue
        if scene:
            scenes.append(scene)
    return scenes


def _image(record: Record, name: str) -> ImageScores | None:
    return next((image for image in record.images if image.name == name), None)


def _scene(folder: Path, table: Table, lines: Sequence[Line], image: str, scale: Scale) -> Scene | None:
    methods, scores = [], []
    hr = lr = None
    headline = table.headline
    for line in lines:
        own = _image(line.first, image)
        if own is None or own.sr_file is None or own.hr_file is None or headline is None:
            continue
        hr = read_pixels(folder / own.hr_file) if hr is None else hr
        lr = read_pixels(folder / own.lr_file) if lr is None and own.lr_file else lr
        value = own.scores.get(headline.metric)
        text = "" if value is None else f"{value:.{headline.decimals}f} {headline.unit}".rstrip()
        sr = read_pixels(folder / own.sr_file)
        if sr.shape != hr.shape:
            raise ValueError(f"{own.sr_file} is {sr.shape[1]}x{sr.shape[0]}, hr is {hr.shape[1]}x{hr.shape[0]}")
        methods.append((line.title, text, sr))
        scores.append(value)
    if hr is None or len(methods) < 2 or headline is None:
        return None
    step = scale if isinstance(scale, int) else 1
    side = min(max(48, min(hr.shape[:2]) // 7), 96, *hr.shape[:2]) // step * step
    if side == 0:
        return None
    top, left, contrast = find_window(hr, [m[2] for m in methods], side, step)
    sign = 1 if headline.higher_is_better else -1
    ranked = [-np.inf if s is None else sign * s for s in scores]
    return Scene(
        title=f"{table.label} · {image}",
        lr=lr,
        hr=hr,
        methods=tuple(methods),
        best=int(np.argmax(ranked)),
        scale=scale,
        box=(top, left, side),
        contrast=contrast,
    )


def read_pixels(path: Path) -> Pixels:
    """Return an image file as (H, W, 3) uint8."""
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _sheet(scenes: Sequence[Scene], path: Path) -> None:
    columns = max(-(-(len(s.methods) + 2) // 2) for s in scenes)
    with figure_at(path, 4.3 + 2.05 * columns, 4.9 * len(scenes), dpi=110, grid=False) as figure:
        parts = figure.subfigures(len(scenes), 1, squeeze=False).ravel()
        for part, scene in zip(parts, scenes, strict=True):
            _draw_scene(part, scene, columns)


def _draw_scene(part: SubFigure, scene: Scene, columns: int) -> None:
    from matplotlib.patches import Rectangle

    top, left, side = scene.box
    grid = part.add_gridspec(2, columns + 2, width_ratios=[1.0, 1.0] + [1.0] * columns)
    whole = part.add_subplot(grid[:, :2])
    whole.imshow(_context(scene.hr, top, left, side)[0])
    y, x = _context(scene.hr, top, left, side)[1]
    for colour, width in (("black", 4.0), (BOX, 2.0)):
        whole.add_patch(Rectangle((x - 0.5, y - 0.5), side, side, fill=False, edgecolor=colour, linewidth=width))
    _label(whole, f"{scene.title} x{scene.scale}", "", bold=True)

    small = scene.lr
    tiles: list[tuple[str, str, Any, bool]] = []
    if small is not None:
        (first, start), (last, end) = (lr_size((top + n, left + n), scene.scale) for n in (0, side))
        tiles.append(("LR", "", small[first:last, start:end], False))
    for i, (name, score, sr) in enumerate(scene.methods):
        tiles.append((name, score, sr[top : top + side, left : left + side], i == scene.best))
    tiles.append(("HR", "original", scene.hr[top : top + side, left : left + side], False))
    for i, (name, score, pixels, best) in enumerate(tiles):
        place = i if i < len(tiles) - 1 else 2 * columns - 1  # hr is always in the last corner
        axis = part.add_subplot(grid[place // columns, 2 + place % columns])
        axis.imshow(pixels, interpolation="nearest")
        _label(axis, name, score, bold=best)


def _context(hr: Pixels, top: int, left: int, side: int) -> tuple[Pixels, tuple[int, int]]:
    """Return a square part of hr around the window, and the position of the window in it."""
    extent = min(*hr.shape[:2], side * 8)
    row = min(max(0, top + side // 2 - extent // 2), hr.shape[0] - extent)
    column = min(max(0, left + side // 2 - extent // 2), hr.shape[1] - extent)
    return hr[row : row + extent, column : column + extent], (top - row, left - column)


def _label(axis: Axes, name: str, score: str, *, bold: bool) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)
    parts = [row for part in name.split(", ") for row in textwrap.wrap(part, 32)]
    text = "\n".join([*parts[:3], *([score] if score else [])])
    axis.set_xlabel(text, fontsize=7.8, color=INK if bold or not score else "#57606a",
                    fontweight="bold" if bold else "normal", labelpad=4)  # fmt: skip
    axis.tick_params(color=FAINT)
