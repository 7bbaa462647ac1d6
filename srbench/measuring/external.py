"""Scores of images that were super-resolved elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from srbench.datasets.library import Library
from srbench.datasets.spec import DatasetSpec
from srbench.errors import DataError, ShapeError
from srbench.imaging.borders import mod_crop
from srbench.imaging.files import read_image, to_tensor
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.protocol import Protocol
from srbench.measuring.scoring import Scorer
from srbench.naming import Scale

_SUFFIXES = {".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".webp"}


def score_folder(
    folder: Path, dataset: DatasetSpec, library: Library, scale: Scale, protocol: Protocol,
    metrics: Sequence[MetricSpec], device: str,
) -> tuple[dict[str, dict[str, float | None]], Mapping[str, str]]:  # fmt: skip
    """Score a folder of images.

    Args:
        folder: Holds one image for each image of the dataset; their file names contain the image's name.
        dataset: What they are to be compared with.
        library: Finds the dataset.
        scale: The factor, which decides how hr is cropped and shaved.
        protocol: How to measure.
        metrics: What to measure.
        device: Where.

    Returns:
        Image to metric to value, in the dataset's order, and the metrics that could not be computed with reasons.

    Raises:
        DataError: An image is missing, there are two for one, or the folder is not there.
        ShapeError: An image has another size than its hr.
    """
    if not folder.is_dir():
        raise DataError(f"The folder {folder} does not exist; give the folder with the super-resolved images.")
    images = library.images(dataset)
    found = match_names(sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES), list(images), folder)
    scorer = Scorer(metrics, protocol, scale, torch.device(device))
    table: dict[str, dict[str, float | None]] = {}
    for name, path in images.items():
        sr, hr = (to_tensor(read_image(file, keep_grey=True))[None] for file in (found[name], path))
        try:
            table[name] = dict(scorer.score(sr.to(device), mod_crop(hr, scale).to(device)))
        except ShapeError as error:
            raise ShapeError(f"{found[name].name}: {error}") from error
    return table, scorer.absent


def mean_scores(table: Mapping[str, Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return the mean of each metric over the images; None if an image has no value."""
    columns = {name: [scores[name] for scores in table.values()] for name in next(iter(table.values()))}
    known = {name: [value for value in values if value is not None] for name, values in columns.items()}
    return {
        name: sum(known[name]) / len(values) if len(known[name]) == len(values) else None
        for name, values in columns.items()
    }


def match_names(files: Sequence[Path], names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Which file holds which image: ``woman_RCAN_x2.png`` is the image ``woman``.

    A name must be between word borders or at the start of the file's name; the longest name wins, so that
    ``img_010`` is never taken for ``img_01``.

    Raises:
        DataError: An image has no file, or two.
    """
    found: dict[str, list[Path]] = {name: [] for name in names}
    for path in files:
        fitting = [
            n
            for n in names
            if re.search(rf"(?<![A-Za-z0-9]){re.escape(n)}(?=$|[^A-Za-z0-9]|x\d)", path.stem, re.IGNORECASE)
        ]
        if fitting:
            found[max(fitting, key=len)].append(path)
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
