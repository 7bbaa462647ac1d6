"""The contracts of metrics of sets and of samples find what is wrong."""

import itertools

import pytest
import torch

import srbench
from helpers.violations import one_violation
from srbench.testing import violations_of


def spectrum(images):
    return images.diff(dim=3).abs().mean(dim=(2, 3)) * 10


def distance(sr, hr):
    return (sr - hr).square().sum().item()


def of_set(features=spectrum, score=distance, **facts):
    return srbench.SetMetricSpec(
        name="mine", label="m", load=lambda device: features, score=score, **{"higher_is_better": False, **facts}
    )


def of_samples(metric):
    return srbench.SampleMetricSpec(name="mine", label="m", load=lambda device: metric)


COUNT = itertools.count()


@pytest.mark.parametrize(
    "spec",
    [
        of_set(),
        of_set(channels="y"),
        of_set(needs_hr=False, score=lambda sr, hr: sr.mean().item()),
        of_samples(lambda samples: samples.std(dim=0).mean()),
    ],
)
def test_a_sound_one_passes(spec):
    assert violations_of(spec) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (of_set(lambda images: images.mean(dim=(1, 2, 3))), "they must be (6, D)"),
        (of_set(lambda images: spectrum(images.mul_(0.99))), "changes its input in place"),
        (of_set(lambda images: spectrum(images) + next(COUNT)), "two features for one image"),
        (of_set(lambda images: spectrum(images) / spectrum(images).mean()), "in a batch than alone"),
        (of_set(score=lambda sr, hr: (sr - hr).sum()), "must be a finite float"),
        (of_set(higher_is_better=True), "says higher is better, but growing noise gives"),
        (of_samples(lambda samples: samples.std(dim=0)), "it must give one number"),
        (of_samples(lambda samples: samples.mean() / 0), "NaN or infinity"),
        (of_samples(lambda samples: samples[0].mean() - samples[1].mean()), "in another order differently"),
        (of_samples(lambda samples: samples.mul_(0.5).mean()), "changes its input in place"),
    ],
)
def test_a_faulty_one_is_reported_with_its_fault(spec, text):
    if "two features" in text:
        assert any(text in violation for violation in violations_of(spec))
    else:
        one_violation(spec, text)


def test_a_metric_of_lr_is_checked_with_lr():
    def near(sr, hr, lr):
        return (torch.nn.functional.avg_pool2d(sr, 2) - lr).square().mean(dim=(1, 2, 3))

    spec = srbench.MetricSpec(
        name="mine", label="m", load=lambda device: near, higher_is_better=False, needs_hr=False, needs_lr=True
    )
    assert violations_of(spec) == []
