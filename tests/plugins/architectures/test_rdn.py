"""RDN computes what its PyTorch release computes, with its keys and sizes."""

import pytest
import torch
from srbench_plugins.architectures import rdn

from helpers.networks import fill
from srbench.profiling.complexity import count_parameters

SPECS = {spec.name: spec for spec in rdn.register_architectures()}


@pytest.mark.parametrize("scale", [2, 3])
def test_configuration_a_equals_the_official_network(scale, assert_official):
    network = rdn.RDN(scale, blocks=20, layers=6, growth=32, channels=16)
    assert_official(network, f"rdn_a_g16_x{scale}")


def test_configuration_b_equals_the_official_network(assert_official):
    assert_official(SPECS["rdn"].network(4), "rdn_b_x4")


@pytest.mark.parametrize(
    ("name", "scale", "parameters"), [("rdn", 2, 22_123_395), ("rdn", 4, 22_271_107), ("rdn_small", 2, 28_323)]
)
def test_its_size_is_the_releases(name, scale, parameters):
    with torch.device("meta"):
        assert count_parameters(SPECS[name].network(scale)) == parameters


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_upsampler_reads_what_the_encoder_gives(scale):
    network, encoder = SPECS["rdn_small"].network(scale).eval(), SPECS["rdn_small"].encoder().eval()
    fill(network, set())
    fill(encoder, set())
    lr = torch.rand(1, 3, 6, 7)
    with torch.no_grad():
        assert torch.equal(network.UPNet(encoder(lr)), network(lr))
