"""The contract of architectures finds what it is there to find, and says it in a sentence."""

import random

import pytest
import torch
from torch import nn

import srbench
from helpers.violations import one_violation
from srbench.testing import violations_of


class Sound(nn.Module):
    """Keeps every rule; the faulty ones below change one thing each."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.tail = nn.Conv2d(8, 3 * scale**2, 3, padding=1)

    def forward(self, lr):
        return nn.functional.pixel_shuffle(self.tail(self.head(lr).relu()), self.scale)


class MultiScale(nn.Module):
    """One body, one tail for each scale, called with the scale."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.tails = nn.ModuleDict({str(s): nn.Conv2d(8, 3 * s**2, 3, padding=1) for s in (2, 3, 4)})

    def forward(self, lr, scale):
        return nn.functional.pixel_shuffle(self.tails[str(scale)](self.head(lr).relu()), scale)


class SharedTail(MultiScale):
    """Forgets which scale it was asked for."""

    def forward(self, lr, scale):
        return super().forward(lr, 2)


class WrongSize(Sound):
    def forward(self, lr):
        return super().forward(lr)[..., :-1]


class NotANumber(Sound):
    def forward(self, lr):
        return super().forward(lr) / 0.0


class Dropping(Sound):
    def forward(self, lr):
        return nn.functional.dropout(super().forward(lr), 0.1, training=True)


class InPlace(Sound):
    def forward(self, lr):
        return super().forward(lr.mul_(0.5))


class Mixing(Sound):
    def forward(self, lr):
        return super().forward(lr) - lr.mean()


class Loose(Sound):
    def __init__(self, scale):
        super().__init__(scale)
        self.secret = torch.rand(1)

    def forward(self, lr):
        return super().forward(lr) * self.secret


class Unused(Sound):
    def __init__(self, scale):
        super().__init__(scale)
        self.spare = nn.Linear(2, 2)


class Chatty(Sound):
    def forward(self, lr):
        print("hello")  # noqa: T201 - the fault
        return super().forward(lr)


class Huge(Sound):
    """Leaves the range of fp16."""

    def forward(self, lr):
        x = self.head(lr) * 1e7
        return nn.functional.pixel_shuffle(self.tail(x) * 1e-7, self.scale)


class Branching(Sound):
    """Decides in Python on a value that the exporter does not know."""

    def forward(self, lr):
        return super().forward(lr * 2 if lr.mean().item() > 0.5 else lr)


class Folding(Sound):
    """Adds a constant, which its deployed form adds to the bias before, where it belongs."""

    def __init__(self, scale):
        super().__init__(scale)
        self.shift = 0.5

    def forward(self, lr):
        return super().forward(lr) + self.shift

    def switch_to_deploy(self):
        self.tail.bias.data += self.shift
        self.shift = 0.0


class FoldingAtABorder(Folding):
    """Adds the constant to the input, and does not see the padding."""

    def forward(self, lr):
        return Sound.forward(self, lr + self.shift)

    def switch_to_deploy(self):
        self.head.bias.data += self.shift * self.head.weight.sum((1, 2, 3))
        self.shift = 0.0


class OwnSeed(Sound):
    def __init__(self, scale):
        super().__init__(scale)
        self.head.bias.data.fill_(random.SystemRandom().random())


def architecture(build, **facts):
    return srbench.ArchitectureSpec(name="mine", build=build, **{"scales": frozenset({2, 3}), **facts})


@pytest.mark.parametrize(
    "spec",
    [
        architecture(Sound),
        architecture(MultiScale, multi_scale=True, scales=frozenset({2, 3, 4})),
        architecture(Sound, size_multiple=4, min_size=8, input_range=255.0, taps=("head", "tail")),
        architecture(Unused, dead_parameters=("spare.*",)),
        architecture(Folding),
    ],
)
def test_a_sound_architecture_passes(spec):
    assert violations_of(spec) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (architecture(WrongSize), "it must return (1, 3, 2, 2)"),
        (architecture(SharedTail, multi_scale=True), "at x3; it must return"),
        (architecture(NotANumber), "NaN or infinity"),
        (architecture(Dropping), "draws random numbers in eval mode"),
        (architecture(Dropping), "two results for one input"),
        (architecture(InPlace), "changes its input in place"),
        (architecture(Mixing), "a different result in a batch than alone"),
        (architecture(Loose), "round trip of its state dict"),
        (architecture(FoldingAtABorder), "in torch.float64) after switch_to_deploy(); fold only what is exact"),
        (architecture(OwnSeed), "initialised differently from one seed"),
        (architecture(Unused), "No gradient reaches 2 of mine's parameters (first: spare.bias)"),
        (architecture(Sound, dead_parameters=("head.*",)), "declares head.bias dead, and a gradient reaches it"),
        (architecture(Chatty), "printed 'hello'"),
        (architecture(Huge), "leave fp16 out of half_precision"),
        (architecture(Sound, half_precision=frozenset({"int8"})), "there are bf16 and fp16"),
        (architecture(Branching), "Exporting mine with torch.export raised"),
        (architecture(Sound, taps=("body",)), "no module at 'body' to tap"),
        (architecture(lambda scale: nn.Upsample(scale_factor=scale)), "has no trainable parameter"),
        (architecture(lambda scale: "a string"), "gave str; it must give an nn.Module"),
        (architecture(lambda scale: 1 / 0), "Building mine at x2 raised ZeroDivisionError"),
        (architecture(Sound, channels="y"), "Mine at x2 on lr of 1x1 raised RuntimeError"),
    ],
)
def test_a_faulty_architecture_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)


class Doubtful(Sound):
    """Returns its uncertainty too."""

    def __init__(self, scale):
        super().__init__(scale)
        self.spread = nn.Conv2d(8, 3 * scale**2, 3, padding=1)

    def forward(self, lr):
        features = self.head(lr).relu()
        maps = (self.tail(features), self.doubt(features))
        return tuple(nn.functional.pixel_shuffle(one, self.scale) for one in maps)

    def doubt(self, features):
        return nn.functional.softplus(self.spread(features))


class Negative(Doubtful):
    def doubt(self, features):
        return self.spread(features) - 10


class Infinite(Doubtful):
    def doubt(self, features):
        return self.spread(features) / 0.0


class Comparing(Doubtful):
    def doubt(self, features):
        return super().doubt(features) * len(features)


@pytest.mark.parametrize(
    "spec", [architecture(Doubtful, uncertainty="deviation"), architecture(Negative, uncertainty="order")]
)
def test_a_sound_map_of_uncertainty_passes(spec):
    assert violations_of(spec) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (architecture(Negative, uncertainty="deviation"), "a deviation below 0"),
        (architecture(Infinite, uncertainty="log_variance"), "that is not a finite number"),
        (architecture(Comparing, uncertainty="deviation"), "another uncertainty in a batch than alone"),
        (architecture(Sound, uncertainty="order"), "it must return sr and its uncertainty"),
        (architecture(Doubtful), "not a tensor; it must return sr alone"),
    ],
)
def test_a_faulty_map_of_uncertainty_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)


def test_every_violation_is_a_sentence_of_its_own():
    first, second, *_ = violations_of(architecture(Dropping))
    assert "random numbers" in first
    assert "two results" in second


def test_the_global_generator_is_left_alone():
    state = torch.get_rng_state()
    violations_of(architecture(Sound))
    assert torch.equal(torch.get_rng_state(), state)
