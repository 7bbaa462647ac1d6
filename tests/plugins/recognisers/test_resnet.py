"""The thin ResNet has the stages and a sixteenth or so of the parameters of the paper's."""

import pytest
import torch
from srbench_plugins.recognisers import resnet

from helpers.architectures import assert_size
from srbench.networks.recognition.recogniser import build_recogniser

(SPEC,) = resnet.register_recognisers()


def test_its_size_is_pinned():
    assert_size(SPEC, 2, 700_176)


@pytest.mark.parametrize("side", [7, 32])
def test_its_stages_halve_the_sides_from_the_second_on(side):
    recogniser = build_recogniser(SPEC, 0)
    recogniser.module.eval()
    with torch.no_grad():
        features = recogniser.features(torch.rand(1, 3, side, side), SPEC.taps)
    assert [feature.shape[1] for feature in features.values()] == [16, 32, 64, 128]
    assert [feature.shape[-1] for feature in features.values()] == [-(-side // 2**stage) for stage in range(4)]


def test_it_has_the_layers_of_the_whole_network_at_the_same_width():
    timm = pytest.importorskip("timm")
    with torch.device("meta"):
        whole = timm.create_model("resnet18", num_classes=0)
        own = resnet.ResNet(64)
    shapes = [sorted(tuple(p.shape) for p in network.parameters()) for network in (whole, own)]
    stems = [(64, 3, 7, 7), (64, 3, 3, 3)]
    for shape, stem in zip(shapes, stems, strict=True):
        shape.remove(stem)
    assert shapes[0] == shapes[1]
