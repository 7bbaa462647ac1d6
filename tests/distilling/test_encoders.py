"""Encoders are the networks that they are named after, and say which images are too small for them."""

import pytest
import torch
from torch import nn

from helpers.distilling import drawn_imagenet_network
from srbench.distilling.encoders import VGG19_LAYERS, alexnet, untrained, vgg16, vgg19
from srbench.errors import TrainingError, UnavailableError
from srbench.testing import photograph

CPU = torch.device("cpu")


def test_the_untrained_encoder_is_the_same_every_time_and_takes_patches_of_any_size():
    torch.manual_seed(1)
    first = untrained(CPU)
    torch.manual_seed(2)
    second = untrained(CPU)
    for side in (1, 7, 33):
        images = photograph(2, 3, side, side)
        maps = first(images)
        assert [level.shape[-1] for level in maps] == [-(-side // 2**n) for n in range(5)]
        assert all(torch.equal(a, b) for a, b in zip(maps, second(images), strict=True))
    assert all(level.std() > 0.01 for level in first(photograph(2, 3, 32, 32)))


def test_luma_is_taken_as_grey():
    encoder, luma = untrained(CPU), photograph(2, 1, 8, 8)
    assert torch.equal(encoder(luma)[-1], encoder(luma.expand(-1, 3, -1, -1))[-1])


@pytest.mark.parametrize(
    ("make", "name", "trunk", "side", "relus"),
    [
        (alexnet, "alexnet", "alex", 63, (1, 4, 7, 9, 11)),
        (vgg16, "vgg16", "vgg", 64, (1, 6, 11, 18, 25)),
    ],
)
def test_alexnet_and_vgg16_are_taken_at_their_relus(make, name, trunk, side, relus, tmp_path, monkeypatch):
    features, file = drawn_imagenet_network(name, tmp_path)
    monkeypatch.setattr("srbench.distilling.encoders.find_lpips_trunk", {trunk: file}.__getitem__)
    encoder = make(CPU)
    images = photograph(1, 3, side, side)  # all poolings fit
    maps, expected = (images - encoder.mean) / encoder.std, []
    for number, layer in enumerate(features):
        maps = layer(maps)
        if number in relus:
            expected.append(maps.clone())
    for found, wanted in zip(encoder(images), expected, strict=True):
        torch.testing.assert_close(found, wanted)
    least = encoder.least
    assert all(level.numel() for level in encoder(photograph(1, 3, least, least + 3)))
    if least > 1:
        with pytest.raises(TrainingError, match=f"needs images of at least {least} pixels a side, and patches of hr"):
            encoder(photograph(1, 3, least - 1, least))


def test_vgg19_is_taken_at_five_convolutions_before_their_relus(tmp_path, monkeypatch):
    features, file = drawn_imagenet_network("vgg19", tmp_path)
    monkeypatch.setattr("srbench.distilling.encoders.find_vgg19", lambda: file)
    encoder, images = vgg19(CPU), photograph(1, 3, 32, 48)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    maps, stage, count, wanted = (images - mean.view(3, 1, 1)) / std.view(3, 1, 1), 1, 0, {}
    for layer in features:
        maps = layer(maps)
        if isinstance(layer, nn.Conv2d):
            count += 1
            wanted[f"conv{stage}_{count}"] = maps.clone()
        elif isinstance(layer, nn.MaxPool2d):
            stage, count = stage + 1, 0
    assert list(wanted)[-1] == "conv5_4"
    assert len(wanted) == 16
    for name, found in zip(VGG19_LAYERS, encoder(images), strict=True):
        torch.testing.assert_close(found, wanted[name])
        assert found.min() < 0
    assert all(level.numel() for level in encoder(photograph(1, 1, 16, 17)))


@pytest.mark.parametrize("make", [vgg16, vgg19])
def test_without_the_weights_it_says_how_to_get_them(make, monkeypatch, tmp_path):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UnavailableError, match=r"`srbench fetch"):
        make(CPU)
