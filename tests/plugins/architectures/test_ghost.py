"""Any convolutional network has a ghost version."""

import pytest
from srbench_plugins.architectures.ghostsr import GhostModule

from srbench.catalog.catalog import load_catalog
from srbench.errors import SrbenchError
from srbench.testing import violations_of


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


def replaced(spec, scale=2):
    return [k for k, m in spec.network(scale).named_modules() if isinstance(m, GhostModule)]


def test_the_ghost_of_edsr_is_the_network_of_the_paper(shelf):
    """The rule for any network finds in EDSR just what the release replaces there."""
    ours, official = shelf["ghost:edsr_baseline"].network(2), shelf["ghostsr_edsr_b16f64"].network(2)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in official.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("imdn", 24, "IMDB1.c1", "IMDB6.c4"),
        ("carn", 18, "b1.b1.body.0", "b3.b3.body.2"),
        ("pan", 48, "SCPA_trunk.0.k1.0", "SCPA_trunk.15.PAConv.k4"),
        ("a2n", 64, "AAB_trunk.0.attention.k1", "AAB_trunk.15.non_attention"),
        ("rlfn", 18, "block_1.c1_r", "block_6.c3_r"),
        ("mdsr_baseline", 44, "pre_process.0.0.body.0", "body.15.body.2"),
        ("vdsr", 18, "body.2", "body.36"),
        ("ncnet", 5, "body.2", "body.10"),
        ("espcn", 1, "features.2", "features.2"),
    ],
)
def test_the_body_is_replaced_and_the_rest_kept(name, count, first, last, shelf):
    found = replaced(shelf[f"ghost:{name}"])
    assert (len(found), found[0], found[-1]) == (count, first, last)


@pytest.mark.parametrize("name", ["edsr_small", "vdsr"])
def test_a_ghost_network_keeps_the_contract(name, shelf):
    assert violations_of(shelf[f"ghost:{name}"]) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ghost:bicubic", "nothing to train"),
        ("ghost:bsrn", "no convolution that could be replaced"),
        ("ghost:ghostsr_edsr_b16f64", "a ghost network already"),
        ("ghost:uhdn_ikm", r"do more than convolve \(ModulatedConv2d\), which a replacement would lose"),
        ("ghost:comonet_s", "do more than convolve"),
        ("ghost:ikm:edsr_small", "do more than convolve"),
        ("ghost:edrs_small", "edsr_small"),
    ],
)
def test_what_has_no_ghost_is_refused_in_a_sentence(name, reason, shelf):
    with pytest.raises(SrbenchError, match=reason):
        shelf[name].network(2)
