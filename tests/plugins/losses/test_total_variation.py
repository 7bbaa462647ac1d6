"""The forms of total variation are those of their sources."""

import pytest
import torch
from srbench_plugins.losses import total_variation

from helpers.distilling import assert_equal_to, oracle

LOSSES = {spec.name: spec.build() for spec in total_variation.register_losses()}
ORACLE = oracle("perceptual_style_tv")
IMAGES = ORACLE["img"].double()
PIXELS = 2 * 3 * 8 * 7
"""Values of the oracle's image, without its last row and column."""


def test_the_forms_of_basicsr_and_of_the_survey_are_the_oracles():
    assert_equal_to(LOSSES["tv"](IMAGES, IMAGES), ORACLE["tv_mean"])
    assert_equal_to(LOSSES["tv_isotropic"](IMAGES, IMAGES), ORACLE["tv_survey_mean_sqrt"])


def test_the_form_of_deep_image_prior_is_the_sum():
    assert_equal_to(LOSSES["tv_sum"](IMAGES, IMAGES), PIXELS * ORACLE["tv_survey_mean_sqrt"])


@pytest.mark.parametrize(("name", "wanted"), [("tv", 0.3), ("tv_isotropic", 0.05**0.5), ("tv_sum", 30 * 0.05**0.5)])
def test_a_slope_has_its_length(name, wanted):
    slope = 0.1 * torch.arange(7.0)[:, None] + 0.2 * torch.arange(6.0)
    assert LOSSES[name](slope[None, None].double(), None).item() == pytest.approx(wanted)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_that_of_its_formula(name):
    images = IMAGES[:1, :1, :4, :5].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda sr: LOSSES[name](sr, sr), images)


@pytest.mark.parametrize("name", LOSSES)
def test_a_flat_image_has_no_slope(name):
    flat = torch.full((1, 3, 5, 6), 0.5, requires_grad=True)
    LOSSES[name](flat, flat).backward()
    assert not flat.grad.any()
