"""Any network is called the way its spec says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from srbench.errors import PluginError, ShapeError
from srbench.imaging.colour import rgb_to_ycbcr
from srbench.imaging.resize import imresize
from srbench.networks.network import Network, build_network
from srbench.networks.spec import ArchitectureSpec


class Nearest(nn.Module):
    """Repeats pixels, and remembers what it was given."""

    def __init__(self, scale=2, gain=1.0):
        super().__init__()
        self.scale, self.gain, self.seen = scale, gain, []

    def forward(self, lr, scale=None):
        self.seen.append(lr)
        scale = scale or self.scale
        return self.gain * lr.repeat_interleave(scale, -1).repeat_interleave(scale, -2)


def network(module=None, **facts):
    spec = ArchitectureSpec(**({"name": "net", "build": Nearest, "scales": frozenset({2, 3})} | facts))
    return Network(spec, module or Nearest())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 9), st.integers(1, 16), st.integers(2, 3))
def test_sizes_are_padded_for_the_network_and_cropped_for_the_caller(height, width, multiple, minimum, scale):
    lr = torch.rand(1, 3, height, width)
    net = network(Nearest(scale), size_multiple=multiple, min_size=minimum)
    sr = net(lr, scale)
    (seen,) = net.module.seen
    assert all(side % multiple == 0 and side >= minimum for side in seen.shape[-2:])
    assert torch.equal(sr, lr.repeat_interleave(scale, -1).repeat_interleave(scale, -2))


def test_a_network_with_another_range_sees_that_and_returns_ours():
    lr = torch.rand(1, 3, 4, 4)
    net = network(input_range=255.0)
    sr = net(lr, 2)
    assert torch.equal(net.module.seen[0], lr * 255)
    assert torch.allclose(sr, Nearest()(lr))


def test_a_network_on_normalised_colours_sees_those_and_returns_ours():
    lr = torch.rand(2, 3, 4, 5)
    mean, std = (0.5, 0.4, 0.25), (0.2, 0.25, 0.5)
    net = network(input_mean=mean, input_std=std, input_range=2.0, size_multiple=3)
    sr = net(lr, 2)
    seen = net.module.seen[0][..., :4, :5]
    for channel in range(3):
        assert torch.allclose(seen[:, channel], (lr[:, channel] - mean[channel]) / std[channel] * 2, atol=1e-6)
    assert torch.allclose(sr, Nearest()(lr), atol=1e-6)


def test_a_mean_has_a_value_for_each_channel():
    with pytest.raises(PluginError, match="input_mean with 1 values for 3 channels"):
        network(input_mean=(0.5,))
    with pytest.raises(PluginError, match="input_std with 3 values for 1 channel;"):
        network(channels="y", input_std=(0.2, 0.2, 0.2))


def test_nothing_is_clamped_so_that_gradients_pass():
    lr = torch.rand(1, 3, 4, 4, requires_grad=True)
    sr = network(Nearest(gain=3.0))(lr, 2)
    assert sr.max() > 1
    sr.sum().backward()
    assert torch.equal(lr.grad, torch.full_like(lr, 12.0))


def test_a_network_on_luma_is_given_luma_and_gets_bicubic_chroma_beside_it():
    lr = torch.rand(2, 3, 6, 5)
    net = network(channels="y")
    sr = net(lr, 2)
    ycbcr = rgb_to_ycbcr(lr)
    (seen,) = net.module.seen
    assert torch.equal(seen, ycbcr[:, :1])
    back = rgb_to_ycbcr(sr)
    assert torch.allclose(back[:, :1], Nearest()(ycbcr[:, :1]), atol=1e-5)
    assert torch.allclose(back[:, 1:], imresize(ycbcr[:, 1:], scale=2).float(), atol=1e-5)


def test_a_network_on_luma_takes_luma_patches_as_they_are():
    lr = torch.rand(2, 1, 6, 5)
    net = network(channels="y")
    assert torch.equal(net(lr, 2), Nearest()(lr))
    assert (net.colours, network().colours) == (1, 3)


def test_a_multi_scale_network_gets_the_scale():
    lr = torch.rand(1, 3, 4, 4)
    net = network(multi_scale=True)
    assert net(lr, 3).shape == (1, 3, 12, 12)
    assert net(lr, 2).shape == (1, 3, 8, 8)


@pytest.mark.parametrize("facts", [{}, {"channels": "y"}, {"multi_scale": True}])
def test_given_weights_are_used_and_differentiated_instead_of_the_modules_own(facts):
    class Bright(Nearest):
        def __init__(self, level):
            super().__init__()
            self.level, self.kept = nn.Parameter(torch.tensor(level)), nn.Parameter(torch.tensor(2.0))

        def forward(self, lr, scale=None):
            return self.kept * self.level * super().forward(lr, scale)

    lr = torch.rand(2, 3, 4, 5)
    one, other = network(Bright(1.0), **facts), network(Bright(0.5), **facts)
    level = torch.tensor(0.5, requires_grad=True)
    sr = one(lr, 2, {"level": level})
    assert torch.equal(sr, other(lr, 2))
    assert not torch.equal(sr, one(lr, 2))
    sr.sum().backward()
    assert level.grad != 0
    assert one.module.level.grad is None
    assert one.module.kept.grad != 0


def test_given_weights_are_used_at_any_depth_and_the_modules_own_come_back():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = self.same = nn.Conv2d(3, 3, 1, bias=False)
            self.tied = nn.Conv2d(3, 3, 1, bias=False)
            self.tied.weight = self.one.weight

        def forward(self, lr):
            return Nearest()(self.tied(self.same(self.one(lr))))

    lr, net = torch.rand(1, 3, 4, 4), network(Twice())
    own = net.module.one.weight
    before = net(lr, 2)
    weight = (2 * own.detach()).requires_grad_()
    torch.testing.assert_close(net(lr, 2, {"one.weight": weight}), 8 * before)
    assert net.module.one.weight is net.module.same.weight is net.module.tied.weight is own
    assert torch.equal(net(lr, 2), before)


@pytest.mark.parametrize("module", [Nearest(scale=3), nn.Identity(), nn.Sequential(Nearest(), nn.Conv2d(3, 1, 1))])
def test_a_wrong_size_is_named_with_what_was_expected(module):
    with pytest.raises(ShapeError, match=r"net returned \(1, .*\) for lr \(1, 3, 4, 5\) at x2; it must return \(1"):
        network(module)(torch.rand(1, 3, 4, 5), 2)


@pytest.mark.parametrize("returned", [None, [torch.zeros(1, 3, 8, 8)], 3.0])
def test_what_is_not_a_tensor_is_named(returned):
    class Odd(nn.Module):
        def forward(self, lr):
            return returned

    with pytest.raises(ShapeError, match=rf"net returned a {type(returned).__name__}, not a tensor"):
        network(Odd())(torch.rand(1, 3, 4, 4), 2)


def test_a_network_is_built_for_one_scale_or_for_all(catalog):
    assert build_network(catalog.architectures["dot"], 3)(torch.rand(1, 3, 4, 4), 3).shape == (1, 3, 12, 12)
    both = build_network(catalog.architectures["both"], 2)
    assert [tuple(both(torch.rand(1, 3, 4, 4), s).shape) for s in (2, 3)] == [(1, 3, 8, 8), (1, 3, 12, 12)]
