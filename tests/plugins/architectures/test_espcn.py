"""ESPCN has the size of its paper."""

import pytest
from srbench_plugins.architectures import espcn

from srbench.profiling.complexity import count_parameters


@pytest.mark.parametrize(("scale", "parameters"), [(2, 21_284), (3, 22_729), (4, 24_752)])
def test_it_has_its_three_convolutions(scale, parameters):
    convolutions = 64 * 26 + 32 * (64 * 9 + 1) + scale**2 * (32 * 9 + 1)
    assert count_parameters(espcn.ESPCN(scale)) == convolutions == parameters
