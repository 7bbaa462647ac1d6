"""UDL's losses are the release's; step 2 follows the map of step 1 and leaves it alone."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.architectures.udl import RECIPE as PAPER_RECIPE
from srbench_plugins.architectures.udl import register_architectures
from srbench_plugins.distillers import udl
from srbench_plugins.distillers.udl import LEARN, PRIOR_WEIGHT, WEIGH, certainty, emphasis
from torch.nn.functional import l1_loss

import helpers
from helpers.distilling import RECIPE, assert_equal_to, assert_resumes_to_the_same_bits, batch, edsr, setup, trained
from srbench.distilling.distiller import Distiller, sum_of
from srbench.errors import TrainingError
from srbench.networks.map_parameters import map_parameters
from srbench.training.optimisers import owned_parameters

SPECS = {spec.name: spec for spec in udl.register_distillers()}
SMALL = next(spec for spec in register_architectures() if spec.name == "udl_edsr_small")
LONGER = RECIPE.model_copy(update={"steps": 13})


def oracle():
    with np.load(helpers.ORACLES / "survey" / "udl_losses.npz") as arrays:
        return {key: torch.from_numpy(np.asarray(arrays[key])) for key in arrays.files}


def test_the_loss_of_step_1_is_the_releases():
    known = oracle()
    mu, s, hr = (known[name].clone().requires_grad_(name != "hr") for name in ("mu", "s", "hr"))
    loss = l1_loss(certainty(s) * mu, certainty(s) * hr) + PRIOR_WEIGHT * s.mean()
    assert_equal_to(loss.detach().double(), known["step1"].double())
    for found, wanted in zip(
        torch.autograd.grad(loss, (mu, s)), (known["step1_grad_mu"], known["step1_grad_s"]), strict=True
    ):
        assert_equal_to(found.double(), wanted.double())


def test_the_loss_of_step_2_is_the_releases_and_leaves_the_map():
    known = oracle()
    mu, s, hr = (known[name].clone().requires_grad_(name != "hr") for name in ("mu", "s", "hr"))
    loss = l1_loss(emphasis(s) * mu, emphasis(s) * hr)
    assert_equal_to(loss.detach().double(), known["step2"].double())
    found, none = torch.autograd.grad(loss, (mu, s), allow_unused=True)
    assert_equal_to(found.double(), known["step2_grad_mu"].double())
    assert none is None


@given(st.integers(0, 99), st.floats(-3, 3))
def test_the_weights_of_step_2_are_at_least_1_and_see_only_differences(seed, shift):
    s = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    weights = emphasis(s)
    torch.testing.assert_close(weights.amin(dim=(2, 3)), torch.ones(2, 3, dtype=torch.float64))
    torch.testing.assert_close(emphasis(s + shift), weights)
    assert torch.equal(weights.flatten().argsort(), (s - s.amin(dim=(2, 3), keepdim=True)).flatten().argsort())


def test_its_terms_are_those_of_the_networks_in_grey_levels():
    method = SPECS["udl"].build(setup(SMALL))
    patches = batch()
    first, second = method.phases()
    first.begin()
    sr, spread = method.setup.student.predict(patches.lr, 2)
    terms = method.losses(patches)
    assert set(terms) == {"l1", "prior"}
    torch.testing.assert_close(terms["l1"], l1_loss(255 * certainty(spread) * sr, 255 * certainty(spread) * patches.hr))
    torch.testing.assert_close(terms["prior"], 2 * spread.mean())
    second.begin()
    with torch.no_grad():
        for parameter in method.setup.student.module.parameters():
            parameter.add_(0.01)  # the student moves on, and the map that weighs does not
    terms = method.losses(patches)
    assert set(terms) == {"l1"}
    moved = method.setup.student(patches.lr, 2)
    torch.testing.assert_close(
        terms["l1"], l1_loss(255 * emphasis(spread) * moved, 255 * emphasis(spread) * patches.hr)
    )


def test_each_step_trains_what_it_is_for():
    method = SPECS["udl"].build(setup(SMALL))
    first, second = method.phases()
    assert (first.share, second.share) == (6, 20)
    module = method.setup.student.module
    names = [set(owned_parameters(method, phase)["main"]) for phase in (first, second)]
    everything = {f"student.{name}" for name, _ in module.named_parameters()}
    assert names[0] == everything
    assert names[1] == {name for name in everything if "var_conv" not in name}
    alone = SPECS["udl_step1"].build(setup(SMALL))
    (only,) = alone.phases()
    assert set(owned_parameters(alone, only)["main"]) == everything


def test_the_branch_of_the_map_is_left_as_step_1_made_it(tmp_path):
    method = SPECS["udl"].build(setup(SMALL, recipe=LONGER))
    _, after = trained(method, tmp_path)
    judge = method.judge.state_dict()
    assert all(torch.equal(after[name], judge[name]) == ("var_conv" in name) for name in after)
    assert int(method.step_number) == WEIGH


def test_plain_training_leaves_the_branch_of_the_map_alone(tmp_path):
    before = setup(SMALL).student.module.state_dict()
    _, after = trained(Distiller(setup(SMALL)), tmp_path)
    assert all(torch.equal(after[name], before[name]) == ("var_conv" in name) for name in after)


def test_a_training_resumes_to_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS["udl"].build(setup(SMALL, recipe=LONGER)), tmp_path)


def test_other_losses_of_the_recipe_take_the_place_of_l1():
    recipe = RECIPE.model_copy(update={"losses": {"mse": 3.0}})
    given = dataclasses.replace(setup(SMALL, recipe=recipe), losses={"mse": torch.nn.functional.mse_loss})
    method = SPECS["udl"].build(given)
    method.phases()[0].begin()
    terms = method.losses(batch())
    assert set(terms) == {"mse", "prior"}
    sum_of(terms).backward()
    assert all(p.grad is not None for p in map_parameters(given.student, (2,)))


def test_a_student_without_such_a_map_is_refused():
    with pytest.raises(TrainingError, match="does not return the log_scale of its uncertainty"):
        SPECS["udl"].build(setup(edsr()))


def test_the_papers_schedule_halves_in_the_middle_of_each_step():
    assert PAPER_RECIPE.steps == 400 * (75 + 250)
    assert PAPER_RECIPE.rate_at(PAPER_RECIPE.steps // 2) == PAPER_RECIPE.rate_at(PAPER_RECIPE.steps // 2 - 1) / 2
    assert (PAPER_RECIPE.lr_side(PAPER_RECIPE.patch, 4), PAPER_RECIPE.lr_side(PAPER_RECIPE.patch, 2)) == (48, 96)
    assert LEARN != WEIGH
