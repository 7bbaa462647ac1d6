"""Check the LR images that come with a dataset against its HR."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from srbench.datasets.image_facts import THUMBNAIL, ImageFacts, image_facts
from srbench.datasets.layouts import Found
from srbench.naming import Scale

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
    ours = {own: name for name, own in names.items()}
    lower = {own.lower(): name for own, name in ours.items()}
    lr: dict[Scale, dict[str, Path]] = {}
    problems: dict[Scale, tuple[str, ...]] = {}
    for scale, files in found.lr.items():
        facts, broken = image_facts(files.values())
        lr[scale] = {lower[own.lower()]: path for own, path in files.items() if own.lower() in lower}
        texts = [broken[path] for path in files.values() if path in broken]
        strangers = [path.name for own, path in files.items() if own.lower() not in lower]
        texts += [f"The x{scale} LR image {name} has no HR image." for name in strangers]
        texts += [f"The x{scale} LR image of {name} is missing." for name in images if name not in lr[scale]]
        for name, path in lr[scale].items():
            if path in facts and name in seen:
                texts += _pair(name, path, scale, facts[path], seen[name])
        if texts:
            problems[scale] = tuple(texts)
    return lr, problems


def _pair(name: str, path: Path, scale: Scale, lr: ImageFacts, hr: ImageFacts) -> list[str]:
    # MATLAB gives ceil(side / scale) where HR was not cropped first, floor where it was.
    fits = all(
        side in {whole // scale, -(-whole // scale)}
        for side, whole in ((lr.height, hr.height), (lr.width, hr.width))
    )  # fmt: skip
    if not fits:
        wanted = f"{hr.height // scale}×{hr.width // scale}"
        return [f"{path.name} is {lr.size} pixels; {name} is {hr.size}, so that its x{scale} LR has {wanted}."]
    if min(lr.height, lr.width) < THUMBNAIL:
        return []  # too small for thumbnails to agree
    one, two = (np.frombuffer(image.thumbnail, np.uint8).astype(np.float64) for image in (lr, hr))
    if np.abs(one - two).mean() > TOLERANCE:
        return [f"{path.name} shows another picture than {name}; the x{scale} LR and HR do not match."]
    return []
