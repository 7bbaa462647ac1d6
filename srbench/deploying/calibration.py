"""The images on which networks are calibrated: patches of lr from training sets, never from test images.

```
lr, hr = calibration_patches(library, [catalog.datasets["t91"]], catalog.degradations["bicubic"], 3, Quantisation())
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srbench.datasets.library import Library
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.lr_images import draw_seed, lr_image
from srbench.degrading.spec import DegradationSpec
from srbench.deploying.qdq import Array
from srbench.deploying.settings import Quantisation
from srbench.errors import DataError, UsageError
from srbench.imaging.colour import rgb_to_y
from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor
from srbench.scales import Scale, hr_side


def calibration_patches(
    library: Library,
    datasets: Sequence[DatasetSpec],
    degradation: DegradationSpec,
    scale: Scale,
    settings: Quantisation,
    *,
    colours: int = 3,
    seed: int = 0,
) -> tuple[list[Array], list[Array]]:
    """Cut patches of hr at random places, and make their lr.

    Every image gives one patch before any gives a second one; images smaller than a patch give none. The result follows
    from the arguments and the images alone.

    Args:
        library: The verified datasets.
        datasets: Training sets, usually those that the network was trained on.
        degradation: How lr is made; on 8 bits, as in training.
        scale: The factor.
        settings: Number and side of the patches.
        colours: 3, or 1 for a network on luma; see `ArchitectureSpec.colours`.
        seed: Decides the images, the places, and what a random degradation draws.

    Returns:
        The lr, float32 (colours, patch, patch) in [0, 1], ``settings.patches`` of them, and their hr, likewise.

    Raises:
        DataError: A set is missing or damaged, or no image is large enough.
        UsageError: A set is a test set, or the degradation makes no lr at this scale.
    """
    for dataset in datasets:
        if dataset.split != "train":
            raise UsageError(f"{dataset.name} is a test set; networks are calibrated on training sets, such as t91.")
    if degradation.provided or not degradation.has_scale(scale):
        raise UsageError(f"The degradation {degradation.name} makes no lr at x{scale}; calibrate with another.")
    files = {f"{dataset.name}/{name}": path for dataset in datasets for name, path in library.images(dataset).items()}
    side = hr_side(settings.patch, scale)
    patches: tuple[list[Array], list[Array]] = [], []
    for number, hr in zip(range(settings.patches), _cut(files, side, np.random.default_rng(seed)), strict=False):
        drawn = draw_seed(degradation.name, "calibration", str(number), scale, seed)
        lr, _ = lr_image(hr, degradation, scale, seed=drawn)
        for kept, pixels in zip(patches, (lr, hr), strict=True):
            tensor = to_tensor(pixels)[None]
            kept.append((rgb_to_y(tensor) if colours == 1 else tensor)[0].numpy())
    return patches


def _cut(files: Mapping[str, Path], side: int, random: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Yield patches (side, side, 3) without end.

    Raises:
        DataError: No image is large enough.
    """
    found = False
    order = [files[name] for name in sorted(files)]
    random.shuffle(order)
    for turn, path in enumerate(cycle(order)):
        image = read_image(path)
        height, width = image.shape[:2]
        if min(height, width) >= side:
            found = True
            top, left = random.integers(height - side + 1), random.integers(width - side + 1)
            yield image[top : top + side, left : left + side]
        elif not found and turn >= len(order):
            break
    raise DataError(
        f"No training image for calibration has {side}x{side} pixels; name a set with larger ones, or a smaller patch."
    )
