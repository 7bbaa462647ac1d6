"""A trial run shows what sizes a network of a library takes, its stem and its stages."""

import pytest
import torch
from torch import nn

from srbench.errors import UnavailableError
from srbench.networks.recognition.library import IMAGENET_MEAN, library_spec
from srbench.networks.recognition.recogniser import build_recogniser


def convolution(inward, outward, kernel, stride, padding):
    return nn.Sequential(nn.Conv2d(inward, outward, kernel, stride, padding), nn.ReLU())


def classic(pooled=True):
    """A stem of stride 2, a pooling, two stages within one container."""
    body = nn.Sequential(convolution(4, 6, 3, 2, 1), convolution(6, 8, 3, 2, 1), convolution(8, 8, 3, 1, 1))
    pool = [nn.MaxPool2d(3, 2, 1)] if pooled else []
    return nn.Sequential(nn.Conv2d(3, 4, 7, 2, 3), *pool, body, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def patches():
    """Tokens of 8x8 pixels, whose last module drops the axis of places."""
    return nn.Sequential(nn.Conv2d(3, 5, 8, 8), nn.Flatten(2), Transposed(), Mean())


class Transposed(nn.Module):
    def forward(self, features):
        return features.mT


class Mean(nn.Module):
    def forward(self, tokens):
        return tokens.mean(1)


class OnlyOneSize(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3 * 32 * 32, 4)

    def forward(self, images):
        return self.linear(images.flatten(1))


class NotOnMeta(nn.Module):
    """Reads a value when it is built."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.first = self.conv.weight.flatten()[0].item()

    def forward(self, images):
        return self.conv(images).mean((2, 3))


def test_stem_and_stages_are_found_by_size():
    spec = library_spec("lib:a", classic)
    assert (spec.stem, spec.taps) == ("0", ("0", "2.0", "2.2"))
    assert (spec.size_multiple, spec.min_size, spec.input_mean) == (1, 7, IMAGENET_MEAN)


@pytest.mark.parametrize("pooled", [True, False])
def test_a_stem_of_stride_one_drops_the_pooling_behind_it(pooled):
    spec = library_spec("lib:a", lambda: classic(pooled), unit_stem=True)
    features = build_recogniser(spec, 0).features(torch.rand(1, 3, 16, 16), spec.taps)
    assert spec.taps[0] == spec.stem
    assert [feature.shape[-1] for feature in features.values()] == [16, 8, 4]


def test_taps_of_the_library_are_those_that_are_maps_or_tokens_of_one():
    spec = library_spec("lib:a", patches, multiples=(8,), taps=("0", "1", "2", "3", "not_there"))
    assert spec.taps == ("0", "2")
    assert (spec.size_multiple, spec.min_size, spec.stem) == (8, 8, "0")


def test_a_network_that_cannot_be_built_without_memory_is_built_with_it():
    assert library_spec("lib:a", NotOnMeta).stem == "conv"


def test_a_trial_leaves_the_modes_of_a_network():
    modules = []

    def build():
        modules.append(classic())
        modules[-1][0].eval()
        return modules[-1]

    library_spec("lib:a", build)
    assert not modules[0][0].training
    assert modules[0][1].training


@pytest.mark.parametrize(
    ("build", "facts", "text"),
    [
        (OnlyOneSize, {}, "lib:a cannot be used: it does not take images of several sizes up to 299 pixels ("),
        (nn.Identity, {}, "lib:a cannot be used: it gives no embedding (N, D); choose another network."),
        (patches, {"unit_stem": True, "multiples": (8,)}, "it has no first convolution whose stride could be 1"),
        (Mean, {}, "it gives no embedding (N, D)"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(build, facts, text):
    with pytest.raises(UnavailableError) as caught:
        library_spec("lib:a", build, **facts)
    assert text in str(caught.value)
