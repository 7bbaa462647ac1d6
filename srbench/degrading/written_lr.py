"""Write LR files with their realisations for images that are in no dataset, and make them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from srbench.degrading.lr_images import draw_realisation, draw_seed, make_lr
from srbench.degrading.spec import DegradationSpec
from srbench.errors import DataError, UsageError
from srbench.files import atomic_write, short_stem
from srbench.imaging.files import read_image, write_png
from srbench.imaging.folders import list_folder
from srbench.scales import Scale

if TYPE_CHECKING:
    from srbench.degrading.realisation import Realisation


@dataclass(frozen=True, slots=True)
class LrOrder:
    """One LR to be made."""

    image: Path
    number: int
    """Number of the realisation."""
    target: Path
    """The PNG; the JSON has the same name."""

    @property
    def realisation(self) -> Path:
        """The file of the realisation."""
        return self.target.with_suffix(".json")


def check_order(spec: DegradationSpec, scale: Scale, realisations: int | None) -> int:
    """Return how many LR are made of each image.

    Args:
        spec: The degradation.
        scale: The factor.
        realisations: The number that is wanted; default: the degradation's own.

    Raises:
        UsageError: It lacks the scale, or several realisations would all be the same.
    """
    if not spec.has_scale(scale):
        raise UsageError(f"The degradation {spec.name} has no scale {scale}; it has {spec.scales_title}.")
    count = realisations or spec.realisations
    if count > 1 and not spec.stochastic:
        raise UsageError(
            f"{count} realisations of {spec.name} would all be the same, since nothing is random in it; leave "
            "--realisations out."
        )
    return count


def orders(images: Path, scale: Scale, realisations: int, folder: Path) -> list[LrOrder]:
    """List the LR to be made.

    Args:
        images: An image, or a folder of them.
        scale: Factor, part of the files' names.
        realisations: How many of each image.
        folder: Folder for the files: ``baby_x4.png`` and ``baby_x4.json``, or ``baby_x4_0.png`` and so on for several;
            very long names are shortened.

    Raises:
        DataError: No image is found.
        UsageError: A file would be overwritten, or two images have one name.
    """
    if not images.exists():
        raise DataError(f"{images} does not exist; give an image, or a folder of them.")
    files = list_folder(images).images if images.is_dir() else (images,)
    if not files:
        raise DataError(f"The folder {images} holds no image; give one with files such as .png.")
    listed = [
        LrOrder(
            file, number, folder / f"{short_stem(file.stem)}_x{scale}{f'_{number}' if realisations > 1 else ''}.png"
        )
        for file in files
        for number in range(realisations)
    ]
    seen: dict[Path, Path] = {}
    for order in listed:
        if order.target in seen:
            raise UsageError(f"{seen[order.target]} and {order.image} would both become {order.target}; rename one.")
        seen[order.target] = order.image
        for path in (order.target, order.realisation):
            if path.exists():
                raise UsageError(f"{path} exists already and is not overwritten; remove it, or give another --out.")
    return listed


def carry_out(listed: list[LrOrder], degradation: DegradationSpec, scale: Scale, seed: int) -> Iterator[LrOrder]:
    """Write every LR and its realisation; yield each order when it is done.

    Args:
        listed: See `orders`.
        degradation: The degradation.
        scale: The factor.
        seed: Decides the draws, together with the image's name and the number of the realisation.
    """
    for order in listed:
        hr = read_image(order.image, keep_grey=True)
        drawn = draw_seed(degradation.name, f"seed {seed}", order.image.stem, scale, order.number)
        realisation = draw_realisation(hr, degradation, scale, seed=drawn, number=order.number, image=order.image.name)
        write_png(order.target, make_lr(hr, degradation, realisation))
        atomic_write(order.realisation, realisation.model_dump_json(indent=1) + "\n")
        yield order


def make_again(
    file: Path, image: Path, degradations: Mapping[str, DegradationSpec], target: Path | None
) -> tuple[Realisation, bool | None]:
    """Make the LR of a realisation again.

    Args:
        file: The realisation.
        image: The HR image it was drawn for.
        degradations: All degradations, by name.
        target: The file that the LR is written to; None writes nothing.

    Returns:
        The realisation, and whether the pixels equal those of the PNG beside it; None if there is no such PNG.

    Raises:
        DataError: A file cannot be read, or the image is not the one that the realisation was drawn for.
        UsageError: The target exists.
    """
    from srbench.degrading.realisation import Realisation

    realisation = Realisation.read(file)
    if target is not None and target.exists():
        raise UsageError(f"{target} exists already and is not overwritten; remove it, or give another --out.")
    hr = read_image(image, keep_grey=True)
    lr = make_lr(hr, degradations[realisation.degradation], realisation)
    if target is not None:
        write_png(target, lr)
    beside = file.with_suffix(".png")
    if not beside.is_file():
        return realisation, None
    return realisation, bool(np.array_equal(read_image(beside, keep_grey=True), lr))
