"""Bicubic is MATLAB's, in double precision."""

import pytest
import torch
from srbench_plugins.architectures import bicubic

from srbench.imaging import imresize
from srbench.testing import photograph


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_it_computes_in_double_precision_and_returns_what_it_was_given(scale):
    lr = photograph(1, 3, 9, 7)
    network = bicubic.Bicubic(scale)
    assert torch.equal(network(lr), imresize(lr.double(), scale=scale).float())
    assert torch.equal(network(lr.double()), imresize(lr.double(), scale=scale))
