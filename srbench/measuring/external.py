"""Score images that were super-resolved by another program."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isinf
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from srbench.datasets.library import Library
from srbench.datasets.pairing import by_value, spelt
from srbench.datasets.spec import DatasetSpec
from srbench.errors import DataError, ShapeError
from srbench.imaging.borders import mod_crop
from srbench.imaging.files import colours_of, read_image
from srbench.imaging.folders import list_folder, name_some
from srbench.imaging.pixels import to_tensor
from srbench.measuring.metrics.spec import SrScoreSpec
from srbench.measuring.protocol import Protocol
from srbench.measuring.scoring import Scorer
from srbench.scales import Scale


class FolderScores(NamedTuple):
    """The scores of a folder of images."""

    table: dict[str, dict[str, float | None]]
    """Image to metric to value, in the dataset's order; None if it could not be computed or is infinite."""
    absent: Mapping[str, str]
    """The metrics that could not be computed, with reasons."""
    notes: tuple[str, ...]
    """What a person should know: files that were not taken, colour profiles that were not applied."""
    metrics: tuple[SrScoreSpec, ...]
    protocol: str
    """The meaning of the protocol at the scale, as in the id of a score."""
    of_set: Mapping[str, float] = MappingProxyType({})
    """The scores of all images together, by metric."""

    @property
    def rows(self) -> list[tuple[str, Mapping[str, float | None]]]:
        """The scores of each image, and their mean or the score of the set."""
        return [*self.table.items(), ("mean", mean_scores(self.table) | dict(self.of_set))]


def score_image(scorer: Scorer, sr: Tensor, hr: Tensor, name: str = "") -> Mapping[str, float | None]:
    """Score an image that was made elsewhere; see `Scorer.score`.

    hr is cropped to what the scale allows and the protocol measures, and so is sr unless it shows that part alone.
    """
    hr = mod_crop(hr, scorer.scale)
    part = scorer.protocol.cropped(hr, scorer.scale)
    if sr.shape[-2:] == hr.shape[-2:]:
        sr = scorer.protocol.cropped(sr, scorer.scale)
    return scorer.score(sr.to(scorer.device), part.to(scorer.device), name)


def score_folder(
    folder: Path, dataset: DatasetSpec, library: Library, scale: Scale, protocol: Protocol,
    metrics: Sequence[SrScoreSpec], device: str,
) -> FolderScores:  # fmt: skip
    """Score a folder of images.

    Args:
        folder: The folder with one image for each image of the dataset, whose name is part of the file name.
        dataset: The dataset to compare with.
        library: Finds the dataset.
        scale: The factor, which decides how hr is cropped and shaved.
        protocol: The protocol.
        metrics: The metrics to compute.
        device: The device to compute on.

    Raises:
        DataError: An image is missing, or there are two, or the folder does not exist.
        ShapeError: An image has another size than its hr.
    """
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give the folder with the super-resolved images.")
    images, content = library.images(dataset), list_folder(folder)
    found = match_files(content.images, list(images), folder)
    scorer = Scorer(metrics, protocol, scale, torch.device(device))
    table: dict[str, dict[str, float | None]] = {}
    notes: list[str] = []
    for name, path in images.items():
        sr, hr = (to_tensor(protocol.levels(read_image(file, keep_grey=True)))[None] for file in (found[name], path))
        try:
            scores = score_image(scorer, sr, hr, name)
        except ShapeError as error:
            raise ShapeError(f"{found[name].name}: {error}") from error
        infinite = [metric for metric, value in scores.items() if value is not None and isinf(value)]
        table[name] = {metric: None if metric in infinite else value for metric, value in scores.items()}
        if infinite and torch.equal(sr, mod_crop(hr, scale)):
            notes.append(f"{name}: sr equals hr, pixel for pixel; is it the HR file?")
        elif infinite:
            notes.append(f"{name}: {', '.join(infinite)} is infinite: sr equals hr in all that it compares.")
    unused = [path.name for path in (*content.images, *content.others) if path not in found.values()]
    notes += [f"Left out, as no image of {dataset.label}: {name_some(unused)}."] if unused else []
    notes += [f"{path.name} is measured as stored, without {c}." for path in found.values() if (c := colours_of(path))]
    of_set = scorer.set_scores()
    return FolderScores(table, scorer.absent, tuple(notes), tuple(metrics), protocol.describe(scale), of_set)


def mean_scores(table: Mapping[str, Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return the mean of each metric over the images; None if an image has no value."""
    columns = {name: [scores[name] for scores in table.values()] for name in next(iter(table.values()))}
    return {
        name: None if None in values else sum(value or 0.0 for value in values) / len(values)
        for name, values in columns.items()
    }


def match_files(files: Sequence[Path], names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Return the file of each image: ``woman_RCAN_x2.png`` is the image ``woman``.

    A name must be between word borders in the file's name; the longest name wins, so that ``img_010`` is never taken
    for ``img_01``. If that finds nothing, numbers are compared by value: ``2.png`` is ``02``.

    Raises:
        DataError: An image has no file, or two.
    """
    found: dict[str, list[Path]] = {name: [] for name in names}
    for path in files:
        for spelling in (spelt, by_value):
            stem = spelling(path.stem)
            fitting = [n for n in names if _contains(stem, spelling(n))]
            longest = [n for n in fitting if len(spelling(n)) == max(len(spelling(m)) for m in fitting)]
            if len(longest) == 1:
                found[longest[0]].append(path)
                break
    missing = [name for name in names if not found[name]]
    if missing:
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise DataError(
            f"{folder} has no image for {len(missing)} of {len(names)}: {shown}; add them, named after the image."
        )
    for name, paths in found.items():
        if len(paths) > 1:
            raise DataError(
                f"{folder} has {len(paths)} images for {name}: {', '.join(p.name for p in paths[:3])}; keep one."
            )
    return {name: paths[0] for name, paths in found.items()}


def _contains(stem: str, name: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?=$|[^A-Za-z0-9]|x\d)", stem) is not None
