"""Hinton's loss at other temperatures and weights: the usual ones give kd, and impossible ones are refused."""

import pytest
import torch

from helpers.recognition import batch, setup
from srbench.errors import ConfigError


def terms_of(catalog, name):
    torch.manual_seed(0)
    return catalog.distillers[name].build(setup()).losses(batch())


def test_the_usual_weights_are_kd(catalog):
    usual, kd = (terms_of(catalog, name) for name in ("kd_with:temperature=4,share=0.9", "kd"))
    assert all(torch.equal(usual[term], kd[term]) for term in kd)


def test_the_share_divides_labels_and_teacher(catalog):
    half, most = (terms_of(catalog, f"kd_with:share={share}") for share in (0.5, 0.9))
    assert half["cross_entropy"].item() == pytest.approx(5 * most["cross_entropy"].item(), rel=1e-5)
    assert half["divergence"].item() == pytest.approx(most["divergence"].item() / 1.8, rel=1e-5)


def test_the_temperature_changes_the_divergence_only(catalog):
    cold, warm = (terms_of(catalog, f"kd_with:temperature={t}") for t in (2, 8))
    assert torch.equal(cold["cross_entropy"], warm["cross_entropy"])
    assert cold["divergence"] != warm["divergence"]


@pytest.mark.parametrize("words", ["temperature=0", "share=1.1", "share=-0.1", "share=much"])
def test_impossible_weights_are_refused(catalog, words):
    with pytest.raises(ConfigError, match="does not fit"):
        catalog.distillers[f"kd_with:{words}"]
