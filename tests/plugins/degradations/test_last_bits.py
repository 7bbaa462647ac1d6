"""What machines do differently, the last bits of float64, changes no frozen lr of any bundled degradation."""

import numpy as np
import pytest
import torch
from srbench_plugins.steps.codecs import Jpeg, WebP
from srbench_plugins.steps.down import AreaDown
from srbench_plugins.steps.noise import PoissonNoise
from srbench_plugins.steps.quantise import Quantise

from srbench.catalog.catalog import load_catalog
from srbench.degrading import Chain, Size, freeze, realise
from srbench.degrading.spec import DegradationSpec

CATALOG = load_catalog()
CHAINS = [name for name, spec in CATALOG.degradations.items() if spec.chain is not None]


def picture(height, width):
    coarse = torch.rand(1, 3, 7, 7, generator=torch.Generator().manual_seed(5))
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    grain = torch.randint(-3, 4, smooth.shape, generator=torch.Generator().manual_seed(6))
    return ((smooth * 255).round() + grain).clamp(0, 255).double() / 255


def differing(spec, scale, number):
    """How many values of an lr change with the last bits of hr."""
    hr = picture(40 * scale, 36 * scale)
    sign = torch.randint(0, 2, hr.shape, generator=torch.Generator().manual_seed(7)).double() * 2 - 1
    realisation = freeze(spec, Size(40 * scale, 36 * scale, scale, number), seed=number)
    lr, other = (realise(spec, image, realisation) for image in (hr, hr * (1 + sign * 3e-16)))
    assert not torch.equal(hr, hr * (1 + sign * 3e-16))
    return int((np.floor(lr.numpy() * 255 + 0.5) != np.floor(other.numpy() * 255 + 0.5)).sum())


@pytest.mark.parametrize("name", CHAINS)
def test_the_last_bits_do_not_reach_lr(name):
    spec = CATALOG.degradations[name]
    scale = 2 if spec.scales is None or 2 in spec.scales else min(spec.scales)
    assert not any(differing(spec, scale, number) for number in range(2 if spec.stochastic else 1))


@pytest.mark.parametrize("step", [Quantise("half_even"), Quantise("half_up"), Jpeg(60), WebP(60), PoissonNoise()])
def test_ties_are_settled_before_every_step_that_rounds(step):
    """A quarter of all means over 2 x 2 pixels are half-way between two levels."""
    chain = Chain([AreaDown(), step])
    assert differing(DegradationSpec(name="mine", chain=chain, stochastic=True), 2, 0) == 0
