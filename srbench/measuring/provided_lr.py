"""Compare the LR that comes with a dataset with the LR made here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from srbench.datasets.verification import Verification
from srbench.degrading.lr_images import lr_image
from srbench.degrading.spec import DegradationSpec
from srbench.imaging.files import read_image
from srbench.naming import Scale


def compare_lr(
    provided: NDArray[np.uint8], ours: NDArray[np.uint8], border: int = 4
) -> Literal["identical", "differs in border", "differs"]:
    """Compare the LR that came with a dataset with the one made here.

    Args:
        provided: (h, w) or (h, w, 3); may have one more row or column where HR was not cropped first.
        ours: (h, w) or (h, w, 3).
        border: LR pixels at each edge that count as border; bicubic reads 2 (enlarging) to 2·scale HR pixels.

    Returns:
        "differs in border" is what MATLAB versions before R2010 give, which repeat the edge pixels.
    """
    if provided.shape != ours.shape:
        return "differs"
    if np.array_equal(provided, ours):
        return "identical"
    inner = (slice(border, -border), slice(border, -border))
    return "differs in border" if ours[inner].size and np.array_equal(provided[inner], ours[inner]) else "differs"


def compare_lr_set(
    provided: Mapping[str, Path], hr: Mapping[str, Path], degradation: DegradationSpec, scale: Scale
) -> dict[str, Literal["identical", "differs in border", "differs"]]:
    """`compare_lr` for every provided LR image, by name."""
    verdicts = {}
    for name, path in provided.items():
        ours, _ = lr_image(read_image(hr[name], keep_grey=True), degradation, scale)
        verdicts[name] = compare_lr(read_image(path, keep_grey=True), ours)
    return verdicts


def compare_with_ours(found: Verification, degradations: Mapping[str, DegradationSpec]) -> list[str]:
    """Say how the LR that comes with a dataset was made.

    Args:
        found: The dataset.
        degradations: Those registered; "bicubic" and "bicubic_replicate" are tried.

    Returns:
        A sentence for each scale.
    """
    texts = []
    for scale, files in found.lr.items():
        differing = False
        for name in ("bicubic", "bicubic_replicate"):
            verdicts = set(compare_lr_set(files, found.images, degradations[name], scale).values())
            if verdicts == {"identical"}:
                texts.append(f"The x{scale} LR is identical to {name}.")
                break
            differing = "differs" in verdicts
        else:
            texts.append(
                f"The x{scale} LR is not bicubic as MATLAB makes it; scores on it are not the published kind."
                if differing
                else f"The x{scale} LR differs from bicubic at the borders only."
            )
    return texts
