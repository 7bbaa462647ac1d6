"""Losses on features are BasicSR's, and compare what an encoder sees."""

import pytest
import torch
from torch.nn import functional as F

from helpers.distilling import assert_equal_to, oracle
from srbench.distilling.encoders import untrained
from srbench.distilling.perceptual import FeatureLoss, frobenius, gram, perceptual, style
from srbench.testing import photograph

ORACLE = oracle("perceptual_style_tv")
ONE, OTHER = (ORACLE[name].double() for name in ("feat_a", "feat_b"))


def test_gram_matrices_and_style_are_those_of_basicsr():
    assert_equal_to(gram(ONE), ORACLE["gram"])
    for distance, name in ((F.l1_loss, "l1"), (F.mse_loss, "l2"), (frobenius, "fro")):
        assert_equal_to(style([ONE], [OTHER], distance=distance), ORACLE[f"style_{name}"])


def test_perceptual_distances_are_those_of_basicsr():
    assert_equal_to(perceptual([ONE], [OTHER]), ORACLE["percep_l1"])
    assert_equal_to(perceptual([ONE], [OTHER], distance=frobenius), ORACLE["percep_fro"])


def test_weights_are_those_of_the_last_levels():
    one, other = ([torch.full((1, 2, 3, 3), float(n * k)) for n in range(1, 6)] for k in (1, 2))
    assert perceptual(one, other).item() == 5
    assert perceptual(one, other, (0.5, 0.1)).item() == pytest.approx(0.5 * 4 + 0.1 * 5)
    assert style(one, other, (1.0, 0.0)).item() == pytest.approx(3 * 4**2 / 2)


def test_style_does_not_ask_where_a_texture_is():
    features = torch.rand(2, 4, 5, 6)
    torch.testing.assert_close(style([features], [features.flip(-1)]), torch.tensor(0.0))
    assert perceptual([features], [features.flip(-1)]) > 0.1


def test_a_loss_compares_the_features_of_its_encoder_and_sends_hr_no_gradient():
    sr, hr = (photograph(2, 3, 16, 16, seed=seed).requires_grad_() for seed in (0, 1))
    encode = untrained(torch.device("cpu"))
    loss = FeatureLoss(untrained)(sr, hr)
    torch.testing.assert_close(loss, (encode(sr)[-1] - encode(hr)[-1]).abs().mean())
    loss.backward()
    assert sr.grad.any()
    assert hr.grad is None


def test_a_loss_keeps_its_encoder_out_of_state_dicts():
    loss = FeatureLoss(untrained)
    assert not loss.state_dict()
    assert not list(loss.parameters())
