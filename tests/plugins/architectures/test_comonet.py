"""CoMoNet computes what its authors' code computes, with their keys, sizes, counts and weights."""

import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import comonet, uhdn
from torch import nn

from helpers.architectures import (
    assert_alone_as_in_a_batch,
    assert_close_in,
    assert_compiles_whole,
    assert_one_export_serves,
    assert_onnxruntime_computes_the_same,
    assert_size,
    assert_weights_load,
    attentive,
)
from helpers.networks import fill
from srbench.profiling.complexity import count_macs
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in comonet.register_architectures()}
CHECKPOINTS = [(name, checkpoint) for name in SPECS for checkpoint in SPECS[name].checkpoints]
TINY = partial(comonet.CoMoNet, channels=8, blocks=2, growth=4)
SMALL = dataclasses.replace(SPECS["comonet_s"], build=partial(TINY, blocks=1), taps=("body.0",))


def test_a_tiny_one_equals_the_official_network(assert_official):
    assert_official(TINY(2), "comonet_tiny_x2")


@pytest.mark.parametrize("name", ["comonet_s", pytest.param("comonet_l", marks=pytest.mark.slow)])
def test_the_papers_network_equals_the_official_one(name, assert_official):
    assert_official(SPECS[name].network(2), f"{name}_x2")


def gmacs(name, scale, height, width):
    """GMACs for an lr whose sides are rounded up, as in the facts."""
    size = -(-height // scale), -(-width // scale)
    return count_macs(lambda: SPECS[name].network(scale), lambda network, lr: network(lr), size).total / 1e9


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [
        ("comonet_s", 2, 722_259, 167.0),
        ("comonet_s", 3, 874_179, 90.5),
        ("comonet_s", 4, 760_851, 51.5),
        ("comonet_l", 2, 15_615_779, 3598.7),
    ],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs):
    assert_size(SPECS[name], scale, parameters)
    assert round(gmacs(name, scale, 720, 1280), 1) == macs


@pytest.mark.parametrize(("name", "checkpoint"), CHECKPOINTS, ids=[f"{name}-x{c.scale}" for name, c in CHECKPOINTS])
def test_the_official_weights_load_as_they_are(name, checkpoint, shared):
    state = assert_weights_load(SPECS[name], checkpoint, shared)
    assert all(not tensor.any() for key, tensor in state.items() if key.endswith("threshold"))


def test_it_keeps_the_contract_of_an_architecture():
    assert violations_of(SMALL) == []


def test_a_batch_of_any_size_is_its_images_one_by_one():
    lr = torch.cat([photograph(1, 3, 7, 11, seed=seed) for seed in range(4)])
    assert_alone_as_in_a_batch(attentive(SMALL), lr)


@pytest.mark.slow
def test_one_export_serves_every_size_and_every_batch():
    assert_one_export_serves(attentive(SMALL).module, ((1, 3, 4), (3, 21, 10), (1, 9, 103)), shift=-0.5)


@pytest.mark.slow
def test_compiled_or_in_onnxruntime_a_dense_block_gives_the_same():
    block = uhdn.DenseBlock(8, 4, 2, comonet.ThresholdConvolution, partial(nn.LeakyReLU, 0.1), bias=True).eval()
    features = photograph(2, 8, 11, 10) - 0.5
    assert_compiles_whole(block, features)
    assert_onnxruntime_computes_the_same(block, features)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_converted_to_half_precision_it_stays_close(dtype):
    assert_close_in(dtype, attentive(SMALL), photograph(2, 3, 12, 10))


def test_without_modulation_it_has_the_same_keys_and_other_outputs():
    on, off = TINY(2).eval(), TINY(2, modulated=False).eval()
    fill(on, set())
    off.load_state_dict(on.state_dict(), strict=True)
    lr = photograph(1, 3, 9, 9) - 0.5
    with torch.no_grad():
        assert not torch.allclose(on(lr), off(lr), atol=1e-4)
