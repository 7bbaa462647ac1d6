"""The control of plain training's moving average is plain training, averaged."""

import torch
from srbench_plugins.distillers.none import register_distillers

from helpers.distilling import RECIPE, assert_resumes_to_the_same_bits, edsr, setup, trained
from srbench.distilling.distiller import Distiller

SPECS = {spec.name: spec for spec in register_distillers()}


def test_it_hands_out_what_a_recipe_with_that_average_does(tmp_path):
    averaging = RECIPE.model_copy(update={"ema": 0.999})
    _, wanted = trained(SPECS["none"].build(setup(edsr(), recipe=averaging)), tmp_path / "recipe")
    _, found = trained(SPECS["none_ema"].build(setup(edsr())), tmp_path / "distiller")
    _, plain = trained(SPECS["none"].build(setup(edsr())), tmp_path / "plain")
    assert all(torch.equal(found[name], weight) for name, weight in wanted.items())
    assert not torch.equal(found["head.0.weight"], plain["head.0.weight"])


def test_a_distillers_average_overrides_the_recipes(tmp_path):
    class Swift(Distiller):
        ema = 0.01

    fast, slow = (RECIPE.model_copy(update={"ema": decay}) for decay in (0.01, 0.999))
    _, wanted = trained(Distiller(setup(edsr(), recipe=fast)), tmp_path / "recipe")
    _, found = trained(Swift(setup(edsr(), recipe=slow)), tmp_path / "distiller")
    assert all(torch.equal(found[name], weight) for name, weight in wanted.items())


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS["none_ema"].build(setup(edsr())), tmp_path)
