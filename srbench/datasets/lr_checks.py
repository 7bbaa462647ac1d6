"""Check the LR images that come with a dataset against its HR."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from srbench.datasets.image_facts import THUMBNAIL, ImageFacts, image_facts
from srbench.datasets.layouts import Found
from srbench.scales import Scale, covering_lr_size, crop_size, lr_size

TOLERANCE = 10.0
"""Mean difference, in grey levels, of the thumbnails of an LR image and its HR image beyond which they show different
pictures; of Set5, Set14 and B100 true pairs differ by 3.3 at most, others by 13.6 at least."""


def check_lr(
    found: Found, names: Mapping[str, str], images: Mapping[str, Path], seen: Mapping[str, ImageFacts]
) -> tuple[dict[Scale, dict[str, Path]], dict[Scale, tuple[str, ...]]]:
    """Check that the LR of a dataset is whole and belongs to its HR.

    Args:
        found: The files of the dataset.
        names: The manifest's name to the file's own, for every HR image found.
        images: The HR images by the manifest's names.
        seen: What is in each HR file that could be read.

    Returns:
        The LR files by scale and the manifest's names, and a sentence for each fault by scale.
    """
    lr: dict[Scale, dict[str, Path]] = {}
    problems: dict[Scale, tuple[str, ...]] = {}
    for scale, files in found.lr.items():
        facts, broken = image_facts(files.values())
        lr[scale] = {name: files[own] for name, own in names.items() if own in files}
        texts = [*found.lr_faults.get(scale, ()), *broken.values()]
        if files:
            texts += [f"The x{scale} LR image of {name} is missing." for name in images if name not in lr[scale]]
        for name, path in lr[scale].items():
            if path in facts and name in seen:
                texts += _check_pair(name, path, scale, facts[path], seen[name])
        if texts:
            problems[scale] = tuple(texts)
    return lr, problems


def _check_pair(name: str, path: Path, scale: Scale, lr: ImageFacts, hr: ImageFacts) -> list[str]:
    wanted = lr_size(crop_size((hr.height, hr.width), scale), scale)
    if not all(wanted):
        return [f"{name} is {hr.size} pixels, too small to have a x{scale} LR; remove it from the set."]
    if (lr.height, lr.width) != wanted:
        rounded_up = (lr.height, lr.width) == covering_lr_size((hr.height, hr.width), scale)
        why = f", made of HR that was not cropped to multiples of {scale}" if rounded_up else ""
        right = f"{wanted[0]}×{wanted[1]}"
        return [f"{path.name} is {lr.size} pixels{why}; {name} is {hr.size}, so that its x{scale} LR has {right}."]
    if min(lr.height, lr.width) < THUMBNAIL:
        return []  # too small for thumbnails to agree
    low, high = (np.frombuffer(image.thumbnail, np.uint8).astype(np.float64) for image in (lr, hr))
    if np.abs(low - high).mean() > TOLERANCE:
        return [f"{path.name} shows another picture than {name}; the x{scale} LR and HR do not match."]
    return []
