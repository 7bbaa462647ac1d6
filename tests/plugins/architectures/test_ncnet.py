"""NCNet computes what its authors' code computes, with their keys, sizes, counts and weights."""

import pytest
import torch
from srbench_plugins.architectures import ncnet

from helpers.architectures import assert_scores_distinct, assert_size, assert_weights_load
from helpers.networks import gmacs
from srbench.errors import CheckpointError
from srbench.testing import photograph

(SPEC,) = ncnet.register_architectures()


@pytest.mark.parametrize("scale", [3, 4])
def test_it_equals_the_official_network(scale, assert_official):
    assert_official(SPEC.network(scale), f"ncnet_x{scale}")


@pytest.mark.parametrize(("scale", "parameters", "macs"), [(2, 42_664, 9.80), (3, 52_279, 5.33), (4, 72_544, 4.17)])
def test_its_parameters_and_operations_are_the_published_ones(scale, parameters, macs):
    assert_size(SPEC, scale, parameters)
    assert round(gmacs(SPEC, scale), 2) == macs


@pytest.mark.parametrize("checkpoint", SPEC.checkpoints, ids=lambda c: f"{c.tag}-x{c.scale}")
def test_the_official_weights_load_as_they_are(checkpoint, shared):
    assert_weights_load(SPEC, checkpoint, shared)


def test_a_damaged_file_of_weights_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"not weights at all")
    with pytest.raises(CheckpointError, match="is damaged or"):
        ncnet.read_arrays(path)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_without_its_body_it_is_nearest_neighbour_interpolation(scale):
    network = ncnet.NCNet(scale).eval()
    for parameter in network.body[-1].parameters():
        torch.nn.init.zeros_(parameter)
    lr = photograph(1, 3, 5, 6)
    nearest = lr.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
    with torch.no_grad():
        assert torch.equal(network(lr), nearest)


def test_its_fixed_skip_follows_its_network_and_stays_out_of_its_state():
    network = ncnet.NCNet(2)
    assert network.double().nearest.dtype == torch.float64
    assert "nearest" not in network.state_dict()


def test_its_reported_scores_are_distinct():
    assert_scores_distinct(SPEC)
