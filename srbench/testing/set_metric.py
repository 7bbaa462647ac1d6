"""The contracts of metrics of a set of images, and of samples of one image."""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from srbench.measuring.metrics.spec import SampleMetricSpec, SetMetricSpec
from srbench.testing.contract import Violations, photograph

IMAGES = 6
SIDE = 128
NOISE_LEVELS = (0.0, 0.02, 0.1)
"""Standard deviations on [0, 1], from none to strong."""


def check_set(spec: SetMetricSpec, found: Violations) -> None:
    """Check features of single images, and that the score of a set gets worse under noise."""
    features = spec.load(torch.device("cpu"))
    channels = 1 if spec.channels == "y" else 3
    hr = photograph(IMAGES, channels, SIDE, SIDE).double()
    sets = [(hr + level * torch.randn(hr.shape, dtype=hr.dtype)).clamp(0, 1) for level in NOISE_LEVELS]
    before = sets[1].clone()
    whole = features(sets[1])
    if not found.expect(
        whole.ndim == 2 and len(whole) == IMAGES,
        f"{spec.name} gave features of shape {tuple(whole.shape)} for {IMAGES} images; they must be ({IMAGES}, D).",
    ):
        return
    found.expect(torch.equal(sets[1], before), f"{spec.name} changes its input in place.")
    found.expect(torch.equal(features(sets[1]), whole), f"{spec.name} gives two features for one image.")
    alone = torch.cat([features(sets[1][i : i + 1]) for i in range(IMAGES)])
    found.expect(
        torch.allclose(alone, whole, rtol=1e-3, atol=1e-5),
        f"{spec.name} has other features of an image in a batch than alone; images must not mix.",
    )
    truth = features(hr).detach().double()
    scores = [spec.score(features(images).detach().double(), truth) for images in sets]
    if not found.expect(
        all(isinstance(score, float) and math.isfinite(score) for score in scores),
        f"{spec.name} gave {scores}; the score of a set must be a finite float.",
    ):
        return
    if spec.needs_hr:
        sign = 1 if spec.higher_is_better else -1
        better = "higher" if spec.higher_is_better else "lower"
        found.expect(
            all(sign * cleaner > sign * noisier for cleaner, noisier in pairwise(scores)),
            f"{spec.name} says {better} is better, but growing noise gives {[round(s, 5) for s in scores]}.",
        )


def check_samples(spec: SampleMetricSpec, found: Violations) -> None:
    """Check that samples of one image give one number, in any order."""
    metric = spec.load(torch.device("cpu"))
    hr = photograph(1, 1 if spec.channels == "y" else 3, SIDE, SIDE).double().expand(4, -1, -1, -1)
    samples = (hr + 0.05 * torch.randn(hr.shape, dtype=hr.dtype)).clamp(0, 1)
    before = samples.clone()
    score = metric(samples)
    if not found.expect(
        score.numel() == 1, f"{spec.name} gave shape {tuple(score.shape)} for 4 samples; it must give one number."
    ):
        return
    found.expect(score.isfinite().all(), f"{spec.name} gave NaN or infinity for samples that differ.")
    found.expect(torch.equal(samples, before), f"{spec.name} changes its input in place.")
    found.expect(
        torch.allclose(metric(samples.flip(0)), score, rtol=1e-4, atol=1e-7),
        f"{spec.name} scores samples in another order differently.",
    )
