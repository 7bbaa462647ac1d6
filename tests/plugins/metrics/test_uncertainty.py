"""The metrics of maps score each image by itself, over all its values."""

import pytest
import torch
from srbench_plugins.metrics.uncertainty import register_metrics

from srbench.measuring.metrics.calibration import (
    normalised_calibration_error,
    rank_correlation,
    sparsification_error,
)
from srbench.testing import photograph

METRICS = {spec.name: spec for spec in register_metrics()}
SCORES = {
    "error_correlation": rank_correlation, "ause": sparsification_error, "ence": normalised_calibration_error,
}  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_an_image_is_scored_over_its_values_of_all_channels(name):
    hr = photograph(2, 3, 12, 13).double()
    generator = torch.Generator().manual_seed(0)
    spread = 0.01 + 0.1 * torch.rand(hr.shape, generator=generator, dtype=hr.dtype)
    sr = hr + spread * torch.randn(hr.shape, generator=generator, dtype=hr.dtype)
    found = METRICS[name].load(torch.device("cpu"))(sr, hr, spread)
    assert found.shape == (2,)
    for number, value in enumerate(found):
        errors = (sr - hr)[number].abs().flatten()
        assert torch.equal(value, SCORES[name](errors, spread[number].flatten()))


def test_only_calibration_needs_deviations():
    assert {name: spec.needs_uncertainty for name, spec in METRICS.items()} == {
        "error_correlation": "order", "ause": "order", "ence": "deviation",
    }  # fmt: skip
    assert [spec.higher_is_better for spec in METRICS.values()] == [True, False, False]
