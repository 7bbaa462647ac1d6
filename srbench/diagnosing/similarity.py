"""SSIM as other programs compute it: their windows, borders and ranges of values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from srbench.diagnosing.colours import Planes, inner_sums

Border = Literal["valid", "reflect", "replicate", "zero"]
_MODES: Mapping[Border, Literal["mirror", "nearest", "constant"]] = {
    "valid": "mirror",
    "reflect": "mirror",
    "replicate": "nearest",
    "zero": "constant",
}
_K1, _K2 = 0.01, 0.03
_RADIUS = 5


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
    kept: dict[tuple[bool, bool, int], list[_Moments]] = {}
    for window, shaves in wanted.items():
        radius = 3 if window.uniform else _RADIUS
        # Averaging down depends on where the image begins; otherwise the values within are the same for every shave.
        for own, cuts in ((cut, [cut]) for cut in shaves) if window.pooled else ((0, list(shaves)),):
            kind = (window.uniform, window.pooled, own)
            if kind not in kept:
                inside = replace(window, border="valid")
                kept[kind] = [_moments(*pair, inside) for pair in _planes_within(sr, hr, own)]
            maps = np.stack([moments.similarity(window) for moments in kept[kind]])
            sums = inner_sums(maps, {cut - own + radius for cut in cuts})
            for cut in cuts:
                inner = cut - own + radius
                if inner not in sums or min(sr.shape[1:]) <= 2 * max(cut, 7):
                    continue
                total = float(sums[inner].sum())
                size = len(maps) * (maps.shape[1] - 2 * inner) * (maps.shape[2] - 2 * inner)
                if window.border != "valid":
                    frames = [part for pair in _planes_within(sr, hr, cut) for part in _frame(*pair, window)]
                    total += sum(float(part.sum()) for part in frames)
                    size += sum(part.size for part in frames)
                found[window.name, cut] = total / size
    return found


def _planes_within(sr: Planes, hr: Planes, shave: int) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    rows, columns = (slice(shave, side - shave) for side in sr.shape[1:])
    yield from ((x[rows, columns], y[rows, columns]) for x, y in zip(sr, hr, strict=True))


def _frame(x: NDArray[np.float64], y: NDArray[np.float64], window: Window) -> list[NDArray[np.float64]]:
    """Return the map of SSIM where windows reach beyond the border: above, below, and then to the left and right."""
    near, all_of = 2 * _RADIUS, slice(None)
    first, last, between = slice(0, _RADIUS), slice(-_RADIUS, None), slice(_RADIUS, -_RADIUS)
    strips = (
        ((slice(0, near), all_of), (first, all_of)), ((slice(-near, None), all_of), (last, all_of)),
        ((all_of, slice(0, near)), (between, first)), ((all_of, slice(-near, None)), (between, last)),
    )  # fmt: skip
    return [_moments(x[strip], y[strip], window).similarity(window)[part] for strip, part in strips]


@dataclass(frozen=True, slots=True)
class _Moments:
    """Local means and covariances of two planes (H, W)."""

    mean_sr: NDArray[np.float64]
    mean_hr: NDArray[np.float64]
    variances: NDArray[np.float64]
    """The sum of both variances."""
    covariance: NDArray[np.float64]

    def similarity(self, window: Window) -> NDArray[np.float64]:
        """Return the map of SSIM, (H, W)."""
        c1, c2 = (_K1 * window.data_range) ** 2, (_K2 * window.data_range) ** 2
        product = self.mean_sr * self.mean_hr
        squares = np.square(self.mean_sr) + np.square(self.mean_hr)
        made: NDArray[np.float64] = ((2 * product + c1) * (2 * self.covariance + c2)) / (
            (squares + c1) * (self.variances + c2)
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
