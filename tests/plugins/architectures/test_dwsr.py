"""DWSR predicts sub-bands; with the slip of a reimplementation it computes what that computes."""

import pytest
import torch
import torch.nn.functional as F
from srbench_plugins.architectures import dwsr
from torch import nn

from helpers.architectures import assert_size, fresh
from helpers.networks import gmacs
from srbench.imaging import imresize
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in dwsr.register_architectures()}


class Unofficial(nn.Module):
    """The reimplementation: its keys, PyTorch's bicubic interpolation, and a ReLU after the last convolution."""

    def __init__(self) -> None:
        super().__init__()
        layers = [layer for layer in SPECS["dwsr"].network(4).body if isinstance(layer, nn.Conv2d)]
        self.mid_layers = nn.ModuleList(nn.ModuleDict({"body": nn.Sequential(layer)}) for layer in layers)

    def forward(self, lr):
        network = SPECS["dwsr"].network(4)
        network.body = nn.Sequential(*(nn.Sequential(layer["body"], nn.ReLU()) for layer in self.mid_layers))
        return network.refine(F.interpolate(lr, scale_factor=4, mode="bicubic", align_corners=False))


def test_with_its_slips_it_equals_the_reimplementation(assert_official):
    assert_official(Unofficial(), "dwsr_unofficial_n8")


def test_the_last_convolution_may_darken_every_band():
    """The slip is not in the network: a negative bias of the last convolution reaches the image."""
    network = fresh(SPECS["dwsr_small"])
    last = network.module.body[-1]
    assert isinstance(last, nn.Conv2d)
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor([-0.2, 0, 0, 0]))
        lr = photograph(1, 1, 6, 8)
        torch.testing.assert_close(network(lr, 2), imresize(lr, scale=2) - 0.1)


@pytest.mark.parametrize(("name", "parameters", "macs"), [("dwsr", 304_196, 69.97), ("dwsr_small", 11_476, 2.64)])
def test_its_size_does_not_depend_on_the_scale(name, parameters, macs):
    for scale in (2, 3, 4):
        assert_size(SPECS[name], scale, parameters)
    assert gmacs(SPECS[name], 2) == pytest.approx(macs, abs=0.06)


def test_it_takes_colours_as_well():
    network = dwsr.DWSR(3, layers=2, channels=4, colours=3).eval()
    with torch.no_grad():
        assert network(photograph(2, 3, 4, 6)).shape == (2, 3, 12, 18)
