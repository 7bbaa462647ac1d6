"""Pair super-resolved images with their truth and lr, and bring images of the wrong size together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from srbench.datasets.layouts import search
from srbench.datasets.pairing import common_factor, match_names, pair, read_name
from srbench.diagnosing.colours import Planes, planes_of
from srbench.diagnosing.scores import psnr
from srbench.errors import DataError, UsageError
from srbench.imaging.files import read_image
from srbench.imaging.folders import list_folder, name_some
from srbench.imaging.resize import imresize
from srbench.measuring.external import match_files
from srbench.scales import Scale, crop_size

SMALLEST = 16
"""Pixels of the smaller side of an image from which scores say anything."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one image."""

    name: str
    sr: Path
    hr: Path
    lr: Path | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """An image and its truth in one size."""

    sr: Planes
    hr: Planes
    how: str = ""
    """How images of different sizes were brought together: "cut to their common area from the top left"."""
    sizes: str = ""
    """Their sizes, if these were wrong."""


def find_files(sr: Path, hr: Path, lr: Path | None) -> tuple[list[Files], list[str]]:
    """Pair two or three folders by names, or two or three files.

    Returns:
        The files of each image, and a sentence for files without a partner.

    Raises:
        DataError: A folder is not there or holds no image, or no name agrees.
    """
    true = {hr.stem: hr} if hr.is_file() else _truth(hr)
    made = [sr] if sr.is_file() else _images(sr)
    own = _paired(true, made, sr)
    low = (
        {}
        if lr is None
        else dict(pair({name: true[name] for name in own}, [lr] if lr.is_file() else _images(lr)).pairs)
    )
    notes = []
    if absent := [name for name in true if name not in own]:
        notes.append(f"Left out: no sr for {name_some(absent)}.")
    if left := [path.name for path in made if path not in own.values()]:
        notes.append(f"Left out: no hr for {name_some(left)}.")
    if lr is not None and (without := [name for name in own if name not in low]):
        notes.append(f"No lr for {name_some(without)}.")
    return [Files(name, path, true[name], low.get(name)) for name, path in own.items()], notes


def _truth(folder: Path) -> Mapping[str, Path]:
    found = search([folder]) if folder.is_dir() else None
    return found.hr if found is not None and found.hr else {path.stem: path for path in _images(folder)}


def _images(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give a folder of images.")
    images = list_folder(folder).images
    if not images:
        raise DataError(f"There are no images in {folder}; give the folder that holds them.")
    return images


def _paired(true: Mapping[str, Path], made: tuple[Path, ...] | list[Path], folder: Path) -> dict[str, Path]:
    if len(true) == len(made) == 1:
        return {next(iter(true)): made[0]}
    stems = {path.stem: path for path in made}
    found = {name: stems[other] for name, other in match_names(list(true), list(stems)).items()}
    if len(found) < len(true):
        with suppress(DataError):
            return match_files(made, list(true), folder)
    return found or match_files(made, list(true), folder)


def scale_of(files: list[Files]) -> Scale:
    """Return the scale by which images were enlarged: by the sizes of their lr, or by the names of files and folder.

    Raises:
        UsageError: Neither says it.
    """
    low = {own.name: own.lr for own in files if own.lr}
    if low and (found := common_factor({own.name: own.hr for own in files}, low)):
        return found
    named = Counter(read_name(f"a_{text}").factor for own in files for text in (own.sr.stem, own.sr.parent.name))
    factors = [factor for factor, _ in named.most_common() if factor]
    if len(factors) != 1:
        raise UsageError("By what factor sr was enlarged is unknown; give --scale, or the folder of lr with --lr.")
    return factors[0]


def read_pair(own: Files, scale: Scale) -> Together:
    """Read an image and its truth, and bring them together.

    hr is cropped to what the scale allows. If sr still has another size, both are cut or stretched to one, in the way
    in which they agree best.

    Raises:
        DataError: A file cannot be read, or too little of it is left.
    """
    sr, hr = (planes_of(read_image(path, keep_grey=True)) for path in (own.sr, own.hr))
    rows, columns = crop_size((hr.shape[1], hr.shape[2]), scale)
    cropped = hr[:, :rows, :columns]
    if sr.shape[1:] == hr.shape[1:]:
        sr = sr[:, :rows, :columns]
    if min(*sr.shape[1:], *cropped.shape[1:]) < SMALLEST:
        raise DataError(f"{own.sr.name} is too small to compare: a side has {SMALLEST} pixels at least.")
    if sr.shape[1:] == cropped.shape[1:]:
        return Together(sr, cropped)
    ways = _ways(sr, hr)
    best = max(ways, key=lambda how: psnr(_error(*ways[how])))
    sizes = f"{_size(sr)} instead of {_size(cropped)}"
    return Together(*ways[best], how=best, sizes=sizes)


def _ways(sr: Planes, hr: Planes) -> dict[str, tuple[Planes, Planes]]:
    size = tuple(map(min, sr.shape[1:], hr.shape[1:]))

    def cut(planes: Planes, *, centre: bool) -> Planes:
        top, left = ((side - own) // 2 if centre else 0 for side, own in zip(planes.shape[1:], size, strict=True))
        return planes[:, top : top + size[0], left : left + size[1]]

    stretched = imresize(torch.from_numpy(sr), size=(hr.shape[1], hr.shape[2])).clamp(0, 255).round().numpy()
    return {
        "cut to their common area from the top left": (cut(sr, centre=False), cut(hr, centre=False)),
        "cut to their common area around the centre": (cut(sr, centre=True), cut(hr, centre=True)),
        "stretched to the size of hr": (stretched, hr),
    }


def _error(sr: Planes, hr: Planes) -> float:
    # some pixels at the edge say little, and are the first to go wrong
    return float(np.square(sr.mean(axis=0) - hr.mean(axis=0))[4:-4, 4:-4].mean())


def _size(planes: Planes) -> str:
    return f"{planes.shape[1]}×{planes.shape[2]}"
