"""IMDN has its authors' sizes and counts, and takes their weights."""

import pytest
import torch
from srbench_plugins.architectures import imdn

from helpers.architectures import assert_scores_distinct, assert_size, assert_weights_load
from helpers.networks import gmacs

SPECS = {spec.name: spec for spec in imdn.register_architectures()}
CHECKPOINTS = [(name, checkpoint) for name, spec in SPECS.items() for checkpoint in spec.checkpoints]


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [("imdn", 2, 694_404, 158.8), ("imdn", 4, 715_176, 40.9)],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs):
    assert_size(SPECS[name], scale, parameters)
    assert round(gmacs(SPECS[name], scale), 1) == macs


@pytest.mark.parametrize(
    ("name", "checkpoint"), CHECKPOINTS, ids=[f"{name}-{c.tag}-x{c.scale}" for name, c in CHECKPOINTS]
)
def test_the_official_weights_load_as_they_are(name, checkpoint, shared):
    assert_weights_load(SPECS[name], checkpoint, shared)


@pytest.mark.parametrize("name", SPECS)
def test_its_reported_scores_are_distinct(name):
    assert_scores_distinct(SPECS[name])


def test_a_flat_image_gives_gradients_of_numbers():
    """Its gate takes a standard deviation, whose slope at zero is infinite."""
    network = imdn.IMDN(2, channels=16, modules=1)
    torch.nn.init.zeros_(network.fea_conv.weight)
    network(torch.zeros(1, 3, 1, 1)).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
