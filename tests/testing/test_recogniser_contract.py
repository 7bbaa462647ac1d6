"""The contract of recognisers finds what it is there to find, and says it in a sentence."""

import pytest
import torch
from torch import nn

import srbench
from helpers.violations import one_violation
from srbench.testing import violations_of


class Sound(nn.Module):
    """Keeps every rule; the faulty ones below change one thing each."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.gate = nn.Conv2d(8, 1, 3, padding=1, bias=False)
        self.embed = nn.Linear(8, 5)

    def forward(self, images):
        features = self.stem(images)
        return self.embed((features * self.gate(features).sigmoid()).mean((2, 3)))


class Flat(Sound):
    """Its embedding grows with the image."""

    def forward(self, images):
        return self.stem(images).flatten(1)


class Map(Sound):
    def forward(self, images):
        return self.stem(images)


class NotANumber(Sound):
    def forward(self, images):
        return super().forward(images) / 0.0


class Double(Sound):
    def forward(self, images):
        return super().forward(images).double()


class Mixing(Sound):
    def forward(self, images):
        return super().forward(images - images.mean())


class Dropping(Sound):
    def forward(self, images):
        return nn.functional.dropout(super().forward(images), 0.5, training=True)


class Loose(Sound):
    def __init__(self):
        super().__init__()
        self.secret = torch.rand(1)

    def forward(self, images):
        return super().forward(images) * self.secret


class Unused(Sound):
    def __init__(self):
        super().__init__()
        self.spare = nn.Linear(2, 2)


class Crashing(Sound):
    def forward(self, images):
        return super().forward(images[:, :, 5:])[:, : 1 // (images.shape[2] - 7)]


def recogniser(build, **facts):
    return srbench.RecogniserSpec(name="mine", build=build, **facts)


@pytest.mark.parametrize(
    "spec",
    [
        recogniser(Sound, taps=("stem",), attention=("gate",), stem="stem"),
        recogniser(Sound, size_multiple=4, min_size=16, input_range=255.0),
        recogniser(Unused, dead_parameters=("spare.*",)),
    ],
)
def test_a_sound_recogniser_passes(spec):
    assert violations_of(spec) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (recogniser(lambda: None), "build() of mine gave NoneType; it must give an nn.Module"),
        (recogniser(Flat), "embeddings of other lengths for other sizes"),
        (recogniser(Map), "it must return embeddings (1, D)"),
        (recogniser(NotANumber), "NaN or infinity"),
        (recogniser(Double), "gave torch.float64 for images of float32"),
        (recogniser(Mixing), "a different result in a batch than alone"),
        (recogniser(Dropping), "draws random numbers in eval mode"),
        (recogniser(Loose), "round trip of its state dict"),
        (recogniser(Unused), "No gradient reaches 2 of mine's parameters (first: spare.bias)"),
        (recogniser(Crashing), "Mine on images of 7x6 raised ZeroDivisionError"),
        (recogniser(Sound, taps=("body",)), "has no module at 'body' to tap"),
        (recogniser(Unused, taps=("spare",), dead_parameters=("spare.*",)), "The tap 'spare' of mine is never reached"),
        (recogniser(Sound, attention=("stem",)), "The attention 'stem' of mine gives (1, 8, 45, 37)"),
        (recogniser(Sound, stem="embed"), "The stem 'embed' of mine gives (1, 5)"),
    ],
)
def test_a_faulty_recogniser_is_reported_with_its_fault(spec, text):
    one_violation(spec, text)
