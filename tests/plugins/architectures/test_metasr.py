"""Both forms of Meta-SR compute what their authors' code computes."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import edsr, metasr

from srbench.networks.blocks import DIV2K_MEAN
from srbench.networks.encoding import encode
from srbench.networks.network import Network
from srbench.profiling.complexity import count_parameters
from srbench.testing import photograph, violations_of

EDSR = next(spec for spec in edsr.register_architectures() if spec.name == "edsr_baseline")
TINY = replace(EDSR, encoder=partial(edsr.EDSREncoder, n_resblocks=2, n_feats=16))


@pytest.mark.parametrize(
    ("name", "size", "encoded"),
    [
        ("liif_metasr_edsr_tiny_x2", (22, 18), TINY),
        ("liif_metasr_edsr_tiny_x2p3", (25, 20), TINY),
        ("liif_metasr_edsr_baseline_x2p3", (25, 20), EDSR),
    ],
)
def test_liifs_form_equals_the_official_network(name, size, encoded, assert_official):
    network = metasr.LIIFMetaSR(encoded)
    assert_official(network, name, call=lambda network, lr: network(lr, size).flatten(2).mT)


@pytest.mark.parametrize(("name", "scale"), [("x1p5", 1.5), ("x2p0", 2.0), ("x2p3", 2.3), ("x3p7", 3.7)])
def test_the_authors_form_equals_the_official_network(name, scale, assert_official):
    """The release takes positions from the scale itself, not from the ratio of the rounded sizes."""

    def call(network, lr):
        mean = 255 * torch.tensor(DIV2K_MEAN).view(3, 1, 1)
        height, width = (int(scale * side + 1e-9) for side in lr.shape[2:])
        prepared = network.prepare(encode(network.encoder, TINY, lr - mean)).permute(0, 2, 3, 1).contiguous()
        pixels = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()[None]
        colours = network.decode(prepared, (pixels + 0.5) / scale, torch.full_like(pixels, 1 / scale))
        return colours.mT.unflatten(2, (height, width)) + mean

    network = metasr.MetaSR(TINY)
    assert_official(network, f"metasr_edsr_tiny_{name}", call=call, rename=lambda key: key.removeprefix("encoder."))


@pytest.mark.parametrize(
    ("name", "parameters"),
    # 24 fewer with EDSR than in the release, which counts its mean shifts
    [("liif_metasr:edsr_baseline", 1_665_560 - 24), ("liif_metasr:rdn", 22_419_072), ("metasr:rdn", 22_419_072)],
)
def test_its_size_is_the_published_one(name, parameters, catalog):
    with torch.device("meta"):
        assert count_parameters(catalog.architectures[name].build()) == parameters


@pytest.mark.parametrize("name", ["metasr:edsr_small", "liif_metasr:rdn_small"])
def test_it_keeps_the_contract(name, catalog):
    assert violations_of(catalog.architectures[name]) == []


def test_the_mean_colour_is_subtracted_before_the_encoder_and_added_after(catalog):
    spec = catalog.architectures["metasr:edsr_small"]
    network, seen = Network(spec, spec.build().eval()), []
    network.module.encoder.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network.module.P2W["meta_block"][2].weight.data.zero_()
    network.module.P2W["meta_block"][2].bias.data.zero_()
    lr, mean = photograph(1, 3, 6, 5), torch.tensor(DIV2K_MEAN).view(3, 1, 1)
    with torch.no_grad():
        sr = network(lr, 3)
    assert torch.allclose(seen[0], 255 * (lr - mean), atol=1e-4)
    assert torch.allclose(sr, mean.expand(1, 3, 18, 15), atol=1e-6)


def test_a_pixel_whose_corner_is_on_a_border_belongs_to_the_lr_pixel_that_begins_there():
    """Rounding would put some of i * h / H just below a whole number; the authors' code fails there by an index."""
    offsets = []

    class Spy(metasr.LIIFMetaSR):
        def inputs(self, offsets_, pixel):
            offsets.append(offsets_)
            return super().inputs(offsets_, pixel)

    network = Spy(TINY)
    for side in (49, 51, 57, 93):
        network(torch.rand(1, 3, side, 1), (3 * side, 3))
        assert offsets[-1].min() > -1e-6
        assert offsets[-1].max() < 2 / 3 + 1e-6
