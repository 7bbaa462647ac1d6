"""Scores of sets, of samples and of lr within a measurement, and why they are missing."""

import math

import pytest
import torch

import srbench
from srbench.measuring.protocol import protocol_named
from srbench.measuring.scoring import Beside, Scorer

CPU = torch.device("cpu")


def means(images):
    return images.mean(dim=(2, 3))


def distance(sr, hr):
    return (sr.mean(dim=0) - hr.mean(dim=0)).abs().sum().item()


def of_set(load=lambda device: means, score=distance, **facts):
    return srbench.SetMetricSpec(**({"name": "mine", "label": "m", "load": load, "score": score} | facts))


def scorer(*metrics, protocol="rgb"):
    return Scorer(metrics, protocol_named(protocol), 2, CPU)


def test_a_set_is_scored_by_what_the_protocol_compares():
    seen = []

    def features(images):
        seen.append(images.shape)
        return means(images)

    measuring = scorer(of_set(lambda device: features))
    pairs = [(torch.rand(1, 3, 12, 12), torch.rand(1, 3, 12, 12)) for _ in range(3)]
    assert [measuring.score(sr, hr)["mine"] for sr, hr in pairs] == [None, None, None]
    rounded = [[(image[..., 2:-2, 2:-2] * 255).round().double() / 255 for image in pair] for pair in pairs]
    sr, hr = (torch.cat([means(pair[side]) for pair in rounded]) for side in (0, 1))
    assert measuring.set_scores() == pytest.approx({"mine": distance(sr, hr)})
    assert set(seen) == {(1, 3, 8, 8)}
    assert measuring.absent == {}


def test_luma_without_border_is_what_is_asked_for():
    measuring = scorer(of_set(lambda device: lambda images: images.flatten(1), channels="y", shaved=False))
    measuring.score(torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4))
    assert measuring.set_scores()["mine"] == pytest.approx(16 * 219 / 255)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (of_set(score=lambda sr, hr: math.nan), "gave no number (nan)"),
        (of_set(score=lambda sr, hr: 1 / 0), "ZeroDivisionError: division by zero"),
        (of_set(lambda device: lambda images: 1 / 0), "ant: ZeroDivisionError: division by zero"),
        (of_set(lambda device: 1 / 0), "ZeroDivisionError: division by zero"),
    ],
)
def test_a_failure_is_a_reason(spec, reason):
    measuring = scorer(spec)
    measuring.score(torch.rand(1, 3, 12, 12), torch.rand(1, 3, 12, 12), "ant")
    assert measuring.set_scores() == {}
    assert reason in measuring.absent["mine"]


def test_a_set_without_hr_or_without_images_has_a_reason():
    measuring = scorer(of_set())
    measuring.score(torch.rand(1, 3, 12, 12), None)
    assert measuring.set_scores() == {}
    assert "needs ground truth" in measuring.absent["mine"]
    empty = scorer(of_set())
    assert (empty.set_scores(), empty.absent) == ({}, {"mine": "there is no image"})


def test_samples_are_rounded_and_shaved_together():
    metric = srbench.SampleMetricSpec(name="spread", label="s", load=lambda device: lambda s: s.std(dim=0).mean())
    first, hr = torch.rand(1, 3, 12, 12), torch.rand(1, 3, 12, 12)
    others = (first + 0.1 / 255, first + 1 / 255)
    measuring = scorer(metric)
    found = measuring.score(first, hr, "ant", Beside(samples=others))["spread"]
    inner = torch.cat([first, *others])[..., 2:-2, 2:-2]
    assert found == pytest.approx(((inner.clamp(0, 1) * 255).round() / 255).std(dim=0).mean().item(), abs=1e-7)


def test_one_sample_and_an_unknown_lr_are_reasons():
    of_samples = srbench.SampleMetricSpec(name="spread", label="s", load=lambda device: None)
    of_lr = srbench.MetricSpec(name="near", label="n", load=lambda device: None, needs_lr=True)
    measuring = scorer(of_samples, of_lr)
    scores = measuring.score(torch.rand(1, 3, 12, 12), torch.rand(1, 3, 12, 12), "ant")
    assert scores == {"spread": None, "near": None}
    assert measuring.absent == {
        "spread": "needs several sr of an image, and this model makes one",
        "near": "needs lr, which is not known here",
    }


@pytest.mark.parametrize("channels", ["rgb", "y"])
def test_lr_comes_as_it_is_in_the_channels_of_the_metric(channels):
    def compares(sr, hr, lr):
        assert lr.dtype == torch.float64
        return lr.sum(dim=(1, 2, 3))

    lr = torch.rand(1, 3, 6, 6)
    metric = srbench.MetricSpec(name="near", label="n", load=lambda _: compares, needs_lr=True, channels=channels)
    found = scorer(metric).score(torch.rand(1, 3, 12, 12), torch.rand(1, 3, 12, 12), beside=Beside(lr=lr))["near"]
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64) / 255
    luma = ((lr[0].double() * weights[:, None, None]).sum(dim=0) + 16 / 255).sum()
    assert found == pytest.approx((lr.double().sum() if channels == "rgb" else luma).item(), rel=1e-6)


def test_a_hash_of_weights_is_known_after_loading():
    class Loaded:
        weights_sha256 = "ab" * 32

        def __call__(self, sr, hr):
            return sr.mean(dim=(1, 2, 3))

    own = srbench.MetricSpec(name="deep", label="d", load=lambda device: Loaded())
    assert scorer(own).weights == {"deep": "ab" * 32}
