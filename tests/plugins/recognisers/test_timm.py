"""Networks of timm are recognisers by their names, at any size of image."""

import sys

import pytest
import torch
from srbench_plugins.recognisers import timm as plugin

from srbench.catalog.catalog import load_catalog
from srbench.errors import SrbenchError, UnavailableError, UnknownNameError
from srbench.networks.recognition.recogniser import build_recogniser
from srbench.testing import violations_of

pytest.importorskip("timm")


def made(argument):
    return plugin.make(argument, {})


@pytest.mark.parametrize("argument", ["resnet10t:stem1", "vit_tiny_patch16_224:size64"])
def test_it_keeps_the_contract(argument):
    assert violations_of(made(argument)) == []


def test_it_is_found_by_its_whole_name():
    networks = load_catalog().networks
    spec = networks["timm:resnet18"]
    assert (spec.name, spec.task, spec.license) == ("timm:resnet18", "recognition", "Apache-2.0")
    assert spec.taps == ("act1", "layer1", "layer2", "layer3", "layer4")
    assert spec.extra_hash.startswith("timm ")
    assert networks["timm:resnet18"] is spec  # its trial runs are done once


def test_images_are_normalised_as_its_weights_would_expect():
    assert made("resnet18").input_mean == (0.485, 0.456, 0.406)
    assert made("vit_tiny_patch16_224:size64").input_mean == (0.5, 0.5, 0.5)


def test_a_stem_of_stride_one_keeps_the_places_of_small_images():
    image = torch.rand(1, 3, 16, 16)
    sides = {}
    for argument in ("resnet18", "resnet18:stem1"):
        recogniser = build_recogniser(made(argument), 5)
        recogniser.module.eval()
        sides[argument] = [recogniser.features(image, (tap,))[tap].shape[-1] for tap in ("conv1", "layer1", "layer4")]
    assert sides == {"resnet18": [8, 4, 1], "resnet18:stem1": [16, 16, 2]}


def test_a_transformer_is_built_for_a_size_and_works_at_others():
    spec = made("vit_tiny_patch16_224:size64")
    recogniser = build_recogniser(spec, 0)
    recogniser.module.eval()
    assert recogniser.tapped.pos_embed.shape == (1, 1 + 4 * 4, 192)
    assert spec.size_multiple == 16
    assert recogniser.features(torch.rand(1, 3, 28, 56), (spec.stem,))[spec.stem].shape == (1, 192, 2, 4)


@pytest.mark.parametrize(
    ("argument", "error", "text"),
    [
        ("resnt18", UnknownNameError, "No network of timm named 'resnt18'. Did you mean resnet18?"),
        ("resnet18:stem", SrbenchError, "timm:resnet18:stem has the option 'stem', which timm does not have"),
        ("mixer_s32_224", UnavailableError, "timm:mixer_s32_224 cannot be used: it does not take images of several"),
        ("resnet18:size64", UnavailableError, "timm:resnet18:size64 cannot be built: ResNet"),
        ("vit_tiny_patch16_224:stem1", UnavailableError, "it has no first convolution whose stride could be 1"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_sentence(argument, error, text):
    with pytest.raises(error) as caught:
        made(argument)
    assert text in str(caught.value)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        UnavailableError, match=r"^timm:resnet34 needs the package timm; install srbench\[recognition\]\.$"
    ):
        made("resnet34")
