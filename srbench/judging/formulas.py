"""The formulas of competitions as functions of numbers; where they are from is in `srbench.judging.tracks`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

REGIONS = (11.5, 12.5, 16.0)
"""The largest RMSE of each region of PIRM 2018, in levels of 255."""


def cost_score(cost: float, baseline: float) -> float:
    """Return the score of a cost of NTIRE efficient SR, exp(2 cost / baseline): e² for the baseline, lower is better.

    It is infinite where double precision has no such number.
    """
    try:
        return math.exp(2 * cost / baseline)
    except OverflowError:
        return math.inf


def weighted(scores: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the sum of scores, each times its weight."""
    return sum(weight * scores[name] for name, weight in weights.items())


def perceptual(
    *, lpips: float, dists: float, clipiqa: float, maniqa: float, musiq: float, niqe: float
) -> dict[str, float]:
    """Return the six terms of the perceptual score of NTIRE image SR; the score is their sum, higher is better.

    Args:
        lpips: As the others, the mean over all images.
        dists: In [0, 1], as lpips.
        clipiqa: In [0, 1].
        maniqa: Nominally in [0, 1].
        musiq: In [0, 100].
        niqe: Lower is better; from 10 on its term is 0.
    """
    return {
        "1 − LPIPS": 1 - lpips,
        "1 − DISTS": 1 - dists,
        "CLIPIQA": clipiqa,
        "MANIQA": maniqa,
        "MUSIQ/100": musiq / 100,
        "(10 − NIQE)/10": max(0.0, (10 - niqe) / 10),
    }


def mobile(quality: float, runtime: float, baseline_runtime: float) -> float:
    """Return the final score of the mobile real-world track, 2^quality · speed-up^0.2; higher is better."""
    return float(2**quality * (baseline_runtime / runtime) ** 0.2)


def real_time(gain: float, runtime_ms: float) -> float:
    """Return the score of NTIRE real-time SR, 2^gain · 2 / (0.1 √runtime), or 0 below bicubic; higher is better.

    Args:
        gain: PSNR over that of bicubic interpolation, in dB.
        runtime_ms: Milliseconds an image.
    """
    return 0.0 if gain < 0 else float(2**gain * 2 / (0.1 * math.sqrt(runtime_ms)))


def perceptual_index(niqe: float, ma: float) -> float:
    """Return the index of PIRM 2018, the mean of NIQE and 10 minus the score of Ma et al.; lower is better."""
    return ((10 - ma) + niqe) / 2


def root_mean_square(squares: Sequence[float]) -> float:
    """Return the root of the mean over images of their mean squared errors, as PIRM 2018 takes it."""
    return math.sqrt(math.fsum(squares) / len(squares))


def region(rmse: float) -> int:
    """Return the region of PIRM 2018 to which an RMSE belongs, from 1; one more than their number outside of all."""
    return next((place for place, largest in enumerate(REGIONS, start=1) if rmse <= largest), len(REGIONS) + 1)


def ranks(keys: Sequence[tuple[float, ...]]) -> list[int]:
    """Return the rank of each key, 1 for the smallest; equal keys share the better one."""
    return [1 + sum(other < key for other in keys) for key in keys]
