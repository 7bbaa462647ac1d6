"""SRCNN has its authors' sizes and counts."""

import pytest
from srbench_plugins.architectures import srcnn

from helpers.architectures import assert_scores_distinct, assert_size
from helpers.networks import gmacs

SPECS = {spec.name: spec for spec in srcnn.register_architectures()}


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [("srcnn", 2, 57_281, 52.7)],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs):
    assert_size(SPECS[name], scale, parameters)
    assert round(gmacs(SPECS[name], scale), 1) == macs


@pytest.mark.parametrize("name", SPECS)
def test_its_reported_scores_are_distinct(name):
    assert_scores_distinct(SPECS[name])
