"""ESPCN and FSRCNN have the sizes of their papers, and bicubic is MATLAB's."""

import pytest
import torch
from srbench_plugins.architectures import bicubic, espcn, fsrcnn
from torch import nn

from srbench.imaging import imresize
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph


def weights_only(module):
    """Weights of convolutions, which is what the FSRCNN paper counts."""
    return sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("sizes", "weights"), [({}, 12_464), ({"d": 32, "s": 5, "m": 1}, 3_937)])
def test_fsrcnn_has_the_papers_weights_at_every_scale(scale, sizes, weights):
    assert weights_only(fsrcnn.FSRCNN(scale, **sizes)) == weights


def test_fsrcnn_has_one_slope_for_each_activation():
    assert count_parameters(fsrcnn.FSRCNN(2)) == 12_464 + (56 + 12 + 4 * 12 + 56 + 1) + 7


@pytest.mark.parametrize(("scale", "parameters"), [(2, 21_284), (3, 22_729), (4, 24_752)])
def test_espcn_has_its_three_convolutions(scale, parameters):
    convolutions = 64 * 26 + 32 * (64 * 9 + 1) + scale**2 * (32 * 9 + 1)
    assert count_parameters(espcn.ESPCN(scale)) == convolutions == parameters


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_bicubic_computes_in_double_precision_and_returns_what_it_was_given(scale):
    lr = photograph(1, 3, 9, 7)
    network = bicubic.Bicubic(scale)
    assert torch.equal(network(lr), imresize(lr.double(), scale=scale).float())
    assert torch.equal(network(lr.double()), imresize(lr.double(), scale=scale))
