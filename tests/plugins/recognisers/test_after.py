"""A recogniser behind a network that enlarges is called as one network, and is made of both."""

import pytest
import torch

from srbench.catalog.catalog import load_catalog
from srbench.errors import SrbenchError, UnknownNameError
from srbench.networks.network import Network
from srbench.networks.recognition.recogniser import build_recogniser


@pytest.fixture(scope="module")
def networks():
    return load_catalog().networks


def test_its_spec_names_both_parts(networks):
    spec = networks["after:bicubic:cbam_small"]
    assert (spec.parts, spec.takes_lr, spec.scales) == (("bicubic", "cbam_small"), True, networks["bicubic"].scales)
    assert networks["after:lr:cbam_small"].parts == ("cbam_small",)
    assert networks["after:lr:cbam_small"].scales == networks["cbam_small"].scales


def test_it_answers_what_the_recogniser_answers_on_what_the_front_gives(networks):
    recogniser = build_recogniser(networks["cbam_small"], 5)
    recogniser.module.eval()
    front = Network(networks["bicubic"], networks["bicubic"].network(4))
    lr = torch.rand(2, 3, 8, 6)
    spec = networks["after:bicubic:cbam_small"]
    both = spec.compose(spec, [front, recogniser])
    embeddings = both(lr, 4)
    torch.testing.assert_close(embeddings, recogniser(front(lr, 4).clamp(0, 1)))
    torch.testing.assert_close(both.logits(embeddings), recogniser.logits(embeddings))
    alone = networks["after:lr:cbam_small"]
    torch.testing.assert_close(alone.compose(alone, [recogniser])(lr, 4), recogniser(lr))


def test_its_network_for_costs_holds_both_parts(networks):
    with torch.device("meta"):
        module = networks["after:bicubic:cbam_small"].network(4)
        assert module(torch.zeros(1, 3, 8, 8)).shape == (1, 128)


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("after:bicubic", SrbenchError, "after:bicubic is incomplete; write after:FRONT:RECOGNISER"),
        ("after:bicubic:cbam_tiny", UnknownNameError, "No recogniser named 'cbam_tiny'. "),
        ("after:bicubik:cbam_small", UnknownNameError, "No architecture named 'bicubik'. Did you mean bicubic?"),
    ],
)
def test_a_name_that_is_incomplete_or_unknown_is_refused(networks, name, error, text):
    with pytest.raises(error) as caught:
        networks[name]
    assert text in str(caught.value)
