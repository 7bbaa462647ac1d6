"""Given weights are tried on a photograph: what is far below interpolation is doubted."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from srbench.catalog.catalog import load_catalog
from srbench.imaging.resize import imresize
from srbench.measuring.plausibility import doubt_about_weights
from srbench.networks.network import Network, build_network

CPU = torch.device("cpu")


class Changed(nn.Module):
    """Interpolation, with its values changed."""

    def __init__(self, change, scale):
        super().__init__()
        self.change, self.scale = change, scale

    def forward(self, lr):
        return self.change(imresize(lr, scale=self.scale))


@pytest.fixture(scope="module")
def spec():
    return load_catalog().architectures["espcn"]


def doubt(spec, change, scale=4):
    spec = replace(spec, channels="rgb")
    return doubt_about_weights(Network(spec, Changed(change, scale)), scale, CPU)


def test_interpolation_and_what_is_a_little_worse_are_not_doubted(spec):
    assert doubt(spec, lambda sr: sr) == ""
    assert doubt(spec, lambda sr: sr + 0.01) == ""


@pytest.mark.parametrize(
    "change",
    [lambda sr: sr * 0.9, lambda sr: sr.flip(1), lambda sr: sr.roll(3, -1), lambda sr: sr * torch.nan],
    ids=["another range", "blue and red exchanged", "shifted", "no numbers"],
)
def test_what_is_far_below_interpolation_is_doubted_with_both_figures(spec, change):
    assert "these weights of espcn give" in doubt(spec, change)
    assert "dB at x4 and bicubic interpolation 2" in doubt(spec, change)


@pytest.mark.parametrize("scale", [2, 3, 5, 7, 8, 9, 16])
def test_every_scale_can_be_tried(spec, scale):
    assert doubt(spec, lambda sr: sr, scale) == ""
    assert f"dB at x{scale} and bicubic" in doubt(spec, lambda sr: 1 - sr, scale)


def test_weights_of_chance_are_doubted_at_every_scale(spec):
    for scale in spec.scales:
        network = build_network(spec, scale)
        network.module.eval()
        assert f"at x{scale} and bicubic" in doubt_about_weights(network, scale, CPU)
