"""Facts of image files: size, hash of the pixels, a thumbnail; remembered, so that nothing is decoded twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from srbench.errors import DataError, StoreError
from srbench.files import atomic_write, cache_root
from srbench.imaging.hashing import pixel_hash

THUMBNAIL = 16
"""Side of a thumbnail."""
_VERSION = 1
"""Raised when what is remembered changes."""


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

    from srbench.imaging.files import read_image

    image = read_image(path, keep_grey=True)
    grey = image if image.ndim == 2 else image.mean(axis=2).round().astype(np.uint8)
    small = Image.fromarray(grey).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    channels = 1 if image.ndim == 2 else image.shape[2]
    return ImageFacts(image.shape[0], image.shape[1], channels, pixel_hash(image), small.tobytes())


def image_facts(paths: Iterable[Path]) -> tuple[dict[Path, ImageFacts], dict[Path, str]]:
    """Decode many images; those whose size and time of change are as remembered are not read again.

    Returns:
        The facts of each readable file, and for the others the sentence that says why not.
    """
    good: dict[Path, ImageFacts] = {}
    bad: dict[Path, str] = {}
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    for folder, members in folders.items():
        memory = _memory_of(folder)
        known, fresh = _recall(memory), False
        for path in members:
            try:
                state = path.stat()
                stamp = [state.st_size, state.st_mtime_ns]
                row = known.get(path.name)
                if row and row[:2] == stamp:
                    good[path] = _from_row(row)
                    continue
                good[path] = made = read_facts(path)
            except (DataError, OSError) as error:
                bad[path] = str(error)
                continue
            known[path.name] = [*stamp, made.height, made.width, made.channels, made.sha256, made.thumbnail.hex()]
            fresh = True
        if fresh:
            _remember(memory, known)
    return good, bad


def _from_row(row: list[Any]) -> ImageFacts:
    _, _, height, width, channels, sha256, thumbnail = row
    return ImageFacts(height, width, channels, sha256, bytes.fromhex(thumbnail))


def content_hash(images: Mapping[str, ImageFacts]) -> str:
    """Return one hash for a whole set: of its names, sizes, channels and pixels."""
    rows = [[name, f.height, f.width, f.channels, f.sha256] for name, f in sorted(images.items())]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=True).encode()).hexdigest()


def _memory_of(folder: Path) -> Path:
    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    return cache_root() / "image_facts" / f"{key[:32]}.json"


def _recall(memory: Path) -> dict[str, Any]:
    try:
        stored = json.loads(memory.read_text(encoding="utf-8"))
        return dict(stored["files"]) if stored["version"] == _VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # never seen, or damaged: look at the files themselves


def _remember(memory: Path, known: Mapping[str, Any]) -> None:
    try:
        atomic_write(memory, json.dumps({"version": _VERSION, "files": known}))
    except StoreError:
        return  # a read-only cache makes the next look slower, nothing worse
