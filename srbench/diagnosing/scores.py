"""Take every reading of a set of images at once: each image is converted to each colour once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from srbench.diagnosing.colours import COLOURS, Planes, inner_sums
from srbench.diagnosing.readings import Reading
from srbench.diagnosing.similarity import WINDOWS, similarities


@dataclass(slots=True)
class Scores:
    """The readings of some images, added up as images come."""

    readings: Sequence[Reading]
    _values: dict[Reading, list[float]] = field(default_factory=dict)
    _errors: dict[Reading, list[tuple[float, int]]] = field(default_factory=dict)
    """The sum of squared errors and the number of values of each image, for readings of all pixels together."""

    def add(self, sr: Planes, hr: Planes) -> None:
        """Take the readings of one image.

        Args:
            sr: (3, H, W) or (1, H, W) from 0 to 255.
            hr: The same of the truth.
        """
        for name, colour in COLOURS.items():
            own = [reading for reading in self.readings if reading.colour == name]
            if own:
                pair = colour.of(sr), colour.of(hr)
                self._add_psnr([reading for reading in own if reading.score == "psnr"], *pair)
                self._add_ssim([reading for reading in own if reading.score == "ssim"], *pair)

    def _add_psnr(self, readings: Sequence[Reading], sr: Planes, hr: Planes) -> None:
        sums = inner_sums(np.square(sr - hr), {reading.shave for reading in readings}) if readings else {}
        for reading in readings:
            cut = reading.shave
            if cut not in sums:
                continue
            errors, size = sums[cut], (hr.shape[1] - 2 * cut) * (hr.shape[2] - 2 * cut)
            if reading.way == "pixels":
                self._errors.setdefault(reading, []).append((float(errors.sum()), size * len(errors)))
            elif reading.way == "channels":
                self._keep(reading, float(np.mean([psnr(float(error / size)) for error in errors])))
            else:
                own = hr[:, cut : hr.shape[1] - cut, cut : hr.shape[2] - cut]
                peak = float(np.ptp(own)) if reading.way == "own_peak" else 255.0
                self._keep(reading, psnr(float(errors.mean() / size), peak))

    def _add_ssim(self, readings: Sequence[Reading], sr: Planes, hr: Planes) -> None:
        by_shaves: dict[str, list[int]] = {}
        for reading in readings:
            by_shaves.setdefault(reading.way, []).append(reading.shave)
        windows = [WINDOWS[way] for way in by_shaves]
        values = similarities(sr, hr, {window: by_shaves[window.name] for window in windows})
        for reading in readings:
            if (value := values.get((reading.way, reading.shave))) is not None:
                self._keep(reading, value)

    def _keep(self, reading: Reading, value: float) -> None:
        self._values.setdefault(reading, []).append(value)

    def means(self) -> Mapping[Reading, float]:
        """Return each reading of all images; those that are infinite are left out."""
        found = {reading: float(np.mean(values)) for reading, values in self._values.items()}
        for reading, errors in self._errors.items():
            found[reading] = psnr(sum(error for error, _ in errors) / sum(size for _, size in errors))
        return {reading: found[reading] for reading in self.readings if math.isfinite(found.get(reading, math.inf))}


def scores_of(pairs: Iterable[tuple[Planes, Planes]], readings: Sequence[Reading]) -> Mapping[Reading, float]:
    """Take readings of pairs of sr and hr, (C, H, W) from 0 to 255."""
    scores = Scores(readings)
    for sr, hr in pairs:
        scores.add(sr, hr)
    return scores.means()


def psnr(mse: float, peak: float = 255.0) -> float:
    """Return PSNR in dB; infinite where nothing differs, or where the peak is 0."""
    return 10 * math.log10(peak * peak / mse) if mse and peak else math.inf
