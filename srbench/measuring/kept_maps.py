"""Keep a network's map of its uncertainty as a file beside the super-resolved image, for the picture of the report."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from srbench.errors import DataError
from srbench.files import atomic_path

if TYPE_CHECKING:
    from torch import Tensor


def write_map(path: Path, uncertainty: Tensor) -> None:
    """Write the mean over channels of a map (1, C, H, W) as float32 (H, W)."""
    pixels = uncertainty[0].mean(dim=0).float().cpu().numpy()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, map=pixels)


def read_map(path: Path) -> NDArray[np.float64]:
    """Read a map (H, W).

    Raises:
        DataError: The file is missing or damaged.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            pixels: NDArray[np.float64] = file["map"].astype(np.float64)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise DataError(f"The map {path.name} cannot be read ({error}); run again.") from error
    if pixels.ndim != 2 or not np.isfinite(pixels).all():
        raise DataError(f"The map {path.name} is not (H, W) of finite numbers; run again.")
    return pixels
