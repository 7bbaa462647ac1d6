"""BSRGAN's own steps are those of its release: aligned sub-sampling, noise of sensors, photons rounded to levels."""

import numpy as np
import pytest
import torch
from srbench_plugins.steps import bsrgan as steps

from srbench.degrading import Size
from srbench.imaging import noise

HR = Size(64, 80, 4)


def traces(shared, name):
    arrays = np.load(shared(f"oracles/degradations/{name}.npz"))
    return {
        key: torch.from_numpy(array) if "kernel" in key else torch.from_numpy(array).permute(2, 0, 1)[None]
        for key, array in arrays.items()
    }


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_aligned_sub_sampling_equals_the_official_one(scale, shared):
    arrays = np.load(shared("oracles/degradations/classical_pipelines.npz"))
    hr = torch.from_numpy(arrays["hr"]).permute(2, 0, 1)[None]
    lr = steps.ResizeOrSubsample().apply(hr, [{"sigma_px": 0.4 * scale}], Size(48, 60, scale))
    expected = torch.from_numpy(arrays[f"bsrgan_nearest_x{scale}"]).permute(2, 0, 1)[None]
    torch.testing.assert_close(lr, expected, atol=2e-6, rtol=0)


def test_correlated_noise_has_its_covariance_and_the_other_kinds_none():
    flat = torch.full((3, 3, 160, 160), 0.5, dtype=torch.float64)
    covariance = [[0.5, 0.3, 0.1], [0.3, 0.6, 0.2], [0.1, 0.2, 0.4]]
    drawn = [
        {"level": 25, "colours": "correlated", "seed": 1, "covariance": covariance},
        {"level": 10, "colours": "grey", "seed": 2},
        {"level": 10, "colours": "colour", "seed": 3},
    ]
    noisy = (steps.SensorNoise().apply(flat, drawn, HR) - 0.5) * 255
    assert torch.allclose(noisy[0].flatten(1).cov() / 625, torch.tensor(covariance).double(), atol=0.02)
    assert torch.equal(noisy[1, 0], noisy[1, 2])
    assert noisy[2].flatten(1).corrcoef()[0, 1].abs() < 0.03
    assert noisy[1:].std(dim=(1, 2, 3)).tolist() == pytest.approx([10, 10], rel=0.03)


def test_photon_noise_equals_the_trace_under_its_counts(shared, monkeypatch):
    """Every value of the trace's noisy image is a whole number of photons, so the counts can be computed from it."""
    t = traces(shared, "bsrgan_plus_trace_x4")
    seen = t["t11_add_Poisson_noise"].double()
    gaps = seen.flatten().sort().values.diff()
    photon = gaps[gaps > 1e-5].min()
    for _ in range(5):  # the smallest gap gives a rough value of one photon, all counts together a precise one
        counts = (seen / photon).round()
        photon = (seen * counts).sum() / counts.square().sum()
    assert (seen - counts * photon).abs().max() < 1e-6
    assert 100 <= 1 / photon <= 10_000
    rates = []
    monkeypatch.setattr(noise, "count_photons", lambda rate, _: rates.append(rate) or counts[0])
    drawn = {"photons": (1 / photon).item(), "grey": False, "seed": 0}
    result = steps.RoundedPoissonNoise().apply(t["t10_convolved"], [drawn], HR)
    torch.testing.assert_close(result, t["t11_add_Poisson_noise"], atol=2e-5, rtol=0)
    # the counts are those of a Poisson distribution with these means
    away = (counts[0] - rates[0]) / rates[0].sqrt()
    assert away.mean().abs() < 0.06
    assert away.var().item() == pytest.approx(1, abs=0.08)
