"""PAN has the sizes its authors state, and takes their weights."""

import pytest
import torch
from srbench_plugins.architectures import pan

from helpers.rounding import assert_equal_but_for_rounding
from srbench.networks.checkpoint_files import verified
from srbench.networks.weights import load_state_dict

SPEC = pan.register_architectures()[0]


@pytest.mark.parametrize(("scale", "parameters"), [(2, 261_403), (3, 261_403), (4, 272_419)])
def test_it_has_as_many_parameters_as_the_paper_says(scale, parameters):
    assert sum(p.numel() for p in SPEC.network(scale).parameters()) == parameters


@pytest.mark.parametrize("checkpoint", SPEC.checkpoints, ids=lambda c: f"x{c.scale}")
def test_published_weights_fit_key_by_key_in_order(checkpoint, shared):
    path = verified(shared("weights") / checkpoint.file, checkpoint.sha256)
    state = load_state_dict(path).state
    network = SPEC.network(checkpoint.scale)
    assert {key: tensor.shape for key, tensor in network.state_dict().items()} == {
        key: tensor.shape for key, tensor in state.items()
    }
    network.load_state_dict(state)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_without_a_last_convolution_it_is_bilinear_interpolation(scale):
    network = SPEC.network(scale).eval()
    with torch.no_grad():
        network.conv_last.weight.zero_()
        network.conv_last.bias.zero_()
        sr = network(torch.full((1, 3, 5, 7), 0.25))
    assert sr.shape == (1, 3, 5 * scale, 7 * scale)
    assert_equal_but_for_rounding(sr, torch.full_like(sr, 0.25))
