"""KDSR's divergence is the release's; its teacher sees the truth and hands its SR network over."""

import dataclasses
import math
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures.kdsr import KDSR
from srbench_plugins.distillers import kdsr
from srbench_plugins.distillers.kdsr import ESTIMATOR, STUDENT, TEACHER, divergence, divergence_and_distance
from torch.nn import functional as F

from helpers.distilling import (
    RECIPE,
    assert_equal_to,
    assert_gradients,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    oracle,
    setup,
    trained,
)
from srbench.distilling.spec import LossSpec
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec
from srbench.testing import violations_of

SPECS = {spec.name: spec for spec in kdsr.register_distillers()}
TINY = ArchitectureSpec(
    name="kdsr_tiny", build=partial(KDSR, n_feats=8, n_blocks=2, n_resblocks=1), scales=frozenset({2, 3, 4})
)
LONGER = RECIPE.model_copy(update={"steps": 10})


def test_the_divergence_is_the_releases():
    arrays = oracle("kdsr_kl")
    student = arrays["s_idr"].requires_grad_()
    loss = divergence(student, arrays["t_idr"])
    assert_equal_to(loss.detach(), arrays["loss"])
    assert_gradients(loss, [student], [arrays["grad_s"]])
    assert_equal_to(F.l1_loss(student.detach(), arrays["t_idr"]), arrays["loss_abs_logged_only"])


def test_with_a_tenth_of_the_distance_it_is_lightbsrs():
    arrays = oracle("lightbsr_kl_l1")
    assert_equal_to(divergence_and_distance(arrays["s_idr"], arrays["t_idr"]), arrays["loss"])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.floats(-5, 5), st.floats(0.1, 4))
def test_a_divergence_is_positive_and_blind_to_what_is_added_to_all(seed, shift, temperature):
    generator = torch.Generator().manual_seed(seed)
    mine, theirs = (torch.randn(3, 8, dtype=torch.float64, generator=generator) for _ in range(2))
    found = divergence(mine, theirs, temperature=temperature)
    assert found > 0
    assert divergence(mine + shift, theirs, temperature=temperature).item() == pytest.approx(found.item())
    assert divergence(theirs + shift, theirs, temperature=temperature).item() == pytest.approx(0, abs=1e-9)


def test_half_precision_around_it_does_not_blur_the_divergence():
    generator = torch.Generator().manual_seed(0)
    mine, theirs = (torch.randn(3, 8, generator=generator) for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        blurred = divergence(mine, theirs)
    assert torch.equal(blurred, divergence(mine, theirs))


def test_the_student_goes_on_with_the_teachers_sr_network_and_an_estimator_of_its_own():
    method = SPECS["kdsr"].build(setup(TINY))
    teacher, student = method.phases()
    assert (teacher.share, student.share) == (500, 600)
    teacher.begin()
    assert set(method.losses(batch())) == {"l1"}
    assert any(
        not torch.equal(a, b) for a, b in zip(method.student.G.parameters(), method.teacher.G.parameters(), strict=True)
    )
    before = [p.clone() for p in method.student.E_st.parameters()]
    student.begin()
    assert set(method.losses(batch())) == {"l1", "degradation"}
    state = method.student.G.state_dict()
    assert all(torch.equal(state[name], weight) for name, weight in method.teacher.G.state_dict().items())
    assert all(torch.equal(a, b) for a, b in zip(before, method.student.E_st.parameters(), strict=True))


def test_its_terms_are_those_of_the_vectors_of_both_networks():
    method = SPECS["kdsr"].build(setup(TINY))
    patches = batch()
    method.stage.fill_(TEACHER)
    wanted = F.l1_loss(method.teacher(patches.lr, patches.hr), patches.hr)
    torch.testing.assert_close(method.losses(patches)["l1"], wanted)
    vectors = []
    for network, images in ((method.student, (patches.lr,)), (method.teacher, (patches.lr, patches.hr))):
        hook = network.get_submodule(network.idr).register_forward_hook(lambda _, __, out: vectors.append(out.clone()))
        network(*images)
        hook.remove()
    for stage, names in ((ESTIMATOR, {"degradation"}), (STUDENT, {"l1", "degradation"})):
        method.stage.fill_(stage)
        terms = method.losses(patches)
        assert set(terms) == names
        torch.testing.assert_close(terms["degradation"], divergence(*vectors))


def test_an_estimator_that_goes_first_learns_alone_and_faster():
    method = SPECS["kdsr_estimator_first"].build(setup(TINY))
    teacher, estimator, student = method.phases()
    assert [phase.share for phase in (teacher, estimator, student)] == [500, 100, 400]
    assert estimator.learning_rate == 2 * RECIPE.learning_rate
    for phase in (teacher, estimator):
        phase.begin()
    method.losses(batch())["degradation"].backward()
    assert all(p.grad is None for part in (method.student.G, method.teacher) for p in part.parameters())
    trained_alone = {p for part in estimator.optimise["main"] for p in part.parameters()}
    assert all((p.grad is not None) == (p in trained_alone) for p in method.student.E_st.parameters())


@pytest.mark.parametrize("name", SPECS)
def test_it_trains_both_networks(name, tmp_path):
    method = SPECS[name].build(setup(TINY, recipe=LONGER))
    before = {name: p.detach().clone() for name, p in method.teacher.named_parameters() if p.requires_grad}
    own = {name: p.detach().clone() for name, p in method.student.named_parameters() if p.requires_grad}
    report, learnt = trained(method, tmp_path)
    assert set(report.terms) == ({"l1"} if name == "kdsr_undistilled" else {"l1", "degradation"})
    assert all(math.isfinite(value) and value > 0 for value in report.terms.values())
    after = dict(method.teacher.named_parameters())
    assert all(not torch.equal(weight, after[name]) for name, weight in before.items())
    assert all(not torch.equal(weight, learnt[name]) for name, weight in own.items())


@pytest.mark.parametrize("name", SPECS)
def test_it_keeps_its_contract_with_a_small_network(name):
    spec = dataclasses.replace(SPECS[name], tried_on=(TINY.name, TINY.name))
    l1 = LossSpec(name="l1", build=lambda: F.l1_loss)
    assert violations_of(spec, SimpleNamespace(networks={TINY.name: TINY}, losses={"l1": l1})) == []


def test_the_control_starts_as_the_method_does_and_learns_no_divergence():
    method, control = (SPECS[name].build(setup(TINY)) for name in ("kdsr", "kdsr_undistilled"))
    assert [(p.name, p.share) for p in control.phases()] == [(p.name, p.share) for p in method.phases()]
    for phase in control.phases():
        phase.begin()
    state = control.student.G.state_dict()
    assert all(torch.equal(state[name], weight) for name, weight in control.teacher.G.state_dict().items())
    assert set(control.losses(batch())) == {"l1"}


def test_a_student_of_another_kind_is_refused_in_a_sentence():
    with pytest.raises(TrainingError, match="edsr_8_2 has no estimator of the degradation"):
        SPECS["kdsr"].build(setup(edsr()))


@pytest.mark.parametrize(("name", "steps"), [("kdsr", 3), ("kdsr", 5), ("kdsr_estimator_first", 5)])
def test_a_training_stopped_in_any_phase_ends_with_the_same_bits(name, steps, tmp_path):
    recipe = RECIPE.model_copy(update={"steps": steps})  # the second step is in the teacher's phase, or after it
    assert_resumes_to_the_same_bits(lambda: SPECS[name].build(setup(TINY, recipe=recipe)), tmp_path)
