"""Folded convolutions against the operators that they replace."""

import pytest
import torch
from torch import nn

from srbench.networks.blocks import MeanShift
from srbench.networks.folding import fold_norms, mix_inputs, mix_outputs, scale_outputs, side_by_side
from srbench.networks.wavelets import haar, haar_matrix, inverse_haar

X = torch.rand(2, 4, 7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def conv(channels=4, out=6, **options):
    return nn.Conv2d(channels, out, 3, padding=1, dtype=torch.float64, **options)


def same(given, wanted):
    torch.testing.assert_close(given, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shifted", [True, False])
def test_a_map_of_channels_after_a_convolution(bias, shifted):
    layer, matrix = conv(bias=bias), torch.rand(5, 6, dtype=torch.float64)
    shift = torch.rand(5, dtype=torch.float64) if shifted else None
    wanted = torch.einsum("dc,nchw->ndhw", matrix, layer(X)) + (0 if shift is None else shift.view(-1, 1, 1))
    mix_outputs(layer, matrix, shift)
    same(layer(X), wanted)
    assert layer.out_channels == 5
    assert (layer.bias is not None) == (bias or shifted), "nothing is added that was not there"


def test_a_map_of_channels_before_a_convolution_that_pads():
    layer, matrix, x = conv(), torch.rand(4, 2, dtype=torch.float64), X[:, :2]
    wanted = layer(torch.einsum("cd,ndhw->nchw", matrix, x))
    mix_inputs(layer, matrix)
    same(layer(x), wanted)
    assert layer.in_channels == 2


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("factor", [0.1, torch.linspace(-1, 2, 6)])
def test_factors_after_a_convolution_with_or_without_groups(groups, factor):
    layer = conv(groups=groups)
    wanted = layer(X) * torch.as_tensor(factor, dtype=torch.float64).view(-1, 1, 1)
    scale_outputs(layer, factor)
    same(layer(X), wanted)
    assert layer.in_channels == 4


def test_convolutions_side_by_side_with_and_without_bias():
    layers = conv(), conv(out=2, bias=False)
    same(side_by_side(*layers)(X), torch.cat([layer(X) for layer in layers], dim=1))
    assert side_by_side(layers[1], layers[1]).bias is None


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"eps": 0.5}])
def test_normalisation_is_folded_into_the_convolution_directly_before_it_alone(options):
    norms = [nn.BatchNorm2d(channels, dtype=torch.float64, **options) for channels in (4, 6, 6)]
    for norm in norms:
        nn.init.uniform_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2)
        if norm.affine:
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.uniform_(norm.bias)
    layers = nn.Sequential(norms[0], conv(bias=False), norms[1], nn.ReLU(), norms[2], conv(6)).eval()
    wanted = layers(X)
    fold_norms(layers)
    same(layers(X), wanted)
    assert [type(layer).__name__ for layer in layers] == [
        "BatchNorm2d", "Conv2d", "Identity", "ReLU", "BatchNorm2d", "Conv2d"
    ]  # fmt: skip


def test_statistics_of_the_batch_are_not_folded():
    layers = nn.Sequential(conv(), nn.BatchNorm2d(6, track_running_stats=False, dtype=torch.float64)).eval()
    fold_norms(layers)
    assert isinstance(layers[1], nn.BatchNorm2d)


def test_a_normalisation_is_folded_into_the_layer_before_its_sequence():
    stem, start = conv(), nn.Sequential(nn.BatchNorm2d(6, dtype=torch.float64), nn.ReLU()).eval()
    nn.init.uniform_(start[0].running_mean)
    wanted = start(stem(X))
    fold_norms(start, before=stem)
    same(start(stem(X)), wanted)
    assert isinstance(start[0], nn.Identity)


def test_a_mean_shift_with_a_matrix_of_its_own_is_folded_once():
    layer, shift = conv(out=3), MeanShift(255.0, +1).double()
    nn.init.uniform_(shift.weight)  # as a checkpoint may have it
    wanted = shift(layer(X))
    for _ in range(2):
        shift.fold_into(layer)
        same(shift(layer(X)), wanted)


def test_a_mean_shift_stays_behind_what_is_no_plain_convolution():
    layer, shift = nn.Identity(), MeanShift(1.0, +1)
    shift.fold_into(layer)
    assert not torch.equal(shift(torch.zeros(1, 3, 2, 2)), torch.zeros(1, 3, 2, 2))


def test_the_matrix_of_the_haar_transform_is_orthonormal_and_is_the_transform():
    x, matrix = torch.rand(2, 3, 6, 4), haar_matrix(3)
    torch.testing.assert_close(torch.einsum("cd,ndhw->nchw", matrix, nn.functional.pixel_unshuffle(x, 2)), haar(x))
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(12))
    back = torch.einsum("cd,nchw->ndhw", matrix, haar(x))
    torch.testing.assert_close(nn.functional.pixel_shuffle(back, 2), inverse_haar(haar(x)))


def test_frozen_weights_stay_frozen():
    layer = conv().requires_grad_(False)
    scale_outputs(layer, 2.0)
    assert not layer.weight.requires_grad
    assert not layer.bias.requires_grad
