"""The contract of a metric of images; others are in `srbench.testing.set_metric` and `recognition_metric`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from srbench.errors import UsageError
from srbench.imaging.resize import imresize
from srbench.measuring.metrics.spec import MetricSpec, SampleMetricSpec, ScoreSpec, SetMetricSpec
from srbench.measuring.recognition.spec import FrontMetricSpec, RecognitionMetricSpec
from srbench.testing import recognition_metric, set_metric
from srbench.testing.contract import Violations, photograph, seeded

CHECKED = "one number an image or set, worse under noise, or for a map of uncertainty that knows less"

SIDE = 128
NOISE_LEVELS = (0.01, 0.03, 0.1)
"""Standard deviations on [0, 1], mild to strong."""
MAP_NOISE = (0.0, 0.5, 1.0, 2.0)
"""Standard deviations of the logarithm of a map, from a perfect one to a poor one."""


def violations(spec: ScoreSpec) -> list[str]:
    """List the rules that a metric breaks, one sentence each.

    Raises:
        UnavailableError: The metric is not available on this machine, so nothing was checked.
    """
    found = Violations()
    with seeded(0), found.during(f"loading and computing {spec.name}"):
        if isinstance(spec, RecognitionMetricSpec):
            recognition_metric.check(spec, found)
        elif isinstance(spec, SetMetricSpec):
            set_metric.check_set(spec, found)
        elif isinstance(spec, SampleMetricSpec):
            set_metric.check_samples(spec, found)
        elif isinstance(spec, MetricSpec | FrontMetricSpec):
            _check(spec.compares if isinstance(spec, FrontMetricSpec) else spec, found)
        else:
            raise UsageError(
                f"the metric is a {type(spec).__name__}; make it a MetricSpec, a SetMetricSpec, a SampleMetricSpec, a "
                "RecognitionMetricSpec or a FrontMetricSpec."
            )
    return found


def _check(spec: MetricSpec, found: Violations) -> None:
    if spec.needs_uncertainty:
        _check_of_maps(spec, found)
        return
    loaded = spec.load(torch.device("cpu"))
    hr = photograph(3, 1 if spec.channels == "y" else 3, SIDE, SIDE).double()
    lr = imresize(hr, scale=0.5)

    def metric(sr: Tensor, truth: Tensor, rows: slice = slice(None)) -> Tensor:
        return loaded(sr, truth, lr[rows].clone()) if spec.needs_lr else loaded(sr, truth)

    noise = torch.randn(hr.shape, dtype=hr.dtype)
    noisy = [(hr + level * noise).clamp(0, 1) for level in NOISE_LEVELS]
    sr, truth = noisy[1].clone(), hr.clone()
    scores = metric(sr, truth)
    if not found.expect(
        tuple(scores.shape) == (3,), f"{spec.name} gave shape {tuple(scores.shape)} for 3 images; it must give (3,)."
    ):
        return
    found.expect(scores.isfinite().all(), f"{spec.name} gave NaN or infinity for images that differ.")
    found.expect(torch.equal(sr, noisy[1]) and torch.equal(truth, hr), f"{spec.name} changes its input in place.")
    found.expect(torch.equal(metric(sr, truth), scores), f"{spec.name} gives two results for one pair.")
    single = torch.cat([metric(sr[i : i + 1], truth[i : i + 1], slice(i, i + 1)) for i in range(3)])
    found.expect(
        torch.allclose(single, scores, rtol=1e-4, atol=1e-6),
        f"{spec.name} scores an image differently in a batch than alone; images must not mix.",
    )
    if not spec.needs_hr:
        found.expect(
            torch.equal(metric(sr, torch.zeros_like(hr)), scores), f"{spec.name} says needs_hr=False and looks at hr."
        )
    if not spec.needs_hr and not spec.needs_lr:
        return
    _check_order(spec, [metric(image, hr).mean().item() for image in (hr, *noisy)], "growing noise", found)


def _check_of_maps(spec: MetricSpec, found: Violations) -> None:
    """Check a metric of maps of uncertainty on sr whose noise is known, and on maps that know it less and less."""
    metric = spec.load(torch.device("cpu"))
    hr = photograph(3, 1 if spec.channels == "y" else 3, SIDE, SIDE).double()
    true = 0.02 + 0.2 * (hr - hr.mean(dim=(2, 3), keepdim=True)).abs()
    sr = hr + true * torch.randn(hr.shape, dtype=hr.dtype)
    blur = torch.randn(hr.shape, dtype=hr.dtype)
    maps = [true * torch.exp(level * blur) for level in MAP_NOISE]
    scores = metric(sr, hr, true)
    if not found.expect(
        tuple(scores.shape) == (3,), f"{spec.name} gave shape {tuple(scores.shape)} for 3 images; it must give (3,)."
    ):
        return
    found.expect(scores.isfinite().all(), f"{spec.name} gave NaN or infinity for maps that differ.")
    found.expect(torch.equal(metric(sr, hr, true), scores), f"{spec.name} gives two results for one image.")
    single = torch.cat([metric(sr[i : i + 1], hr[i : i + 1], true[i : i + 1]) for i in range(3)])
    found.expect(
        torch.allclose(single, scores, rtol=1e-4, atol=1e-6),
        f"{spec.name} scores an image differently in a batch than alone; images must not mix.",
    )
    if spec.needs_uncertainty == "order":
        found.expect(
            torch.allclose(metric(sr, hr, 2 * true), scores, rtol=1e-4, atol=1e-6),
            f"{spec.name} says that it needs an order, and a map of twice the size scores differently.",
        )
    _check_order(spec, [metric(sr, hr, one).mean().item() for one in maps], "a map that knows less", found)


def _check_order(spec: MetricSpec, means: Sequence[float], what: str, found: Violations) -> None:
    """Check that scores get worse from first to last."""
    sign = 1 if spec.higher_is_better else -1
    better = "higher" if spec.higher_is_better else "lower"
    found.expect(
        all(sign * cleaner > sign * noisier for cleaner, noisier in pairwise(means)),
        f"{spec.name} says {better} is better, but {what} gives {[round(m, 4) for m in means]}.",
    )
