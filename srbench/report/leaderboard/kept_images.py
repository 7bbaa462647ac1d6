"""Pictures of images that records kept, a row for each: what those of maps and of samples share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from srbench.errors import DataError
from srbench.records.scores import ImageScores
from srbench.report.leaderboard.tables import Line, Section
from srbench.report.pictures import Picture
from srbench.scales import Scale

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[R]):
    """What such pictures show."""

    name: str
    """Begins the names of their files."""
    noun: str
    """For sentences: "No map of baby x2 by EDSR: …"."""
    rows: int
    """Most rows of a picture."""
    files: Callable[[ImageScores], Sequence[str]]
    """Returns the files of an image; none if it is not shown."""
    row: Callable[[Path, Line, ImageScores, Scale], R]
    """Reads an image of a method below a folder. It may raise OSError, ValueError and DataError."""
    draw: Callable[[Sequence[R], Path], None]


def pictures_of(
    kind: Kind[R], results: Path, records_folder: Path, sections: Sequence[Section]
) -> tuple[list[Picture], list[str]]:
    """Return a picture for each scale and degradation whose methods kept such images.

    A picture that exists is left as it is if any of its files is missing. Returns also a sentence for every image that
    could not be read. Files are relative to the folder of the records.
    """
    pictures: list[Picture] = []
    warnings: list[str] = []
    groups: dict[tuple[Scale, str], list[tuple[Line, ImageScores]]] = {}
    for section in sections:
        lines = [line for table in section.tables for line in table.lines]
        groups.setdefault((section.scale, section.file_stem), []).extend(_shown(kind, lines))
    for (scale, stem), images in groups.items():
        path, shown = results / f"{kind.name}_{stem}.png", images[: kind.rows]
        files = [file for _, image in shown for file in kind.files(image)]
        if path.is_file() and not all((records_folder / file).is_file() for file in files):
            pictures.append(Picture(path, None))
            continue
        rows = []
        for line, image in shown:
            try:
                rows.append(kind.row(records_folder, line, image, scale))
            except (OSError, ValueError, DataError) as error:
                warnings.append(f"No {kind.noun} of {image.name} x{scale} by {line.title}: {str(error).rstrip('.')}.")
        if rows:
            pictures.append(Picture(path, partial(kind.draw, rows), image=True))
    return pictures, list(dict.fromkeys(warnings))


def _shown(kind: Kind[R], lines: Sequence[Line]) -> list[tuple[Line, ImageScores]]:
    """Return the images that are shown, the first of each method before the second of any."""
    kept = [(line, [image for image in line.first.images if kind.files(image)]) for line in lines]
    most = max((len(images) for _, images in kept), default=0)
    return [(line, images[at]) for at in range(most) for line, images in kept if at < len(images)]
