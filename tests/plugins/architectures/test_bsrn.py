"""BSRN has its authors' sizes and counts, and takes their weights."""

import pytest
import torch
from srbench_plugins.architectures import bsrn

from helpers.architectures import assert_scores_distinct, assert_size, assert_weights_load
from helpers.networks import gmacs

SPECS = {spec.name: spec for spec in bsrn.register_architectures()}
CHECKPOINTS = [(name, checkpoint) for name, spec in SPECS.items() for checkpoint in spec.checkpoints]


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [("bsrn", 4, 352_400, 19.18)],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs):
    assert_size(SPECS[name], scale, parameters)
    assert round(gmacs(SPECS[name], scale), 2) == macs


@pytest.mark.parametrize(
    ("name", "checkpoint"), CHECKPOINTS, ids=[f"{name}-{c.tag}-x{c.scale}" for name, c in CHECKPOINTS]
)
def test_the_official_weights_load_as_they_are(name, checkpoint, shared):
    assert_weights_load(SPECS[name], checkpoint, shared)


@pytest.mark.parametrize("name", SPECS)
def test_its_reported_scores_are_distinct(name):
    assert_scores_distinct(SPECS[name])


def test_its_spec_says_how_small_an_image_its_pooled_gate_takes():
    spec = SPECS["bsrn"]
    network = spec.network(2).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, spec.min_size, spec.min_size)).isfinite().all()
        with pytest.raises(RuntimeError):
            network(torch.rand(1, 3, spec.min_size - 1, spec.min_size))
