"""The pixel losses are what their formulas say."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.losses import pixel

from helpers import ORACLES

LOSSES = {spec.name: spec.build() for spec in pixel.register_losses()}


def images(difference):
    hr = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64)
    return hr + difference, hr


def test_charbonnier_over_colours_is_the_one_of_swinfirs_release():
    oracle = np.load(ORACLES / "losses" / "swinfir_charbonnier_color.npz")
    sr, hr = (torch.from_numpy(oracle[name]) for name in ("pred", "target"))
    loss = LOSSES["charbonnier_colour"](sr.requires_grad_(), hr)
    loss.backward()
    assert loss.item() == pytest.approx(oracle["loss"].item(), rel=1e-6)
    assert torch.allclose(sr.grad, torch.from_numpy(oracle["grad"]), rtol=1e-5, atol=1e-9)


@given(st.floats(-1, 1))
def test_of_a_constant_difference_each_is_known(difference):
    sr, hr = images(difference)
    assert LOSSES["l1"](sr, hr).item() == pytest.approx(abs(difference))
    assert LOSSES["mse"](sr, hr).item() == pytest.approx(difference**2)
    assert LOSSES["charbonnier"](sr, hr).item() == pytest.approx((difference**2 + 1e-6) ** 0.5)


def test_charbonnier_is_smooth_where_l1_has_a_corner():
    sr, hr = images(0.0)
    sr.requires_grad_()
    LOSSES["charbonnier"](sr, hr).backward()
    assert sr.grad.abs().max() == 0
    assert LOSSES["charbonnier"](sr, hr).item() == pytest.approx(pixel.CHARBONNIER_EPSILON)
