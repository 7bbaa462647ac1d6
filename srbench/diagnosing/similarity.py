"""SSIM as other programs compute it: their windows, borders and ranges of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from srbench.diagnosing.colours import Planes

Border = Literal["valid", "reflect", "replicate", "zero"]
_MODES: Mapping[Border, Literal["mirror", "nearest", "constant"]] = {
    "valid": "mirror",
    "reflect": "mirror",
    "replicate": "nearest",
    "zero": "constant",
}
_K1, _K2 = 0.01, 0.03


def _gaussian() -> NDArray[np.float64]:
    window: NDArray[np.float64] = np.exp(-(np.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    window /= window.sum()
    return window


@dataclass(frozen=True, slots=True)
class Window:
    """One way to compute SSIM."""

    name: str
    about: str
    """What a sentence adds to "SSIM on Y, shave 4"; empty for the usual one."""
    uniform: bool = False
    """Whether the window is 7×7 and uniform, with the sample covariance; otherwise Gaussian, 11×11, σ 1.5."""
    border: Border = "valid"
    """What is beyond the image; "valid" leaves those windows out."""
    data_range: float = 255.0
    """The range that the constants are computed for, in units of 8 bits."""
    pooled: bool = False
    """Whether images of 384 pixels or more are averaged down first, to about 256 pixels."""


WINDOWS: Mapping[str, Window] = MappingProxyType(
    {
        window.name: window
        for window in (
            Window("gaussian", ""),
            Window("gaussian_reflect", "with mirrored borders", border="reflect"),
            Window("gaussian_replicate", "with repeated borders", border="replicate"),
            Window("gaussian_zero", "with black borders", border="zero"),
            Window("uniform", "with a uniform 7×7 window", uniform=True),
            Window("pooled", "after averaging the images down to about 256 pixels", pooled=True),
            Window("gaussian_range_1", "of values to 255, with data_range 1", data_range=1.0),
            Window("gaussian_range_2", "of values to 1, with data_range 2", data_range=2 * 255.0),
            Window("gaussian_range_255", "of values to 1, with data_range 255", data_range=255.0**2),
            Window("uniform_range_1", "with a uniform window, of values to 255, with data_range 1", True, "valid", 1.0),
            Window("uniform_range_2", "with a uniform window, of values to 1, with data_range 2", True, "valid", 510.0),
        )
    }
)  # fmt: skip
"""The ways by name."""


def similarities(sr: Planes, hr: Planes, wanted: Mapping[Window, Iterable[int]]) -> dict[tuple[str, int], float]:
    """Compute SSIM of one image in several ways.

    Args:
        sr: (C, H, W) from 0 to 255.
        hr: The same of the truth.
        wanted: The numbers of pixels to remove at each edge, by the way.

    Returns:
        The mean over channels, by the name of the way and the shave; without those for which the image is too small.
    """
    found: dict[tuple[str, int], float] = {}
    kept: dict[tuple[bool, str, bool, int], tuple[_Moments, ...]] = {}
    for window, shaves in wanted.items():
        valid = window.border == "valid"
        for shave in shaves:
            # Where windows beyond the border are left out, what is within is the same for every shave.
            own = 0 if valid and not window.pooled else shave
            cut = shave - own + (5 - 2 * window.uniform if valid else 0)
            if min(sr.shape[1:]) <= 2 * max(shave, own + cut, 7):
                continue
            kind = (window.uniform, _MODES[window.border], window.pooled, own)
            if kind not in kept:
                inner = (slice(None), *(slice(own, side - own) for side in sr.shape[1:]))
                kept[kind] = tuple(_moments(x, y, window) for x, y in zip(sr[inner], hr[inner], strict=True))
            maps = [moments.similarity(window, cut) for moments in kept[kind]]
            found[window.name, shave] = float(np.mean([part.mean() for part in maps]))
    return found


@dataclass(frozen=True, slots=True)
class _Moments:
    """Local means and covariances of two planes (H, W)."""

    mean_sr: NDArray[np.float64]
    mean_hr: NDArray[np.float64]
    variances: NDArray[np.float64]
    """The sum of both variances."""
    covariance: NDArray[np.float64]

    def similarity(self, window: Window, cut: int) -> NDArray[np.float64]:
        """Return the map of SSIM without ``cut`` pixels at each edge."""
        c1, c2 = (_K1 * window.data_range) ** 2, (_K2 * window.data_range) ** 2
        inner = tuple(slice(cut, max(side - cut, cut)) for side in self.mean_sr.shape)
        x, y, variances, covariance = (
            part[inner] for part in (self.mean_sr, self.mean_hr, self.variances, self.covariance)
        )
        made: NDArray[np.float64] = ((2 * x * y + c1) * (2 * covariance + c2)) / (
            (x * x + y * y + c1) * (variances + c2)
        )
        return made


def _moments(x: NDArray[np.float64], y: NDArray[np.float64], window: Window) -> _Moments:
    from scipy.ndimage import correlate1d, uniform_filter

    factor = max(1, round(min(x.shape) / 256)) if window.pooled else 1
    x, y = (_averaged(plane, factor) for plane in (x, y))

    def blurred(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        if window.uniform:
            made: NDArray[np.float64] = uniform_filter(plane, 7, mode="mirror")
            return made
        weights, mode = _gaussian(), _MODES[window.border]
        rows = correlate1d(plane, weights, axis=0, mode=mode)
        both: NDArray[np.float64] = correlate1d(rows, weights, axis=1, mode=mode)
        return both

    mean_x, mean_y = blurred(x), blurred(y)
    sample = 49 / 48 if window.uniform else 1.0
    return _Moments(
        mean_x,
        mean_y,
        sample * (blurred(x * x + y * y) - mean_x * mean_x - mean_y * mean_y),
        sample * (blurred(x * y) - mean_x * mean_y),
    )


def _averaged(plane: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    if factor == 1:
        return plane
    rows, columns = (side // factor for side in plane.shape)
    parts = plane[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    made: NDArray[np.float64] = parts.mean(axis=(1, 3))
    return made
