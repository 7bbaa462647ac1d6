"""Grey images, which benchmarks have among colour ones, are degraded by every bundled degradation, and stay grey."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.degrading import Size, freeze, realise

CHAINS = [name for name, spec in load_catalog().degradations.items() if spec.chain is not None]


@pytest.mark.parametrize("name", CHAINS)
def test_a_grey_image_is_degraded_and_stays_grey(name):
    spec = load_catalog().degradations[name]
    scale = max({2, 3, 4} & (spec.scales or {4}))
    hr = torch.rand(1, 1, 16 * scale, 18 * scale, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for seed in range(3):
        lr = realise(spec, hr, freeze(spec, Size(*hr.shape[-2:], scale, 0), seed))
        assert lr.shape == (1, 1, 16, 18)
        assert 0 <= lr.min() < lr.max() <= 1
