"""FSRCNN has the sizes of its paper."""

import pytest
from srbench_plugins.architectures import fsrcnn
from torch import nn

from srbench.profiling.complexity import count_parameters


def weights_only(module):
    """Weights of convolutions, which is what the paper counts."""
    return sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("sizes", "weights"), [({}, 12_464), ({"d": 32, "s": 5, "m": 1}, 3_937)])
def test_it_has_the_papers_weights_at_every_scale(scale, sizes, weights):
    assert weights_only(fsrcnn.FSRCNN(scale, **sizes)) == weights


def test_it_has_one_slope_for_each_activation():
    assert count_parameters(fsrcnn.FSRCNN(2)) == 12_464 + (56 + 12 + 4 * 12 + 56 + 1) + 7
