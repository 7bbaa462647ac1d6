"""Features are recorded as the modules gave them."""

import pytest
import torch
from torch import nn

from srbench.errors import TrainingError
from srbench.networks.capture import capture


class InPlace(nn.Module):
    """Alters its first feature after the module that made it, as skip-adds do."""

    def __init__(self):
        super().__init__()
        self.first, self.act, self.second = nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        x = self.act(self.first(x))
        x += 1
        return self.second(x)


def test_a_tap_keeps_what_the_module_gave_though_it_is_changed_afterwards():
    net, x = InPlace(), torch.rand(1, 3, 4, 4)
    with capture(net, ["first"]) as features:
        net(x)
    assert torch.equal(features["first"], net.first(x))


def test_a_tap_on_an_input_gives_what_precedes_the_activation():
    net, x = InPlace(), torch.rand(1, 3, 4, 4)
    with capture(net, ["act", "second"], "input") as features:
        net(x)
    assert torch.equal(features["act"], net.first(x))
    assert torch.equal(features["second"], net.first(x).relu() + 1)


def test_a_tap_may_say_itself_that_it_is_an_input():
    net, x = InPlace(), torch.rand(1, 3, 4, 4)
    with capture(net, ["first", "second:input"]) as features:
        net(x)
    assert torch.equal(features["first"], net.first(x))
    assert torch.equal(features["second:input"], net.first(x).relu() + 1)


def test_a_tap_on_what_is_not_a_tensor_is_named():
    class Two(nn.Module):
        def forward(self, x):
            return x, x

    net = nn.Sequential(Two())
    with pytest.raises(TrainingError, match="Tap '0' of Sequential returns a tuple, not a tensor"), capture(net, ["0"]):
        net(torch.rand(1))


def test_taps_carry_gradients_and_are_gone_afterwards():
    net, x = InPlace(), torch.rand(1, 3, 4, 4)
    with capture(net, ["first"]) as features:
        net(x)
    features["first"].sum().backward()
    assert net.first.weight.grad is not None
    before = features["first"]
    net(x)
    assert features["first"] is before
    assert not net.first._forward_hooks


def test_a_tap_that_names_no_module_is_answered_with_those_there_are():
    with pytest.raises(TrainingError, match=r"InPlace has no module at 'body.2' to tap; .*: act, first, second"):
        capture(InPlace(), ["first", "body.2"]).__enter__()


def test_a_wrong_tap_leaves_no_hook_behind():
    net = InPlace()
    with pytest.raises(TrainingError):
        capture(net, ["first", "body.2"]).__enter__()
    assert not net.first._forward_hooks
