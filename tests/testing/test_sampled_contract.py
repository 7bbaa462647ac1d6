"""The contract of networks that draw sr finds every rule that one breaks."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import srbench
from helpers.violations import one_violation
from srbench.testing import violations_of
from srbench.testing.architecture import checked
from srbench.testing.verdict import verdict_on


class Sound(nn.Module):
    """Blurs noise and lr together, step by step; the faulty ones below change one thing each."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.body = nn.Conv2d(6, 3, 3, padding=1)

    def enlarged(self, lr):
        return F.interpolate(lr, scale_factor=self.scale)

    def denoised(self, noisy, lr):
        return self.body(torch.cat((noisy, self.enlarged(lr)), dim=1))

    def noise(self, like, generator):
        return torch.randn(like.shape, generator=generator).to(like)

    def sample(self, lr, sampler, steps, generator):
        sr = self.noise(self.enlarged(lr), generator)
        for step in range(steps):
            share = 1 / (steps - step)
            sr = sr + share * (self.denoised(sr, lr) - sr) + (0.1 * self.noise(sr, generator) if sampler == "a" else 0)
        return sr

    def objective(self, lr, hr, generator):
        return F.mse_loss(self.denoised(hr + 0.1 * self.noise(hr, generator), lr), hr)

    def forward(self, lr):
        return self.sample(lr, "a", 3, torch.Generator().manual_seed(0))


class Silent(Sound):
    sample = None

    def forward(self, lr):
        return self.enlarged(lr)


class Global(Sound):
    def noise(self, like, generator):
        torch.rand(1)
        return super().noise(like, generator)


class Restless(Sound):
    """Two draws from one seed differ."""

    turns = itertools.count()

    def noise(self, like, generator):
        return super().noise(like, torch.Generator().manual_seed(generator.initial_seed() + next(self.turns)))


class Certain(Sound):
    def noise(self, like, generator):
        return torch.zeros_like(like)


class InPlace(Sound):
    def sample(self, lr, sampler, steps, generator):
        return super().sample(lr.mul_(0.5), sampler, steps, generator)


class Counting(Sound):
    def __init__(self, scale):
        super().__init__(scale)
        self.register_buffer("draws", torch.zeros(1))

    def sample(self, lr, sampler, steps, generator):
        self.draws += 1
        return super().sample(lr, sampler, steps, generator)


class ThirdStepFails(Sound):
    def sample(self, lr, sampler, steps, generator):
        return super().sample(lr, sampler, steps, generator) / (0.0 if steps == 3 else 1.0)


class SecondSamplerSmall(Sound):
    def sample(self, lr, sampler, steps, generator):
        return super().sample(lr, sampler, steps, generator)[..., : None if sampler == "a" else -1]


class OtherForward(Sound):
    def forward(self, lr):
        return self.sample(lr, "a", 3, torch.Generator().manual_seed(1))


class Vector(Sound):
    def objective(self, lr, hr, generator):
        return (self.denoised(hr + self.noise(hr, generator), lr) - hr).square()


class Noiseless(Sound):
    def objective(self, lr, hr, generator):
        return F.mse_loss(self.denoised(hr, lr), hr)


class ChangesHr(Sound):
    def objective(self, lr, hr, generator):
        return super().objective(lr, hr.mul_(0.5), generator)


class Spare(Sound):
    def __init__(self, scale):
        super().__init__(scale)
        self.spare = nn.Linear(2, 2)


class NoHalf(Sound):
    def objective(self, lr, hr, generator):
        return super().objective(lr, hr, generator) * (3.0 if torch.is_autocast_enabled("cpu") else 1.0)


def spec(build, **facts):
    samplers = (srbench.Sampler(name="a", steps=(3, 2), most=9), srbench.Sampler(name="b", steps=(2,), most=9))
    return srbench.ArchitectureSpec(name="mine", build=build, scales=frozenset({2}), samplers=samplers, **facts)


def test_a_sound_network_keeps_the_contract():
    assert violations_of(spec(Sound)) == []
    assert violations_of(spec(Sound, input_range=2.0, input_mean=(0.5, 0.5, 0.5), size_multiple=4)) == []


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (Silent, "Silent has no method sample"),
        (Global, "mine draws from torch's global generator in sample"),
        (Restless, "draws two sr by a-1 from one seed"),
        (Certain, "draws the same sr by a-1 from two seeds"),
        (InPlace, "changes an image in place in sample"),
        (Counting, "changes its weights or buffers in sample"),
        (ThirdStepFails, "by a-3, or NaN or infinity"),
        (SecondSamplerSmall, "must return"),
        (OtherForward, "forward of mine is not a draw by a in 3 steps from seed 0"),
        (Vector, "The objective of mine returned (2, 3,"),
        (Noiseless, "The objective of mine does not depend on its generator"),
        (ChangesHr, "changes an image in place in objective"),
        (Spare, "No gradient reaches 2 of mine's parameters"),
        (NoHalf, "The objective of mine in bf16 is off by"),
    ],
)
def test_a_fault_is_named(build, text):
    one_violation(spec(build), text)


class Zeroed(Sound):
    """Begins with zeros, as many diffusion models do, so that one step gives the same for all noise."""

    def __init__(self, scale):
        super().__init__(scale)
        nn.init.zeros_(self.body.weight)

    def sample(self, lr, sampler, steps, generator):
        sr = self.noise(self.enlarged(lr), generator)
        for _ in range(steps):
            sr = self.denoised(sr, lr)
        return sr


def test_zeros_at_the_begin_are_no_fault():
    assert violations_of(spec(Zeroed)) == []


def test_a_draw_in_many_steps_is_tried_with_fewer():
    longest = []

    class Slow(Sound):
        def sample(self, lr, sampler, steps, generator):
            longest.append(steps)
            return super().sample(lr, sampler, steps, generator)

        def forward(self, lr):
            return super().sample(lr, "a", 3, torch.Generator().manual_seed(0))

    slow = srbench.Sampler(name="a", steps=(1000,), most=1000)
    facts = spec(Slow)
    assert violations_of(srbench.ArchitectureSpec(name="mine", build=Slow, scales=facts.scales, samplers=(slow,))) == []
    assert max(longest) == 3


def test_the_verdict_says_what_is_checked_of_which_network(catalog):
    said = {name: verdict_on(name, "architecture", catalog).checked for name in ("espcn", "zssr")}
    assert "torch.export" in said["espcn"]
    assert "short fits" in said["zssr"]
    assert "draws by every sampler" in checked(spec(Sound))
