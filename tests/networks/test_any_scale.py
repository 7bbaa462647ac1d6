"""A network for any scale is asked for a size in pixels, and gives sr of that size."""

import pytest
import torch
from torch import nn

from srbench.errors import PluginError, ShapeError
from srbench.imaging import imresize
from srbench.imaging.colour import rgb_to_ycbcr, ycbcr_to_rgb
from srbench.networks.network import build_network
from srbench.networks.spec import ArchitectureSpec
from srbench.scales import parse_scale
from srbench.testing import photograph, violations_of


class Resize(nn.Module):
    """Enlarges bicubically, and remembers the size that it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.size = (0, 0)

    def forward(self, lr, size):
        self.size = size
        return imresize(lr, size=size) * self.gain


def spec(**facts) -> ArchitectureSpec:
    return ArchitectureSpec(**{"name": "mine", "build": Resize, "scales": frozenset({2, 3}), "any_scale": True} | facts)


@pytest.mark.parametrize(
    ("scale", "size"), [("2", (18, 14)), ("5", (45, 35)), ("2.3", (21, 16)), ("3.7x1.5", (33, 10))]
)
def test_it_is_called_with_the_wanted_size(scale, size):
    network = build_network(spec(), parse_scale(scale))
    sr = network(photograph(2, 3, 9, 7), parse_scale(scale))
    assert network.module.size == size == tuple(sr.shape[-2:])


def test_a_network_on_luma_gets_bicubic_chroma_of_that_size():
    lr, scale = photograph(1, 3, 9, 7), parse_scale("3.7x1.5")
    sr = build_network(spec(channels="y"), scale)(lr, scale)
    assert torch.allclose(sr, ycbcr_to_rgb(imresize(rgb_to_ycbcr(lr), size=(33, 10))), atol=1e-6)


def test_another_size_is_refused_by_name():
    class Whole(Resize):
        def forward(self, lr, _size):
            return imresize(lr, scale=2)

    network = build_network(spec(build=Whole), 2)
    with pytest.raises(ShapeError, match=r"mine returned \(1, 3, 18, 14\) for lr \(1, 3, 9, 7\) at x2.3; it must"):
        network(photograph(1, 3, 9, 7), parse_scale("2.3"))


@pytest.mark.parametrize("facts", [{"size_multiple": 8}, {"min_size": 16}, {"padding": "beyond"}])
def test_padding_that_would_change_the_scale_is_refused(facts):
    with pytest.raises(PluginError, match="padded lr would have another scale"):
        spec(**facts)


def test_it_is_not_also_a_network_for_several_scales():
    with pytest.raises(PluginError, match="declares multi_scale and any_scale"):
        spec(multi_scale=True)


def test_it_has_every_scale_and_one_set_of_weights():
    mine = spec()
    assert all(mine.has_scale(parse_scale(text)) for text in ("2", "7", "2.3", "3.7x1.5"))
    assert mine.one_network
    assert mine.distinct_scales == (2,)


def test_its_contract_tries_real_scales():
    class OnlyWhole(Resize):
        def forward(self, lr, size):
            return imresize(lr, scale=round(size[0] / lr.shape[-2])) * self.gain

    assert violations_of(spec()) == []
    assert any("at x1.5" in text for text in violations_of(spec(build=OnlyWhole)))
