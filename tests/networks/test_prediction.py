"""A network that returns its uncertainty is called as any other, and its map becomes standard deviations."""

import math

import pytest
import torch
from torch import nn

from srbench.errors import ShapeError
from srbench.imaging.colour import rgb_to_y
from srbench.networks.map_parameters import map_parameters
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec


class Doubtful(nn.Module):
    """Repeats pixels; its map is its input's mean over channels, shifted."""

    def __init__(self, shift=0.0):
        super().__init__()
        self.shift = shift

    def forward(self, lr):
        sr = lr.repeat_interleave(2, -1).repeat_interleave(2, -2)
        return sr, (sr.mean(dim=1, keepdim=True) + self.shift).expand_as(sr)


def network(module=None, **facts):
    facts = {"name": "net", "build": Doubtful, "scales": frozenset({2}), "uncertainty": "deviation"} | facts
    return Network(ArchitectureSpec(**facts), module or Doubtful())


@pytest.fixture
def lr():
    return torch.rand(2, 3, 5, 6, generator=torch.Generator().manual_seed(0))


def test_a_call_gives_sr_alone(lr):
    assert torch.equal(network()(lr, 2), Doubtful()(lr)[0])


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("deviation", lambda spread: spread / 10),
        ("log_scale", lambda spread: math.sqrt(2) * spread.exp() / 10),  # of Laplace's distribution
        ("log_variance", lambda spread: spread.exp().sqrt() / 10),
        ("order", lambda spread: spread),
    ],
)
def test_a_map_becomes_deviations_in_the_units_of_an_image(kind, wanted, lr):
    net = network(uncertainty=kind, input_range=10.0)
    torch.testing.assert_close(net.uncertainty(lr, 2), wanted(Doubtful()(10 * lr)[1]))
    assert torch.equal(net.predict(lr, 2).map, Doubtful()(10 * lr)[1])


def test_each_channel_has_the_unit_of_its_normalisation(lr):
    std = (0.2, 0.25, 0.5)
    net = network(input_mean=(0.5, 0.4, 0.25), input_std=std, input_range=2.0)
    sr, spread = net.predict(lr, 2)
    torch.testing.assert_close(sr, Doubtful()(lr)[0])
    torch.testing.assert_close(net.uncertainty(lr, 2), spread * torch.tensor(std).view(3, 1, 1) / 2)


def test_a_map_is_cropped_as_sr_is(lr):
    sr, spread = network(size_multiple=4).predict(lr, 2)
    assert sr.shape == spread.shape == (2, 3, 10, 12)


def test_the_uncertainty_of_luma_is_that_of_every_colour_which_gives_it_back(lr):
    net = network(channels="y")
    spread = net.uncertainty(lr, 2)
    assert spread.shape == (2, 3, 10, 12)
    assert net.predict(lr, 2).map.shape == (2, 1, 10, 12)
    torch.testing.assert_close(rgb_to_y(spread) - 16 / 255, net.predict(lr, 2).map)
    assert net.uncertainty(lr[:, :1], 2).shape == (2, 1, 10, 12)


@pytest.mark.parametrize("returned", [torch.zeros(1, 3, 8, 8), (torch.zeros(1, 3, 8, 8),), (None, None)])
def test_a_missing_map_is_named(returned):
    class Odd(nn.Module):
        def forward(self, lr):
            return returned

    with pytest.raises(ShapeError, match=rf"net returned a {type(returned).__name__}, not a tuple; it must return sr"):
        network(Odd())(torch.rand(1, 3, 4, 4), 2)


def test_a_map_of_another_size_is_named():
    class Small(nn.Module):
        def forward(self, lr):
            return Doubtful()(lr)[0], lr

    with pytest.raises(ShapeError, match=r"net returned \(1, 3, 4, 4\) .* it must return \(1, 3, 8, 8\)"):
        network(Small())(torch.rand(1, 3, 4, 4), 2)


def test_a_map_that_is_not_declared_is_refused(lr):
    with pytest.raises(ShapeError, match="net returned a tuple, not a tensor; it must return sr alone"):
        network(uncertainty="")(lr, 2)


def test_a_network_without_a_map_says_so(lr):
    with pytest.raises(ShapeError, match="net returns no uncertainty; choose a network whose spec declares one"):
        network(nn.Upsample(scale_factor=2), uncertainty="").uncertainty(lr, 2)


class TwoHeads(nn.Module):
    """A trunk, a head for sr and one for the map, each for two scales."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 4, 1)
        self.sr = nn.ModuleDict({str(s): nn.Conv2d(4, 3 * s**2, 1) for s in (2, 3)})
        self.map = nn.ModuleDict({str(s): nn.Conv2d(4, 3 * s**2, 1) for s in (2, 3)})

    def forward(self, lr, scale):
        features = self.trunk(lr)
        return tuple(nn.functional.pixel_shuffle(heads[str(scale)](features), scale) for heads in (self.sr, self.map))


def test_parameters_that_only_the_map_needs_are_found_at_the_scales_that_count():
    net = network(TwoHeads(), multi_scale=True, scales=frozenset({2, 3}))
    before = torch.get_rng_state()
    found = map_parameters(net, (2,))
    assert {id(p) for p in found} == {id(p) for p in net.module.map["2"].parameters()}
    assert {id(p) for p in map_parameters(net, (2, 3))} == {id(p) for p in net.module.map.parameters()}
    assert torch.equal(torch.get_rng_state(), before)
    assert all(p.grad is None for p in net.module.parameters())


def test_a_network_without_a_map_has_no_such_parameters():
    assert map_parameters(network(nn.Conv2d(3, 3, 1), uncertainty=""), (2,)) == []
