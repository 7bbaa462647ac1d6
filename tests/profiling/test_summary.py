"""A network summarised as a tree of its modules."""

from functools import partial

import pytest
import torch
from torch import nn

from srbench.catalog.catalog import load_catalog
from srbench.errors import UnavailableError
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.complexity import count_macs, count_parameters, forward_at
from srbench.profiling.summary import SIDE, Part, summarise


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


class Block(nn.Module):
    """A residual block with a gain of its own."""

    def __init__(self, channels):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x + self.gain * self.second(self.first(x).relu())


class Small(nn.Module):
    """Blocks that repeat, layers that take turns, one that is used twice and one that is never used."""

    def __init__(self, scale):
        super().__init__()
        self.head = nn.Conv2d(3, 4, 3, padding=1)
        self.body = nn.ModuleList([Block(4), Block(4), Block(4), nn.Conv2d(4, 4, 3, padding=1)])
        self.turns = nn.Sequential(*[nn.Conv2d(4, 4, 1), nn.ReLU()] * 2, nn.Conv2d(4, 3 * scale**2, 1))
        self.idle = nn.Linear(2, 5)
        self.up = nn.PixelShuffle(scale)

    def forward(self, lr):
        x = self.head(lr)
        for layer in self.body:
            x = layer(x)
        return self.up(self.turns(self.body[3](x)))


def find(part, *path):
    for name in path:
        (part,) = (inner for inner in part.parts if inner.name == name)
    return part


def test_repeats_share_a_row_and_costs_are_counted_by_hand():
    network = summarise(ArchitectureSpec(name="small", build=Small, scales=frozenset({2})), 2)
    pixels = SIDE**2
    assert find(network, "head") == Part("head", "Conv2d 3×3", 1, (4, SIDE, SIDE), 112, 108 * pixels)
    blocks = find(network, "body", "0…2")
    assert (blocks.kind, blocks.repeats, blocks.output) == ("Block", 3, (4, SIDE, SIDE))
    assert (blocks.parameters, blocks.macs) == (3 * (1 + 148 + 20), 3 * (144 + 16) * pixels)
    assert find(network, "body", "3").macs == 2 * 144 * pixels  # called twice
    assert find(network, "idle") == Part("idle", "Linear", 1, None, 15, 0)
    assert find(network, "up").output == (3, 2 * SIDE, 2 * SIDE)
    assert (network.kind, network.output) == ("Small", (3, 2 * SIDE, 2 * SIDE))
    assert (network.parameters, network.macs) == (112 + 507 + 148 + 20 + 60 + 15, (108 + 480 + 288 + 80) * pixels)


def test_what_takes_turns_shares_a_row():
    class Turns(nn.Module):
        def __init__(self, scale):
            super().__init__()
            layers = [layer for _ in range(5) for layer in (nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())]
            self.body = nn.Sequential(*layers, nn.Conv2d(3, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

        def forward(self, lr):
            return self.body(lr)

    body = find(summarise(ArchitectureSpec(name="turns", build=Turns, scales=frozenset({2})), 2), "body")
    assert [(p.name, p.kind, p.repeats) for p in body.parts] == [
        ("0…9", "(Conv2d 3×3, ReLU)", 5),
        ("10", "Conv2d 3×3", 1),
        ("11", "PixelShuffle", 1),
    ]


def test_the_costly_are_opened_and_their_repeats_counted_together(shelf):
    network = summarise(shelf["rcan"], 2)
    groups = find(network, "body", "0…9")
    blocks = find(groups, "body", "0…19")
    assert (groups.kind, groups.repeats, blocks.kind, blocks.repeats) == ("ResidualGroup", 10, "ResidualBlock", 20)
    assert find(blocks, "body", "3").parameters == 200 * (64 * 4 + 4 + 4 * 64 + 64)
    assert find(network, "tail", "0").parts == ()  # 1 % of the work


def test_a_network_that_cannot_do_without_values_says_why():
    class Reading(nn.Module):
        def forward(self, lr):
            return lr if lr.sum().item() > 0 else -lr

    spec = ArchitectureSpec(name="reading", build=lambda _: Reading(), scales=frozenset({2}))
    with pytest.raises(UnavailableError, match="cannot be counted without computing"):
        summarise(spec, 2)


SLOW = {"comonet_l", "swinir_m", "swinfir"}  # smaller ones of the same code are fast


def bundled():
    for name, spec in load_catalog().architectures.items():
        if spec.trainable:
            slow = name in SLOW or (name.startswith("spandrel_") and name != "spandrel_safmn")
            yield pytest.param(name, marks=pytest.mark.slow if slow else ())


@pytest.mark.parametrize("name", list(bundled()))
def test_every_network_is_listed_whole_and_its_rows_add_up(name, shelf):
    spec = shelf[name]
    network = summarise(spec, min(spec.scales))
    with torch.device("meta"):
        assert network.parameters == count_parameters(spec.network(min(spec.scales)))
    assert min(network.output[1:]) >= SIDE * min(spec.scales)
    assert sum(part.parameters for part in network.parts) == network.parameters
    assert 0.9 * network.macs <= sum(part.macs for part in network.parts) <= network.macs


@pytest.mark.parametrize(
    "name", ["edsr_baseline", "mdsr_baseline", "vdsr", "hpinet_s", "ghostsr_edsr_b16f64", "kdsr_m"]
)
def test_the_whole_is_what_is_counted_elsewhere(name, shelf):
    spec = shelf[name]
    scale = min(spec.scales)
    network = summarise(spec, scale)
    lr = tuple(side // scale for side in network.output[1:])
    assert (
        network.macs == count_macs(partial(spec.network, scale), forward_at(spec, scale), lr, network.output[0]).total
    )
