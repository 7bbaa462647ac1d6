"""Bicubic is MATLAB's, in double precision, at any size."""

import pytest
import torch
from srbench_plugins.architectures import bicubic

import srbench
from srbench.imaging import imresize
from srbench.networks.network import build_network
from srbench.testing import photograph

(SPEC, _) = bicubic.register_architectures()


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_it_computes_in_double_precision_and_returns_what_it_was_given(scale):
    lr = photograph(1, 3, 9, 7)
    network = build_network(SPEC, scale)
    assert torch.equal(network(lr, scale), imresize(lr.double(), scale=scale).float())
    assert torch.equal(network(lr.double(), scale), imresize(lr.double(), scale=scale))


@pytest.mark.parametrize(("scale", "size"), [("1.5", (14, 10)), ("2.3", (21, 16)), ("3.7x1.5", (33, 10))])
def test_it_enlarges_by_real_scales_to_the_rounded_size(scale, size):
    lr, real = photograph(1, 3, 9, 7), srbench.parse_scale(scale)
    sr = build_network(SPEC, real)(lr, real)
    assert torch.equal(sr, imresize(lr.double(), size=size).float())
