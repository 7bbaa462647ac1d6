"""iResNet has the sizes of A-SKD's release and 24 pairs of attention maps at a depth of 50."""

from functools import partial

import pytest
import torch
from srbench_plugins.recognisers import iresnet

from helpers.architectures import assert_size
from srbench.networks.recognition.recogniser import build_recogniser
from srbench.testing import violations_of

SPECS = {spec.name: spec for spec in iresnet.register_recognisers()}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("iresnet18_cbam", 24_112_784), ("iresnet34_cbam", 34_296_800), ("iresnet50_cbam", 43_814_000)],
)
def test_its_size_is_the_releases(name, parameters):
    assert_size(SPECS[name], 2, parameters)


@pytest.mark.parametrize(("name", "blocks"), [("iresnet18_cbam", 8), ("iresnet34_cbam", 16), ("iresnet50_cbam", 24)])
def test_every_block_has_two_maps_of_attention_of_faces_as_the_paper_aligns_them(name, blocks):
    with torch.device("meta"):
        recogniser = build_recogniser(SPECS[name], 3, "arcface")
        features = recogniser.features(torch.zeros(2, 3, 112, 112), SPECS[name].attention)
    shapes = [tuple(features[path].shape) for path in SPECS[name].attention]
    assert len(shapes) == 2 * blocks
    assert shapes[-2:] == [(2, 512, 1, 1), (2, 1, 7, 7)]
    assert shapes[:2] == [(2, 64, 1, 1), (2, 1, 56, 56)]
    assert recogniser.module.head.centres.shape == (3, 512)


def shallow():
    """One block a stage, a short embedding: the same code at a fraction of the cost."""
    build = partial(iresnet.IResNet, (1, 1, 1, 1), 16)
    facts = {"taps": SPECS["iresnet18_cbam"].taps, "stem": "stem", "attention": SPECS["iresnet18_cbam"].attention[:2]}
    return type(SPECS["iresnet18_cbam"])(name="iresnet_shallow", build=build, **facts)


def test_a_shallow_one_keeps_the_contract():
    assert violations_of(shallow()) == []


@pytest.mark.parametrize("side", [14, 28, 56])
def test_small_faces_have_the_same_length_of_embedding(side):
    recogniser = build_recogniser(shallow(), 0)
    recogniser.module.eval()
    with torch.no_grad():
        assert recogniser(torch.rand(1, 3, side, side)).shape == (1, 16)
