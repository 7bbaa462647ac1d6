"""KDSR-GAN is KDSR, and then all of KDSR's terms and the adversary's, by the published weights."""

import math
from functools import partial

import pytest
import torch
from srbench_plugins.architectures.kdsr import GAN_RECIPE, KDSR
from srbench_plugins.distillers import gan, kdsr_gan
from srbench_plugins.distillers.gan import LAYER_WEIGHTS
from srbench_plugins.distillers.kdsr import divergence
from srbench_plugins.distillers.kdsr_gan import AdversarialDegradationDistillation
from torch.nn import functional as F

from helpers.distilling import RECIPE, assert_resumes_to_the_same_bits, batch, edsr, setup, trained
from srbench.distilling.discriminators import UNetDiscriminator
from srbench.distilling.distiller import Optimiser
from srbench.distilling.encoders import untrained
from srbench.distilling.perceptual import perceptual
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec
from srbench.training.optimisers import phase_lengths

SPECS = {spec.name: spec for spec in kdsr_gan.register_distillers()}
TINY = ArchitectureSpec(
    name="kdsr_tiny", build=partial(KDSR, n_feats=8, n_blocks=2, n_resblocks=1), scales=frozenset({2, 3, 4})
)


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A small discriminator, which is fast to train and to save."""
    monkeypatch.setattr(gan, "UNetDiscriminator", partial(UNetDiscriminator, width=8))


def begun(**options):
    """A training that has reached the stage with the adversary, and that stage."""
    method = AdversarialDegradationDistillation(setup(TINY), **options)
    for phase in method.phases():
        if phase.begin is not None:
            phase.begin()
    return method, phase


def test_its_stages_and_rates_are_those_of_the_paper_under_the_networks_recipe():
    method = AdversarialDegradationDistillation(setup(TINY, recipe=GAN_RECIPE))
    phases = method.phases()
    assert phase_lengths(phases, GAN_RECIPE.steps) == [1_000_000, 1_000_000, 400_000]
    teacher, student, together = phases
    assert (teacher.learning_rate, student.learning_rate or GAN_RECIPE.learning_rate) == (1e-4, 2e-4)
    assert together.learning_rate == {"student": 1e-4, "discriminator": 1e-4}
    rates = [GAN_RECIPE.rate_at(step * GAN_RECIPE.steps // 1_000_000) for step in (599_999, 600_000)]
    assert rates == [2e-4, 1e-4]
    assert (GAN_RECIPE.betas, GAN_RECIPE.ema, method.ema) == ((0.9, 0.99), 0.999, 0.999)


def test_its_terms_are_kdsrs_and_the_adversarys_all_of_weight_one():
    method, together = begun(encoder=untrained)
    patches, critic = batch(), method.adversary.discriminator.eval()
    optimisers = {
        name: Optimiser(
            torch.optim.SGD([p for m in modules for p in m.parameters() if p.requires_grad], 1e-6),
            torch.autograd.backward,
            lambda optimiser: optimiser.step(),
        )
        for name, modules in together.optimise.items()
    }
    with torch.no_grad():
        sr, encode = method.setup.student(patches.lr, 2), untrained(torch.device("cpu"))
        mine = method.student.E_st.representation(patches.lr)
        theirs = method.teacher.E.representation(method.teacher.seen(patches.lr, patches.hr))
        wanted = {
            "l1": F.l1_loss(sr, patches.hr),
            "degradation": divergence(mine, theirs),
            "perceptual": perceptual(encode(sr), encode(patches.hr), LAYER_WEIGHTS),
            "adversarial": F.softplus(-critic(sr)).mean(),
            "real": F.softplus(-critic(patches.hr)).mean(),
            "fake": F.softplus(critic(sr)).mean(),
        }
    found = method.step(patches, optimisers, lambda: patches)
    assert found.keys() == wanted.keys()
    for name, term in wanted.items():
        torch.testing.assert_close(found[name].detach(), term)


def test_the_student_goes_on_with_what_it_has_and_the_teacher_stays_frozen():
    method, together = begun()
    assert together.begin is None
    assert not any(p.requires_grad for p in method.teacher.parameters())
    held = {id(p) for modules in together.optimise.values() for module in modules for p in module.parameters()}
    assert not held & {id(p) for p in method.teacher.parameters()}


def test_it_trains_all_three_and_the_student_stays_a_kdsr(tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 7})
    method = AdversarialDegradationDistillation(setup(TINY, recipe=recipe))
    before = {name: p.detach().clone() for name, p in method.named_parameters() if p.requires_grad}
    report, learnt = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "degradation", "adversarial", "real", "fake"}
    assert all(math.isfinite(value) for value in report.terms.values())
    assert all(not torch.equal(before[name], p) for name, p in method.named_parameters() if name in before)
    assert {name: w.shape for name, w in learnt.items()} == {
        name: w.shape for name, w in TINY.network(2).state_dict().items()
    }


def test_a_student_of_another_kind_is_refused_in_a_sentence():
    with pytest.raises(TrainingError, match="edsr_8_2 has no estimator of the degradation"):
        SPECS["kdsr_gan"].build(setup(edsr()))


@pytest.mark.parametrize("after", [3, 8, 9])
def test_a_training_stopped_in_any_stage_ends_with_the_same_bits(after, tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 10})  # four of the teacher, four of the student, two with the adversary

    def make():
        return AdversarialDegradationDistillation(setup(TINY, recipe=recipe))

    assert_resumes_to_the_same_bits(make, tmp_path, after)
