"""Which images and videos to enlarge, where each result goes, and enlarging them one after another."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from srbench.errors import DataError, SrbenchError, UsageError
from srbench.imaging.folders import list_folder
from srbench.imaging.photographs import DEEP, read_photograph, write_photograph
from srbench.upscaling.upscaler import Upscaler
from srbench.upscaling.videos import is_video, upscale_video

FORMATS = (*(suffix[1:] for suffix in DEEP), "jpg", "jpeg", "webp", "bmp")
"""The formats that all enlarged images may have."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An image or video file, and the file that its enlargement is written to."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Enlarged:
    """What became of an image or video file."""

    pair: Pair
    size: tuple[int, int] = (0, 0)
    """Height and width of the result."""
    error: SrbenchError | None = None
    """Why there is none."""


def find_pairs(inputs: Sequence[str], out: Path, file_format: str | None = None) -> list[Pair]:
    """Return every image and video that inputs name, with its place below ``out``.

    A folder is searched with all folders in it, which are made again below ``out``; files keep their names.

    Args:
        inputs: Files, folders, and patterns such as ``photos/*.jpg``.
        out: The folder for results.
        file_format: The format of all enlarged images, such as "png"; that of each file if absent.

    Raises:
        DataError: An input is not there, holds no image, or two results would have one name.
        UsageError: srbench does not write the format.
    """
    if file_format is not None and file_format not in FORMATS:
        raise UsageError(f"--format {file_format} is none that srbench writes; give one of {', '.join(FORMATS)}.")
    suffix = f".{file_format}" if file_format else None
    pairs: dict[Path, Pair] = {}
    for name in inputs:
        own = list(_below(name))
        if not own:
            raise DataError(f"{name} holds no image; give image files, folders with images, or a pattern.")
        for source, place in own:
            target = out / (place.with_suffix(suffix) if suffix and not is_video(place) else place)
            other = pairs.setdefault(target, Pair(source, target))
            if other.source.resolve() != source.resolve():
                raise DataError(
                    f"{other.source} and {source} would both be written to {target}; enlarge them one after the other, "
                    "with an --out for each."
                )
            if target.resolve() == source.resolve():
                raise DataError(f"{source} would be replaced by its enlargement; give another folder with --out.")
    return list(pairs.values())


def _below(name: str) -> Iterator[tuple[Path, Path]]:
    """Yield the files of an input, and their places in the folder of results."""
    path = Path(name)
    if path.is_dir():
        yield from _in_folder(path, Path())
    elif path.exists():
        yield path, Path(path.name)
    elif glob.has_magic(name):
        for found in sorted(glob.glob(name, recursive=True)):  # noqa: PTH207 - a pattern may be absolute
            yield from _below(found)
    else:
        raise DataError(f"There is no {name}; give image files, folders with images, or a pattern.")


def _in_folder(folder: Path, place: Path) -> Iterator[tuple[Path, Path]]:
    content = list_folder(folder)
    for file in sorted((*content.images, *filter(is_video, content.others))):
        yield file, place / file.name
    for inner in content.folders:
        yield from _in_folder(inner, place / inner.name)


def upscale_files(upscaler: Upscaler, pairs: Iterable[Pair], *, overwrite: bool = False) -> Iterator[Enlarged]:
    """Enlarge image files one after another; one that fails does not stop the others."""
    for pair in pairs:
        try:
            yield Enlarged(pair=pair, size=upscale_file(upscaler, pair, overwrite=overwrite))
        except SrbenchError as error:
            yield Enlarged(pair=pair, error=error)


def upscale_file(upscaler: Upscaler, pair: Pair, *, overwrite: bool = False) -> tuple[int, int]:
    """Enlarge one image or video file; return height and width of the result.

    Raises:
        SrbenchError: It cannot be read, enlarged or written, or the result is there already; one sentence.
    """
    if pair.target.exists() and not overwrite:
        raise DataError(f"{pair.target} is there already; give --overwrite, or another --out.")
    try:
        if is_video(pair.source):
            return upscale_video(upscaler, pair.source, pair.target)
        enlarged = upscaler.upscale_photograph(read_photograph(pair.source))
    except SrbenchError:
        raise
    except (RuntimeError, MemoryError) as error:  # of torch, for a network that cannot take this image
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{upscaler.name} could not enlarge {pair.source}: {reason}") from error
    write_photograph(pair.target, enlarged)
    return enlarged.size
