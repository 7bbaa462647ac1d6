"""Encoders give the features that their networks enlarge, and bad ones are refused in a sentence."""

import dataclasses

import pytest
import torch
from torch import nn

from helpers.networks import fill
from srbench.catalog.catalog import load_catalog
from srbench.errors import ShapeError, UsageError
from srbench.networks.encoding import count_features, encode, require_encoder
from srbench.networks.spec import ArchitectureSpec

CATALOG = load_catalog(strict=True)
LARGE = {"edsr", "rcan", "han", "san", "rdn", "rdn_a", "swinir_m", "swinfir"}
"""Networks of the code of a smaller one, or with 8 million parameters and more."""
NAMES = [name for name in CATALOG.architectures if CATALOG.architectures[name].encoder and name not in LARGE]
WIDTHS = {"edsr_baseline": 64, "rdn_small": 16, "imdn": 64, "rlfn": 52, "pan": 40, "carn": 64, "swinir_light": 60}


@pytest.mark.parametrize("name", NAMES)
def test_an_encoder_has_the_weights_and_gives_the_features_of_its_network(name):
    """All weights of the network after the encoder's belong to its upsampler."""
    spec = CATALOG.architectures[name]
    network, encoder = spec.network(2).eval(), spec.encoder().eval()
    keys, own = list(network.state_dict()), list(encoder.state_dict())
    assert keys[: len(own)] == own
    assert len(keys) > len(own)
    kept = {key for key in keys if "mean" in key or "mask" in key or "index" in key}
    fill(network, kept)
    fill(encoder, kept)
    after = network.get_submodule(keys[len(own)].split(".")[0])
    read, given = [], []
    after.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    lr = torch.rand(1, 3, 24, 24)
    with torch.no_grad():
        network(*((lr, 2) if spec.multi_scale else (lr,)))
        features = encoder(given[0][:, :3])  # normalised; BSRN's first layer sees the colours several times
    assert features.shape == (1, WIDTHS.get(name, features.shape[1]), 24, 24)
    enlarged = read[0].shape[2] // features.shape[2]  # by nearest neighbours in PAN and A2N
    assert torch.equal(read[0][..., ::enlarged, ::enlarged], features)


def test_the_networks_of_the_field_have_encoders():
    families = "edsr rdn rcan imdn rlfn bsrn carn comonet pan a2n han san swinir swinfir"
    assert {name.split("_")[0] for name in [*NAMES, *LARGE]} == set(families.split())


def test_a_network_without_an_encoder_is_refused_by_name():
    with pytest.raises(UsageError, match=r"^srcnn declares no encoder.*choose a network"):
        require_encoder(CATALOG.architectures["srcnn"])


@pytest.mark.parametrize(("factor", "multiple"), [(1, 1), (1, 8), (1, 5)])
def test_features_have_the_size_of_lr_where_the_encoder_needs_another(factor, multiple):
    sizes = []

    class Picky(nn.Conv2d):
        def forward(self, x):
            sizes.append(x.shape[2:])
            return super().forward(x)

    spec = ArchitectureSpec(
        name="picky", build=nn.Identity, scales=frozenset({2}), size_multiple=multiple, min_size=9, encoder=nn.Identity
    )
    encoder = Picky(3, 7, 3, padding=1)
    assert encode(encoder, spec, torch.rand(2, 3, 11, 6)).shape == (2, 7, 11, 6)
    assert all(side % multiple == 0 and side >= 9 for side in sizes[0])
    assert count_features(encoder, spec) == 7


@pytest.mark.parametrize("encoder", [nn.Upsample(scale_factor=2), nn.Flatten(), nn.LSTM(4, 4)])
def test_an_encoder_that_returns_something_else_is_refused_with_what_it_returned(encoder):
    spec = dataclasses.replace(CATALOG.architectures["edsr_small"], name="odd")
    lr = torch.rand(1, 3, 4, 4) if not isinstance(encoder, nn.LSTM) else torch.rand(3, 4, 4)
    with pytest.raises(ShapeError, match=r"The encoder of odd returned .* it must return features"):
        encode(encoder, spec, lr)
