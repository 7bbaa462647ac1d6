"""Draw where recognisers look: the teacher, the student from labels alone and distilled students, side by side.

A column is a model, a row is a test image. The image is what the model sees: HR for the teacher, LR for students. Its
attention to places is laid over it; each column has one scale of colours, whose ends are below its title, from dark
blue to yellow.
"""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.report.pictures import Picture, figure_at

STUDENTS_SHOWN = 9
LABEL = 24
"""Letters of an image's name that fit beside its row."""
DARKEST = -200
"""The grey that is drawn black: images are lightened, so that colours are seen on their dark parts too."""
DAMAGES = (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error)
"""Exceptions from reading a missing or damaged file."""


class Column(NamedTuple):
    """What one model sees of the images, and where it looks."""

    title: str
    images: tuple[str, ...]
    seen: NDArray[np.uint8]
    """(n, h, w, 3)."""
    places: NDArray[np.float32]
    """(n, H, W) in [0, 1]."""


def attention_pictures(results: Path, folder: Path, sections: Sequence[Section]) -> list[Picture]:
    """Return ``attention_digits_test_x4.png`` and others, made of what the records of two or more models kept.

    Args:
        results: Receives the pictures.
        folder: The folder of the records. A picture that exists is left as it is if any of its files is missing.
        sections: The content of the leaderboard.
    """
    pictures = []
    for section in sections:
        for table in section.tables:
            lines = list(_shown(section, table, sections))
            path = results / attention_name(section, table)
            if path.is_file() and not all((folder / file).is_file() for file in map(_file, lines) if file):
                pictures.append(Picture(path, None))
                continue
            columns = [column for line in lines if (column := _column(line, folder))]
            if len(columns) > 1:
                title = f"{table.label} x{section.scale} · {section.degradation_label} · attention to places"
                pictures.append(Picture(path, partial(_draw, title, columns), image=True))
    return pictures


def attention_name(section: Section, table: Table) -> str:
    """Return the name of the picture of a table."""
    return f"attention_{section.stem_of(table)}.png"


def _shown(section: Section, table: Table, sections: Sequence[Section]) -> Iterator[Line]:
    """Yield the teachers of a table's students, the students that learn from labels alone, and the others by rank."""
    students = [line for line in table.lines if _file(line)]
    taught_by = {line.first.model.teacher for line in students} - {None}
    for other in sections:
        if other.scale == 1 and other is not section and other.protocol == section.protocol:
            for line in (line for same in other.tables if same.dataset == table.dataset for line in same.lines):
                if line.first.model.architecture in taught_by and _file(line):
                    yield line
    plain = [line for line in students if line.first.model.teacher is None]
    yield from [*plain, *(line for line in students if line.first.model.teacher is not None)][:STUDENTS_SHOWN]


def _file(line: Line) -> str | None:
    return line.first.attention_file


def _column(line: Line, folder: Path) -> Column | None:
    """Read what the first seed of a method kept; None if that cannot be read."""
    if not (name := _file(line)):
        return None
    try:
        with (folder / name).open("rb") as opened, np.load(opened) as file:
            images, seen, places = file["images"], file["seen"], file["places"]
    except DAMAGES:  # the picture is drawn without it
        return None
    return Column(line.title, tuple(map(str, images)), seen, places)


def _draw(title: str, columns: Sequence[Column], path: Path) -> None:
    images = [name for name in columns[0].images if all(name in column.images for column in columns)]
    across, down = len(columns), max(len(images), 1)
    with figure_at(path, 1.45 * across + 0.3, 1.45 * down + 1.25, grid=False) as figure:
        axes = figure.subplots(down, across, squeeze=False)
        for column, stack in zip(columns, axes.T, strict=True):
            own = [column.images.index(name) for name in images]
            low, high = (float(end(column.places[own])) for end in (np.min, np.max)) if own else (0.0, 1.0)
            for axis, number in zip(stack, own, strict=False):
                height, width = column.places.shape[1:]
                within = (-0.5, width - 0.5, height - 0.5, -0.5)
                grey = column.seen[number].mean(axis=2)
                axis.imshow(grey, cmap="gray", vmin=DARKEST, vmax=255, extent=within)
                axis.imshow(column.places[number], cmap="viridis", vmin=low, vmax=high, alpha=0.6, extent=within)
            heading = "\n".join(textwrap.wrap(column.title, 20)[:3])
            tall, wide = column.seen.shape[1:3]
            stack[0].set_title(f"{heading}\n{tall}×{wide} · {low:.2f} to {high:.2f}", fontsize=7.5)
        for axis, name in zip(axes[:, 0], images, strict=False):
            axis.set_ylabel(name if len(name) <= LABEL else f"{name[: LABEL - 1]}…", fontsize=7.5)
        for axis in axes.flat:
            axis.set_xticks([])
            axis.set_yticks([])
        figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
