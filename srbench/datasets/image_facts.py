"""Facts of image files: size, hash of the pixels, a thumbnail. They are cached, so that no file is decoded twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from srbench.errors import DataError, StoreError
from srbench.files import atomic_write, cache_root
from srbench.imaging.pixels import pixel_hash

THUMBNAIL = 16
"""Side of a thumbnail."""
_VERSION: Literal[2] = 2
"""Raise it whenever the cached facts change."""
_Row = tuple[
    int, int, int, int, int, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")],
    Annotated[str, Field(pattern=rf"^[0-9a-f]{{{2 * THUMBNAIL**2}}}$")], str,
]  # fmt: skip
"""Size and time of change of a file, then the fields of `ImageFacts`."""


class _Memory(BaseModel):
    version: Literal[2]
    files: dict[str, _Row]


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts of a decoded image."""

    height: int
    width: int
    channels: int
    """1 or 3, as the file stores it."""
    sha256: str
    """See `pixel_hash`."""
    thumbnail: bytes
    """16 × 16 grey values, rows first: enough to see that two files show the same picture."""
    colours: str = ""
    """What a viewer applies to the colours and srbench does not: "its colour profile Adobe RGB (1998)"."""

    @property
    def size(self) -> str:
        """For messages: "321×480"."""
        return f"{self.height}×{self.width}"


def read_facts(path: Path) -> ImageFacts:
    """Decode one image.

    Raises:
        DataError: The file is not an image, is truncated, or is of a kind that srbench refuses.
    """
    from PIL import Image

    from srbench.imaging.files import colours_of, read_image

    image = read_image(path, keep_grey=True)
    grey = image if image.ndim == 2 else image.mean(axis=2).round().astype(np.uint8)
    small = Image.fromarray(grey).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    channels = 1 if image.ndim == 2 else image.shape[2]
    return ImageFacts(image.shape[0], image.shape[1], channels, pixel_hash(image), small.tobytes(), colours_of(path))


def image_facts(paths: Iterable[Path]) -> tuple[dict[Path, ImageFacts], dict[Path, str]]:
    """Decode many images; a file whose size and mtime are those of the cache is not read again.

    Returns:
        The facts of each readable file, and for each of the others a sentence with the reason.
    """
    good: dict[Path, ImageFacts] = {}
    bad: dict[Path, str] = {}
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    for folder, members in folders.items():
        memory = _memory_of(folder)
        rows, fresh = _recall(memory), False
        for path in members:
            try:
                state = path.stat()
                stamp = (state.st_size, state.st_mtime_ns)
                row = rows.get(path.name)
                if row and row[:2] == stamp:
                    good[path] = _from_row(row[2:])
                    continue
                good[path] = made = read_facts(path)
            except FileNotFoundError:
                bad[path] = f"There is no image at {path}."
                continue
            except (DataError, OSError) as error:
                bad[path] = str(error)
                continue
            rows[path.name] = (*stamp, *_to_row(made))
            fresh = True
        if fresh:
            _remember(memory, rows)
    return good, bad


def _to_row(facts: ImageFacts) -> tuple[int, int, int, str, str, str]:
    return facts.height, facts.width, facts.channels, facts.sha256, facts.thumbnail.hex(), facts.colours


def _from_row(row: tuple[int, int, int, str, str, str]) -> ImageFacts:
    height, width, channels, sha256, thumbnail, colours = row
    return ImageFacts(height, width, channels, sha256, bytes.fromhex(thumbnail), colours)


def content_hash(images: Mapping[str, ImageFacts]) -> str:
    """Return the hash of a set: of its names, sizes, channels and pixels."""
    rows = [[name, f.height, f.width, f.channels, f.sha256] for name, f in sorted(images.items())]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=True).encode()).hexdigest()


def _memory_of(folder: Path) -> Path:
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    return cache_root() / "image_facts" / f"{key[:32]}.json"


def _recall(memory: Path) -> dict[str, _Row]:
    try:
        return _Memory.model_validate_json(memory.read_bytes()).files
    except (OSError, ValueError):
        return {}  # absent or damaged: the files are read again


def _remember(memory: Path, rows: Mapping[str, _Row]) -> None:
    try:
        atomic_write(memory, json.dumps({"version": _VERSION, "files": rows}))
    except StoreError:
        return  # a read-only cache only makes the next check slower
