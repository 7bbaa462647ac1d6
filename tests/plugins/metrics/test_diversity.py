"""Metrics of samples: their values are checked in tests/measuring/metrics/test_diversity.py."""

import pytest
import torch
from srbench_plugins.metrics import diversity

from srbench.errors import UnavailableError
from srbench.measuring.metrics.diversity import pixel_deviation

DEVIATION, LPIPS = diversity.register_metrics()


def test_the_deviation_needs_nothing():
    assert DEVIATION.load(torch.device("cpu")) is pixel_deviation


def test_lpips_is_compared_by_pairs(monkeypatch):
    def distance(first, second):
        return (first - second).abs().amax(dim=(1, 2, 3))

    monkeypatch.setattr("srbench_plugins.metrics.lpips.load", lambda trunk, device: distance)
    samples = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1).expand(-1, 3, 4, 4)
    assert LPIPS.load(torch.device("cpu"))(samples).item() == pytest.approx((0.5 + 1.0 + 0.5) / 3)


def test_without_weights_there_is_a_reason(monkeypatch, tmp_path):
    for name in ("SRBENCH_WEIGHTS", "SRBENCH_CACHE", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert "AlexNet weights" in LPIPS.unavailable()
    with pytest.raises(UnavailableError, match="AlexNet weights"):
        LPIPS.load(torch.device("cpu"))
