"""LIIF computes what its authors' code computes, over any encoder, at any scale, in little memory."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from srbench_plugins.architectures import edsr, liif, rdn

from helpers.networks import HERE, fill
from helpers.rounding import assert_equal_but_for_rounding
from srbench.networks import points
from srbench.networks.encoding import encode
from srbench.profiling.complexity import count_parameters
from srbench.scales import parse_scale
from srbench.testing import photograph, violations_of

EDSR = next(spec for spec in edsr.register_architectures() if spec.name == "edsr_baseline")
TINY = replace(EDSR, name="tiny", encoder=partial(edsr.EDSREncoder, n_resblocks=2, n_feats=16))
RDN_A = replace(EDSR, encoder=partial(rdn.RDNEncoder, blocks=20, layers=6, growth=32, channels=16))
SMALL = {"hidden": (32, 32)}


def at(size):
    """Call a network as the oracles did: (N, 3, h, w) to (N, Q, 3) in rows."""
    return lambda network, lr: network(lr, size).flatten(2).mT


@pytest.mark.parametrize(
    ("name", "size", "encoded", "options"),
    [
        ("liif_edsr_tiny_x2", (22, 18), TINY, SMALL),
        ("liif_edsr_tiny_x2p3", (25, 20), TINY, SMALL),
        ("liif_edsr_tiny_x3p7_aniso", (38, 31), TINY, SMALL),
        ("liif_edsr_tiny_no_ens_x2p3", (25, 20), TINY, SMALL | {"ensemble": False}),
        ("liif_edsr_tiny_no_unfold_x2p3", (25, 20), TINY, SMALL | {"unfold": False}),
        ("liif_edsr_tiny_no_cell_x2p3", (25, 20), TINY, SMALL | {"cell": False}),
        ("liif_edsr_baseline_x2p3", (25, 20), EDSR, {}),
        ("liif_rdn_a_g16_x2p3", (25, 21), RDN_A, SMALL),
    ],
)
def test_it_equals_the_official_network(name, size, encoded, options, assert_official):
    assert_official(liif.LIIF(encoded, **options), name, call=at(size))


def test_it_equals_the_official_network_at_any_points(assert_official):
    """Among them the corners of the image, and points between pixels."""
    arrays = np.load(HERE / "liif_edsr_tiny_points.npz")
    coordinates, cell = (torch.from_numpy(arrays[name]).double() for name in ("coord", "cell"))

    def call(network, lr):
        sides = torch.tensor(lr.shape[2:])
        prepared = network.prepare(encode(network.encoder, TINY, lr)).permute(0, 2, 3, 1).contiguous()
        return network.decode(prepared, (coordinates + 1) / 2 * sides, cell / 2 * sides)

    assert_official(liif.LIIF(TINY, **SMALL), "liif_edsr_tiny_points", call=call)


def test_centres_of_pixels_are_the_official_coordinates():
    wanted = torch.from_numpy(np.load(HERE / "liif_make_coord.npz")["c_3x5"])
    seen = []

    class Spy(liif.LIIF):
        def decode(self, prepared, centres, pixel):
            seen.append(centres)
            return super().decode(prepared, centres, pixel)

    Spy(TINY, **SMALL)(torch.rand(1, 3, 6, 4), (3, 5))
    assert_equal_but_for_rounding(seen[0][0].float() / torch.tensor([6, 4]) * 2 - 1, wanted)


@pytest.mark.parametrize(
    ("name", "parameters"),
    # 24 fewer with EDSR than in the release, which counts its mean shifts
    [("liif:edsr_baseline", 1_567_323 - 24), ("liif:rdn", 22_320_835)],
)
def test_its_size_is_the_published_one(name, parameters, catalog):
    with torch.device("meta"):
        assert count_parameters(catalog.architectures[name].build()) == parameters


@pytest.mark.parametrize("name", ["liif_small:edsr_small", "liif_no_ensemble:rdn_small"])
def test_over_any_encoder_it_keeps_the_contract(name, catalog):
    assert violations_of(catalog.architectures[name]) == []


def test_its_encoder_sees_colours_from_minus_one_to_one_without_a_mean_shift(catalog):
    spec = catalog.architectures["liif:edsr_small"]
    assert (spec.input_mean, spec.input_std, spec.input_range) == ((0.5,) * 3, (0.5,) * 3, 1.0)
    network, shallow = spec.build().eval(), []
    network.encoder.head.register_forward_pre_hook(lambda _, inputs: shallow.append(inputs[0]))
    lr = photograph(1, 3, 6, 5)
    with torch.no_grad():
        network(lr, (7, 7))
    assert torch.equal(shallow[0], lr)


@pytest.mark.parametrize("name", ["srcnn", "mdsr", "ghost:edsr_small", "bicubic"])
def test_a_network_without_an_encoder_is_refused_by_name(name, catalog):
    with pytest.raises(Exception, match=f"{name} declares no encoder"):
        catalog.architectures[f"liif:{name}"]


def test_chunks_do_not_change_the_result(monkeypatch):
    network, lr = liif.LIIF(TINY, **SMALL).eval(), torch.rand(2, 3, 5, 6)
    fill(network, set())
    with torch.no_grad():
        whole = network(lr, (13, 9))
        monkeypatch.setattr(points, "QUERIES", 50)
        assert_equal_but_for_rounding(network(lr, (13, 9)), whole)


@pytest.mark.parametrize("scale", ["1.5", "2", "2.3", "3.7x1.5"])
def test_an_image_turned_around_is_super_resolved_around(scale, catalog):
    """Mirrored by both axes, with an encoder of mirrored kernels: positions have no side that they prefer."""
    spec = catalog.architectures["liif:edsr_small"]
    network, mirrored = spec.build().eval(), spec.build().eval()
    state = network.state_dict()
    first = {"imnet.layers.0.weight"}
    turned = {key: t.flip(-1, -2) if t.dim() == 4 else t for key, t in state.items()}
    weight = state[next(iter(first))].clone()
    weight[:, :-4] = weight[:, :-4].unflatten(1, (-1, 3, 3)).flip(-1, -2).flatten(1)
    weight[:, -4:-2] *= -1
    mirrored.load_state_dict({**turned, "imnet.layers.0.weight": weight})
    lr = torch.rand(1, 3, 8, 6)
    size = spec.arguments(lr, parse_scale(scale))[1]
    with torch.no_grad():
        assert_equal_but_for_rounding(mirrored(lr.flip(-1, -2), size).flip(-1, -2), network(lr, size), 64)


def test_published_scores_are_those_of_the_protocols_of_its_paper(catalog):
    rows = {(r.dataset, r.scale): r for r in catalog.architectures["liif:rdn"].reported}
    assert len(rows) == 8 + 4 * 5
    far = rows["set5", 8]
    assert (far.metric, far.value, far.protocol, far.degradation) == ("psnr_y", 27.14, "liif", "pil_bicubic")
    near = rows["div2k_valid", 2]
    assert (near.metric, near.value, near.protocol, near.degradation) == ("psnr_rgb", 34.99, "liif-div2k", "bicubic")
    assert len(catalog.architectures["liif_no_cell:edsr_baseline"].reported) == 8
    assert not catalog.architectures["liif:imdn"].reported
