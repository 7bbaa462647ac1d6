"""Classifiers of torchvision are recognisers by their names, at any size of image."""

import sys

import pytest
import torch
from srbench_plugins.recognisers import torchvision as plugin

from srbench.errors import SrbenchError, UnavailableError, UnknownNameError
from srbench.networks.recognition.recogniser import build_recogniser
from srbench.testing import violations_of

pytest.importorskip("torchvision")


def made(argument):
    return plugin.make(argument, {})


def test_it_keeps_the_contract():
    assert violations_of(made("resnet18:stem1")) == []


@pytest.mark.parametrize(
    ("argument", "length", "stem", "taps"),
    [
        ("resnet18", 512, "conv1", ("relu", "layer1", "layer2", "layer3", "layer4")),
        ("shufflenet_v2_x0_5", 1024, "conv1.0", ("conv1", "stage2", "stage3", "conv5")),
        ("mobilenet_v3_small", 1024, "features.0.0", tuple(f"features.{stage}" for stage in (0, 1, 3, 8, 12))),
        ("swin_t", 768, "features.0.0", ()),  # its channels come last
    ],
)
def test_its_embedding_is_what_the_last_layer_took_and_its_taps_end_the_stages(argument, length, stem, taps):
    spec = made(argument)
    assert (spec.stem, spec.taps) == (stem, taps)
    with torch.device("meta"):
        assert build_recogniser(spec, 10).module.head.classifier.weight.shape == (10, length)


@pytest.mark.parametrize(
    ("argument", "error", "text"),
    [
        ("resnt18", UnknownNameError, "No network of torchvision named 'resnt18'. Did you mean resnet18?"),
        ("resnet18:size64", SrbenchError, "the option 'size64', which torchvision does not have; it has :stem1."),
        ("squeezenet1_0", UnavailableError, "torchvision:squeezenet1_0 does not end in a linear layer"),
        ("vit_b_16", UnavailableError, "torchvision:vit_b_16 cannot be used: it does not take images of several sizes"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_sentence(argument, error, text):
    with pytest.raises(error) as caught:
        made(argument)
    assert text in str(caught.value)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(
        UnavailableError,
        match=r"^torchvision:resnet34 needs the package torchvision; install srbench\[recognition\]\.$",
    ):
        made("resnet34")
