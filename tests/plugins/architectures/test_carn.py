"""CARN has its authors' sizes and counts."""

import pytest
from srbench_plugins.architectures import carn

from helpers.architectures import assert_scores_distinct, assert_size
from helpers.networks import gmacs

SPECS = {spec.name: spec for spec in carn.register_architectures()}


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [
        ("carn", 2, 1_591_939, 222.8),
        ("carn", 4, 1_591_939, 90.9),
        ("carn_m", 2, 414_787, 91.2),
        ("carn_m", 4, 414_787, 32.5),
    ],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs):
    assert_size(SPECS[name], scale, parameters)
    assert round(gmacs(SPECS[name], scale), 1) == macs


@pytest.mark.parametrize("name", SPECS)
def test_its_reported_scores_are_distinct(name):
    assert_scores_distinct(SPECS[name])
