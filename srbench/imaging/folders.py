"""The image files of a folder: one list of what counts as an image, for every command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".webp", ".jpg", ".jpeg")
"""Suffixes of image files in lower case, lossless formats first."""
_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx"})


@dataclass(frozen=True, slots=True)
class FolderContent:
    """The visible content of a folder, each part sorted by name.

    Hidden files (``._a.png``, ``.DS_Store``) and those that operating systems leave behind (``Thumbs.db``) are in none.
    """

    images: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    """Files that are not taken as images, and what is neither file nor folder, such as a pipe."""
    folders: tuple[Path, ...] = ()


def list_folder(folder: Path) -> FolderContent:
    """List a folder without opening any file.

    Raises:
        OSError: The folder cannot be read.
    """
    images, others, folders = [], [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
                continue
            path = folder / entry.name
            if entry.is_dir():
                folders.append(path)
            elif entry.is_file() and path.suffix.lower() in SUFFIXES:
                images.append(path)
            else:
                others.append(path)
    return FolderContent(tuple(sorted(images)), tuple(sorted(others)), tuple(sorted(folders)))


def name_some(names: Sequence[str]) -> str:
    """List names for a message: all of up to six, else the first five and how many more there are."""
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"
