"""Losses on features can be named in recipes, with any encoder."""

import pytest
import torch

from srbench.distilling.encoders import untrained
from srbench.distilling.perceptual import gram
from srbench.errors import UnavailableError, UnknownNameError
from srbench.testing import photograph, violations_of


@pytest.mark.parametrize("name", ["perceptual_with:untrained", "style_with:untrained"])
def test_those_of_any_encoder_keep_the_contract(name, catalog):
    assert violations_of(catalog.losses[name], catalog) == []


def test_they_compare_the_deepest_features(catalog):
    sr, hr = photograph(2, 3, 16, 16, seed=0), photograph(2, 3, 16, 16, seed=1)
    encode = untrained(torch.device("cpu"))
    one, other = encode(sr)[-1], encode(hr)[-1]
    found = [catalog.losses[f"{name}_with:untrained"].build()(sr, hr) for name in ("perceptual", "style")]
    torch.testing.assert_close(found[0], (one - other).abs().mean())
    torch.testing.assert_close(found[1], (gram(one) - gram(other)).abs().mean())


@pytest.mark.parametrize("name", ["perceptual", "style"])
def test_without_the_weights_it_says_how_to_get_them(name, catalog, monkeypatch, tmp_path):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UnavailableError, match=r"`srbench fetch vgg19`"):
        catalog.losses[name].build()


def test_an_encoder_that_does_not_exist_is_refused(catalog):
    with pytest.raises(UnknownNameError, match=r"No encoder named 'vgg18'\. Did you mean vgg1[69]\?"):
        catalog.losses["style_with:vgg18"]
