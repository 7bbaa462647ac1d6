"""Compare the LR that comes with a dataset with the LR made here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from srbench.datasets.library import Library
from srbench.datasets.spec import DatasetSpec
from srbench.datasets.verification import Verification
from srbench.degrading.lr_images import lr_image
from srbench.degrading.spec import DegradationSpec
from srbench.errors import StoreError
from srbench.files import atomic_write, cache_root
from srbench.imaging.files import read_image
from srbench.scales import Scale, plain_scale

Verdict = Literal["identical", "differs in border", "differs"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From the best to the worst."""
_VERSION = 1
"""Raise it whenever the comparison changes."""


def compare_lr(provided: NDArray[np.uint8], made: NDArray[np.uint8], border: int = 4) -> Verdict:
    """Compare the LR that came with a dataset with the one made here.

    Args:
        provided: (h, w) or (h, w, 3).
        made: (h, w) or (h, w, 3).
        border: LR pixels at each edge that count as border; bicubic reads 2 (enlarging) to 2·scale HR pixels.

    Returns:
        "differs in border" is what MATLAB versions before R2010 give, which repeat the edge pixels.
    """
    if provided.shape != made.shape:
        return "differs"
    if np.array_equal(provided, made):
        return "identical"
    inner = (slice(border, -border), slice(border, -border))
    return "differs in border" if made[inner].size and np.array_equal(provided[inner], made[inner]) else "differs"


def compare_lr_set(
    provided: Mapping[str, Path], hr: Mapping[str, Path], degradation: DegradationSpec, scale: Scale
) -> Verdict:
    """Compare every LR image that came with a dataset, as `compare_lr` does, and return the worst verdict."""
    worst: Verdict = "identical"
    for name, path in provided.items():
        made, _ = lr_image(read_image(hr[name], keep_grey=True), degradation, scale)
        verdict = compare_lr(read_image(path, keep_grey=True), made)
        worst = max(worst, verdict, key=VERDICTS.index)
        if worst == VERDICTS[-1]:
            break
    return worst


def verdict_on(
    dataset: DatasetSpec, library: Library, degradation: DegradationSpec, code_hash: str, scale: Scale
) -> Verdict:
    """Compare the LR that comes with a dataset with the LR that a degradation makes of its HR.

    Comparing degrades the whole dataset, so the verdict is cached by the content of both.

    Args:
        dataset: One that comes with LR at this scale.
        library: Finds its images.
        degradation: Makes the LR to compare with.
        code_hash: Hash of the code that provides the degradation.
        scale: Factor.

    Raises:
        DataError: See `Library.lr_images`.
    """
    key = (
        _VERSION, library.content_hash(dataset), library.lr_hash(dataset, scale), plain_scale(scale),
        degradation.name, degradation.version, degradation.extra_hash, code_hash,
    )  # fmt: skip
    return _cached(
        cache_root() / "lr_verdicts" / hashlib.sha256(repr(key).encode()).hexdigest(),
        lambda: compare_lr_set(library.lr_images(dataset, scale) or {}, library.images(dataset), degradation, scale),
    )


def _cached(path: Path, compare: Callable[[], Verdict]) -> Verdict:
    if path not in _verdicts:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        found = next((verdict for verdict in VERDICTS if verdict == text), None)
        _verdicts[path] = found or compare()
        if not found:
            with suppress(StoreError):  # a cache that cannot be written only makes the next run slower
                atomic_write(path, _verdicts[path])
    return _verdicts[path]


_verdicts: dict[Path, Verdict] = {}
"""Verdicts that this process knows, by their file in the cache."""


def compare_with_ours(found: Verification, degradations: Mapping[str, DegradationSpec]) -> list[str]:
    """Describe how the LR that comes with a dataset was made.

    Args:
        found: The dataset.
        degradations: Those registered; "bicubic" and "bicubic_replicate" are tried.

    Returns:
        A sentence for each scale.
    """
    return [_compared(found, scale, degradations) for scale in found.lr]


def _compared(found: Verification, scale: Scale, degradations: Mapping[str, DegradationSpec]) -> str:
    if found.problems or found.lr_problems.get(scale):
        return f"The pixels of the x{scale} LR were not compared with bicubic, because of the faults above."
    verdicts = []
    for name in ("bicubic", "bicubic_replicate"):
        verdicts.append(compare_lr_set(found.lr[scale], found.images, degradations[name], scale))
        if verdicts[-1] == "identical":
            return f"The x{scale} LR is identical to {name}."
    if "differs in border" in verdicts:
        return f"The x{scale} LR differs from bicubic at the borders only."
    return f"The x{scale} LR is not bicubic as MATLAB makes it; scores on it are not the published kind."
