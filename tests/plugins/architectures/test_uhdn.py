"""U-HDN computes what its authors' code computes, with their keys, sizes, counts and weights."""

import dataclasses
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import uhdn
from torch import nn

from helpers.architectures import (
    assert_alone_as_in_a_batch,
    assert_close_in,
    assert_compiles_whole,
    assert_one_export_serves,
    assert_onnxruntime_computes_the_same,
    assert_scores_distinct,
    assert_size,
    assert_weights_load,
    attentive,
)
from srbench.profiling.complexity import count_macs
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in uhdn.register_architectures()}
CHECKPOINTS = [(name, checkpoint) for name in SPECS for checkpoint in SPECS[name].checkpoints]
TINY = partial(uhdn.UHDN, channels=8, blocks=2, growth=4, groups=2, modulated=True)
SMALL = dataclasses.replace(SPECS["uhdn_ikm"], build=partial(TINY, blocks=1), taps=("body.0",))


def test_a_tiny_one_equals_the_official_network(assert_official):
    assert_official(TINY(3), "ikm_uhdn_tiny_x3")


@pytest.mark.parametrize(
    ("name", "scale", "oracle"),
    [("uhdn_ikm", 2, "ikm_uhdn_x2"), ("uhdn_ikm", 4, "ikm_uhdn_x4"), ("uhdn", 2, "uhdn_noikm_x2")],
)
def test_the_papers_network_equals_the_official_one(name, scale, oracle, assert_official):
    assert_official(SPECS[name].network(scale), oracle)


def gmacs(name, scale, height, width):
    """GMACs for an lr whose sides are rounded up, as in the facts."""
    size = -(-height // scale), -(-width // scale)
    return count_macs(lambda: SPECS[name].network(scale), lambda network, lr: network(lr), size).total / 1e9


@pytest.mark.parametrize(
    ("scale", "parameters", "macs"), [(2, 1_390_915, 321.6), (3, 1_402_435, 145.1), (4, 1_400_131, 83.7)]
)
def test_its_parameters_and_operations_are_the_published_ones(scale, parameters, macs):
    assert_size(SPECS["uhdn_ikm"], scale, parameters)
    assert round(gmacs("uhdn_ikm", scale, 720, 1280), 1) == macs


@pytest.mark.parametrize(("scale", "macs"), [(2, 60.31), (3, 27.19), (4, 15.70)])
def test_the_operations_that_the_paper_prints_are_those_of_a_smaller_image(scale, macs):
    assert round(gmacs("uhdn_ikm", scale, 360, 480), 2) == macs


@pytest.mark.parametrize(("name", "checkpoint"), CHECKPOINTS, ids=[f"{name}-x{c.scale}" for name, c in CHECKPOINTS])
def test_the_official_weights_load_as_they_are(name, checkpoint, shared):
    state = assert_weights_load(SPECS[name], checkpoint, shared)
    assert all(not tensor.any() for key, tensor in state.items() if key.endswith("threshold"))


def test_factors_that_the_layer_before_knew_are_taken_over():
    convolution = uhdn.Convolution(8, 4, modulated=True)
    x = photograph(2, 8, 9, 7) - 0.5
    whole = convolution.attention(x, None)
    assert torch.equal(convolution.attention(x, whole[:, :5]), whole)
    assert uhdn.Convolution(8, 4).attention(x, None) is None


def test_it_keeps_the_contract_of_an_architecture():
    assert violations_of(SMALL) == []


def test_a_batch_of_any_size_is_its_images_one_by_one():
    lr = torch.cat([photograph(1, 3, 7, 11, seed=seed) for seed in range(4)])
    assert_alone_as_in_a_batch(attentive(SMALL), lr)


def test_one_export_serves_every_size_and_every_batch():
    assert_one_export_serves(attentive(SMALL).module, ((1, 3, 4), (3, 21, 10), (1, 9, 103)), shift=-0.5)


@pytest.mark.slow
def test_compiled_or_in_onnxruntime_a_dense_block_gives_the_same():
    block = uhdn.DenseBlock(
        8, 4, 2, partial(uhdn.Convolution, modulated=True), partial(nn.LeakyReLU, 0.1), bias=True
    ).eval()
    features = photograph(2, 8, 11, 10) - 0.5
    assert_compiles_whole(block, features)
    assert_onnxruntime_computes_the_same(block, features)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_converted_to_half_precision_it_stays_close(dtype):
    assert_close_in(dtype, attentive(SMALL), photograph(2, 3, 12, 10))


def test_its_published_scores_are_distinct():
    assert_scores_distinct(SPECS["uhdn_ikm"], 30)
    assert not SPECS["uhdn"].reported
