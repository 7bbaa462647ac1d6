"""Weights given to the wrong architecture: the one that fits is named, and few networks are built to find it."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.networks import advice
from srbench.networks.advice import Candidate, candidates
from srbench.networks.shapes import scales_of, shapes_of

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture(scope="module")
def known():
    return load_catalog().architectures


def weights(known, name, scale):
    return known[name].network(scale).state_dict()


def given_to(known, name, scale, state):
    """The advice for weights that were given to an architecture."""
    own = {key: tuple(weight.shape) for key, weight in weights(known, name, scale).items()}
    return advice.advice(state, Candidate(name, None if known[name].multi_scale else scale, own), known)


@pytest.mark.parametrize(
    ("name", "scale", "wrong", "used"),
    [
        ("imdn", 2, "edsr_baseline", 2),
        ("pan", 4, "imdn", 4),
        ("rlfn", 4, "bsrn", 2),
        ("hpinet_s", 2, "swinir_light", 2),
        ("comonet_s", 2, "rcan_small", 2),
        ("edsr_small", 4, "edsr_small", 2),
        ("edsr_small", 4, "imdn", 2),
        ("carn", 2, "espcn", 2),
    ],
)
def test_the_architecture_that_fits_is_named_at_the_first_try(name, scale, wrong, used, known, monkeypatch):
    monkeypatch.setattr(advice, "_COMPARING_S", 60)
    title = name if known[name].multi_scale else f"{name} at x{scale}"
    assert given_to(known, wrong, used, weights(known, name, scale)) == f"These weights fit {title}; use that."


def test_among_equal_shapes_the_scale_that_is_used_is_named(known):
    for scale in (2, 4):  # its deconvolution has one shape at every scale
        text = given_to(known, "edsr_small", scale, weights(known, "fsrcnn_s", 3))
        assert text == f"These weights fit fsrcnn_s at x{scale}; use that."


def test_a_prefix_before_the_keys_does_not_matter(known):
    state = {f"generator.{key}": value for key, value in weights(known, "fsrcnn_s", 2).items()}
    assert given_to(known, "edsr_small", 2, state) == "These weights fit fsrcnn_s at x2; use that."


def test_a_network_of_another_width_is_named_with_a_difference(known):
    wide = {key: torch.cat((value, value, value)) for key, value in weights(known, "edsr_small", 2).items()}
    text = given_to(known, "edsr_small", 2, wide)
    assert text.startswith(
        "These weights have the names of edsr_small at x2 in other sizes (sub_mean.weight: (9, 3, 1, 1) in the "
    )
    assert text.endswith(" (3, 3, 1, 1) there); use the variant that was trained.")


def test_weights_of_an_unknown_network_are_said_to_fit_none_of_those_compared(known):
    text = given_to(known, "espcn", 2, {"encoder.block.0.weight": torch.ones(3)})
    several = rf"\((\d+) of {len(known)} were compared, chosen by the names in their code\)"
    found = re.fullmatch(
        f"No architecture was found that these weights fit {several}; add their network as a plugin.", text
    )
    assert found
    assert 0 < int(found[1]) < len(known) / 10  # those whose code has the words "encoder", "block" or "weight"


@pytest.mark.parametrize("name", ["imdn", "pan", "rlfn", "hpinet_m", "comonet_s", "swinir_light"])
def test_the_code_of_an_architecture_mentions_more_of_its_keys_than_any_other_code(name, known):
    likeliness = advice._likeliness(known, "espcn", weights(known, name, max(known[name].scales)).keys())
    assert likeliness[name] == max(likeliness.values()) >= 0.8


def test_what_is_cached_comes_first_and_only_likely_networks_are_built(known, monkeypatch):
    keys, own = weights(known, "imdn", 2).keys(), Candidate("espcn", 2, {})
    monkeypatch.setattr(advice, "_COMPARING_S", -1)
    assert list(candidates(known, own, keys)) == [own]
    shapes_of(known, "fsrcnn_s", 3)
    assert [one[:2] for one in candidates(known, own, keys)] == [("espcn", 2), ("fsrcnn_s", 3)]
    monkeypatch.setattr(advice, "_COMPARING_S", 60)
    found = [one[:2] for one in candidates(known, own, keys)]
    assert found[:3] == [("espcn", 2), ("fsrcnn_s", 3), ("imdn", 2)]
    assert {("espcn", 3), ("espcn", 4)} <= set(found), "they are in the file of the network at hand"
    assert len(found) < sum(len(scales_of(known[name])) for name in known) / 4
    assert len(found) == len(set(found))


def test_a_network_without_source_is_unlikely(known):
    def build(scale):
        return known["espcn"].build(scale)

    build.__module__ = "no module"
    one = {"espcn": known["espcn"], "foreign": replace(known["espcn"], name="foreign", build=build)}
    assert advice._likeliness(one, "espcn", weights(known, "espcn", 2).keys()) == {"espcn": 1.0, "foreign": 0.0}


def test_no_advice_imports_the_compiler_of_pytorch():
    code = (
        "import sys; from srbench.catalog.catalog import load_catalog; from srbench.networks.shapes import shapes_of\n"
        "known = load_catalog().architectures\n"
        "for name in ('edsr_small', 'fsrcnn_s', 'swinir_small', 'imdn'): assert shapes_of(known, name, 2)\n"
        "print('sympy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
