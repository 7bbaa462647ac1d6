"""The pictures inside the page: the same window of lr, hr and every method's sr, without loss."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import quote

from srbench.records.scores import ImageScores
from srbench.report.leaderboard.crops import Pixels, find_window, read_pixels
from srbench.report.leaderboard.tables import Line, Section, Table
from srbench.scales import Scale

MOST_BYTES = 2_400_000
"""What all windows together may take in the page, in base64; those where methods differ most come first."""
SIDE = 128
"""Side of a window in pixels of hr, where the image is as large."""


@dataclass(slots=True, kw_only=True)
class Scene:
    """A window of one image, from every method of a table that kept it."""

    table: int
    """Number of the table on the page."""
    image: str
    scale: Scale
    box: tuple[int, int, int, int]
    """Left, top, width and height of the window in pixels of hr."""
    hr: Pixels
    """The window, (H, W, 3) uint8, as those of lr and sr."""
    lr: Pixels | None
    methods: list[tuple[Line, Pixels]]
    files: dict[str, str] = field(default_factory=dict)
    """Address of the whole images by ``hr``, ``lr`` and the position of a method; empty if the page shows windows."""
    contrast: float
    """The mean variance between the methods in the window."""
    uris: list[str] = field(default_factory=list)
    """The windows of hr, lr and the methods as they are in the page; see `encode`."""

    def encode(self) -> int:
        """Make the text of all windows, and return its length."""
        windows = [self.hr, self.lr, *(pixels for _, pixels in self.methods)]
        self.uris = ["" if pixels is None else _uri(pixels) for pixels in windows]
        return sum(map(len, self.uris))

    def contents(self, ids: Mapping[int, str]) -> dict[str, Any]:
        """Return it as JSON; ``ids`` names the row of a line by the line's ``id``."""
        hr, lr, *methods = self.uris
        lines = [ids[id(line)] for line, _ in self.methods]
        return {
            "table": self.table, "image": self.image, "box": self.box, "hr": hr, "lr": lr,
            "methods": list(zip(lines, methods, strict=True)), "files": self.files,
        }  # fmt: skip


def make_scenes(
    folder: Path, sections: Sequence[Section], *, beside: str | None = None
) -> tuple[list[Scene], list[str]]:
    """Cut a window from every image that is here from two methods or more, and keep as many as fit into the page.

    Args:
        folder: The folder of the records, to which image files are relative.
        sections: The tables; a scene names one by its number.
        beside: The path from the page to that folder, if whole images are to be shown too.

    Returns:
        The scenes in the order of the tables, and a sentence for each that could not be made or has no room.
    """
    faults: list[str] = []
    groups = []
    tables = [(section, table) for section in sections for table in section.tables]
    for number, (section, table) in enumerate(tables):
        found = sorted(_scenes(folder, number, section, table, beside, faults), key=lambda s: (-s.contrast, s.image))
        groups.append(found)
    every = [scene for rank in zip_longest(*groups) for scene in rank if scene]
    kept: list[Scene] = []
    room = MOST_BYTES
    for scene in every:
        room -= scene.encode()
        if room < 0:
            faults.append(f"leaderboard.html shows {len(kept)} of {len(every)} images, to stay small.")
            break
        kept.append(scene)
    return sorted(kept, key=lambda scene: scene.table), list(dict.fromkeys(faults))


def _scenes(
    folder: Path, number: int, section: Section, table: Table, beside: str | None, faults: list[str]
) -> Iterator[Scene]:
    kept: dict[str, list[tuple[Line, ImageScores]]] = {}
    for line in table.lines:
        for image in line.first.images:
            if image.sr_file and image.hr_file and all((folder / file).is_file() for file in _files(image)):
                kept.setdefault(image.name, []).append((line, image))
    for name, shown in kept.items():
        if len(shown) < 2:
            continue
        try:
            yield _scene(folder, number, section.scale, name, shown, beside)
        except (OSError, ValueError) as error:
            faults.append(f"No pictures of {name} x{section.scale} in leaderboard.html: {error}.")


def _files(image: ImageScores) -> Iterable[str]:
    return (file for file in (image.sr_file, image.hr_file, image.lr_file) if file)


def _scene(
    folder: Path, table: int, scale: Scale, name: str, shown: Sequence[tuple[Line, ImageScores]], beside: str | None
) -> Scene:
    first = shown[0][1]
    hr = read_pixels(folder / str(first.hr_file))
    methods = [(line, image, read_pixels(folder / str(image.sr_file))) for line, image in shown]
    for _, image, sr in methods:
        if sr.shape != hr.shape:
            raise ValueError(f"{image.sr_file} is {sr.shape[0]}×{sr.shape[1]}, hr is {hr.shape[0]}×{hr.shape[1]}")
    step = scale if isinstance(scale, int) else 1
    side = min(SIDE, *hr.shape[:2]) // step * step
    if not side:
        raise ValueError(f"hr is {hr.shape[0]}×{hr.shape[1]}, smaller than a pixel of lr")
    top, left, contrast = find_window(hr, [sr for _, _, sr in methods], side, step)
    # at a scale that is not whole, the window does not begin with a pixel of lr
    lr = read_pixels(folder / first.lr_file) if first.lr_file and isinstance(scale, int) else None
    small = [edge // step for edge in (top, left, side)]
    files = {}
    if beside is not None:
        files = {"hr": str(first.hr_file)} | ({"lr": first.lr_file} if lr is not None and first.lr_file else {})
        files |= {str(i): str(image.sr_file) for i, (_, image, _) in enumerate(methods)}
    return Scene(
        table=table, image=name, scale=scale, box=(left, top, side, side),
        hr=_window(hr, top, left, side),
        lr=None if lr is None else _window(lr, *small),
        methods=[(line, _window(sr, top, left, side)) for line, _, sr in methods],
        files={key: quote(f"{beside}/{file}") for key, file in files.items()},
        contrast=contrast,
    )  # fmt: skip


def _window(image: Pixels, top: int, left: int, side: int) -> Pixels:
    return image[top : top + side, left : left + side].copy()


def _uri(pixels: Pixels) -> str:
    """Return (H, W, 3) uint8 as the data URI of a WebP file without loss."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, quality=60, method=2)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")
