"""AdaDM's EDSR equals the authors' network in training and measuring, and each normalisation is the one of its name."""

import pytest
import torch
from srbench_plugins.architectures import adadm, edsr
from torch import nn

from helpers.architectures import assert_scores_distinct, assert_size, assert_trains_in, fresh
from helpers.rounding import assert_equal_but_for_rounding
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in adadm.register_architectures()}


def training(module, lr):
    """Run with the statistics of the batch."""
    sr = module.train()(lr)
    module.eval()
    return sr


@pytest.mark.parametrize(
    ("oracle", "call"),
    [("adadm_edsr_tiny_x2", None), ("adadm_edsr_tiny_x2_phi", None), ("adadm_edsr_tiny_x2_train", training)],
)
def test_a_tiny_one_equals_the_official_network(oracle, call, assert_official):
    network = adadm.NormalisedEDSR(2, normalisation=nn.BatchNorm2d, n_resblocks=2, n_feats=16)
    assert_official(network, oracle, call=call)


@pytest.mark.parametrize(
    ("name", "more"),
    [("bn", 2 * 2 * 16), ("ln", 2 * 2 * 16), ("gn", 2 * 2 * 16), ("in", 2 * 2 * 16), ("adadm", 2 * 2 * 16 + 2)],
)
def test_a_small_one_has_the_weights_of_edsr_small_and_those_of_its_norms(name, more):
    assert_size(SPECS[f"edsr_small_{name}"], 2, 31_043 + 4 * more)


def test_without_normalisation_it_is_edsr_but_for_the_mean_shift():
    plain = edsr.EDSR(2, n_resblocks=2, n_feats=8, res_scale=0.5)
    other = adadm.NormalisedEDSR(
        2, normalisation=lambda _: nn.Identity(), adaptive=False, n_resblocks=2, n_feats=8, res_scale=0.5
    )
    state = {
        key.replace(".body.0.", ".conv1.").replace(".body.2.", ".conv2."): tensor
        for key, tensor in plain.state_dict().items()
        if "mean" not in key
    }
    other.load_state_dict(state, strict=True)
    lr = 255 * photograph(2, 3, 9, 7)
    with torch.no_grad():
        assert_equal_but_for_rounding(plain.add_mean(other(plain.sub_mean(lr))), plain(lr))


@pytest.mark.parametrize(
    ("normalisation", "shared"),
    [
        (adadm.layer_norm, lambda x: x.flatten(1)[:, None]),
        (adadm.group_norm, lambda x: x.unflatten(1, (2, 4)).flatten(2)),
        (adadm.instance_norm, lambda x: x.flatten(2)),
        (adadm.batch_norm, lambda x: x.transpose(0, 1).flatten(1)),
    ],
)
def test_each_normalisation_makes_what_shares_its_statistics_standard(normalisation, shared):
    x = 255 * photograph(3, 8, 6, 5) * torch.arange(1, 9).view(1, 8, 1, 1)
    normalised = shared(normalisation(8).train()(x))
    assert normalised.mean(-1).abs().max() < 1e-4
    assert (normalised.var(-1, correction=0) - 1).abs().max() < 1e-3


@pytest.mark.parametrize(("adaptive", "factor"), [(True, 3.0), (False, 1.0)])
def test_adadm_alone_gives_residuals_the_deviation_that_normalisation_removes(adaptive, factor):
    """The residual of features that deviate three times as much is three times as large."""
    block = adadm.NormalisedBlock(8, nn.BatchNorm2d, adaptive=adaptive).train()
    x = 100 * photograph(2, 8, 6, 5)
    with torch.no_grad():
        torch.testing.assert_close(block(3 * x) - 3 * x, factor * (block(x) - x), rtol=1e-3, atol=1e-2)


def test_phi_changes_how_much_of_the_deviation_comes_back():
    x = torch.randn(2, 4, 6, 5) * torch.tensor([2.0, 7.0]).view(2, 1, 1, 1)
    phi = nn.Conv2d(1, 1, 1)
    nn.init.constant_(phi.weight, 0.5)
    nn.init.constant_(phi.bias, 0.25)
    with torch.no_grad():
        wanted = x.flatten(1).std(1).sqrt() * torch.tensor(0.25).exp()
        torch.testing.assert_close(adadm.NormalisedBlock.deviation(x, phi).flatten(), wanted)


def test_features_without_any_deviation_pass_gradients_that_are_numbers():
    block = adadm.NormalisedBlock(4, adadm.batch_norm, adaptive=True).train()
    x = torch.zeros(2, 4, 3, 3, requires_grad=True)
    block(x).square().sum().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in block.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_trains_in_half_precision(dtype):
    torch.manual_seed(0)
    network = fresh(SPECS["edsr_small_adadm"])
    assert_trains_in(dtype, network, photograph(2, 3, 12, 10))


def test_its_reported_scores_are_those_of_the_release():
    assert_scores_distinct(SPECS["edsr_adadm"], 6)
    found = {(r.dataset, r.scale): r.value for r in SPECS["edsr_adadm"].reported}
    assert (found["urban100", 2], found["manga109", 4]) == (33.12, 31.24)
