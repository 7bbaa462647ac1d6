"""The frequency loss: ring weights on SciPy's DCT coefficients, for any size."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from srbench_plugins.losses import frequency

from srbench.testing import photograph, violations_of

(SPEC,) = frequency.register_losses()


def test_it_keeps_the_contract_of_a_loss():
    assert violations_of(SPEC) == []


def by_hand(difference, block):
    """One block, with SciPy and the rings written out."""
    total = 0.0
    for (u, v), coefficient in np.ndenumerate(dctn(difference, norm="ortho")):
        radius = max(np.hypot(u, v), 0.5) / block
        rings = zip(frequency.RING_EDGES, frequency.RING_WEIGHTS, strict=False)
        weight = next((w for edge, w in rings if radius <= edge), 1.0)
        total += weight * np.hypot(coefficient / (0.03 * radius**-1.2), frequency.CHARBONNIER_EPSILON)
    return total / block**2


@pytest.mark.parametrize("block", [8, 32])
def test_of_one_block_it_is_the_formula(block):
    sr, hr = photograph(1, 1, block, block, seed=0), photograph(1, 1, block, block, seed=1)
    loss = frequency.FrequencyLoss(block)(sr, hr).item()
    assert loss == pytest.approx(by_hand((sr - hr)[0, 0].double().numpy(), block), rel=1e-4)


def test_of_many_blocks_and_colours_it_is_the_mean():
    sr, hr = photograph(2, 3, 64, 32, seed=0), photograph(2, 3, 64, 32, seed=1)
    loss = SPEC.build()
    each = [
        loss(sr[n, c, top : top + 32][None, None], hr[n, c, top : top + 32][None, None]).item()
        for n in range(2)
        for c in range(3)
        for top in (0, 32)
    ]
    assert loss(sr, hr).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_what_is_missing_of_a_block_is_no_difference():
    sr, hr = photograph(1, 1, 40, 50, seed=0), photograph(1, 1, 40, 50, seed=1)
    whole = [torch.nn.functional.pad(image, (0, 14, 0, 24)) for image in (sr, hr)]
    loss = SPEC.build()
    assert loss(sr, hr).item() == pytest.approx(loss(*whole).item(), rel=1e-6)


def test_errors_at_the_highest_frequencies_of_lr_at_x4_cost_most():
    """For errors of the usual size of coefficients, those around r = 0.16 weigh ten times as much as slow ones."""
    loss, hr = SPEC.build(), torch.zeros(1, 1, 32, 32)

    def of(row):
        maps = torch.zeros(1, 1024, 1, 1)
        maps[0, row * 32] = loss.deviation[row * 32]
        return loss(loss.dct.inverse(maps), hr).item() - loss(hr, hr).item()

    assert of(5) == pytest.approx(10 * of(1), rel=1e-2)
    assert of(12) == pytest.approx(of(1), rel=1e-2)
