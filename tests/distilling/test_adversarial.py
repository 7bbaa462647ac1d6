"""Adversarial losses are BasicSR's, in value and gradient, and go to the network whose logits they judge."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.distilling import assert_equal_to, batch, edsr, optimisers_of, oracle, setup
from srbench.distilling import adversarial
from srbench.distilling.adversarial import (
    HINGE,
    LEAST_SQUARES,
    PLAIN,
    RELATIVISTIC,
    WASSERSTEIN,
    AdversarialLoss,
    AdversarialTraining,
    Adversary,
)
from srbench.distilling.discriminators import UNetDiscriminator, VGGDiscriminator
from srbench.distilling.encoders import untrained
from srbench.testing import photograph

ORACLE = oracle("gan_losses")
REAL, FAKE = (ORACLE[name].double() for name in ("pred_real", "pred_fake"))
WEIGHT = 5e-3
NAMES = {
    "vanilla": PLAIN,
    "lsgan": LEAST_SQUARES,
    "wgan": WASSERSTEIN,
    "wgan_softplus": AdversarialLoss(adversarial.softplus),
    "hinge": HINGE,
}


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_of_basicsr(name):
    loss = NAMES[name]
    assert_equal_to(WEIGHT * loss.of_student(REAL), ORACLE[f"{name}_g_real"])
    terms = loss.of_discriminator(REAL, REAL)
    assert_equal_to(terms["real"], ORACLE[f"{name}_d_real"])
    assert_equal_to(terms["fake"], ORACLE[f"{name}_d_fake"])


def test_the_relativistic_loss_is_the_one_of_esrgan_in_value_and_gradient():
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    student = WEIGHT * RELATIVISTIC.of_student(fake, real)
    student.backward()
    assert_equal_to(student.detach(), ORACLE["ragan_g"])
    assert_equal_to(fake.grad, ORACLE["ragan_g_grad_fake"])
    assert real.grad is None
    terms = RELATIVISTIC.of_discriminator(real, fake)
    assert_equal_to((terms["real"] + terms["fake"]).detach(), ORACLE["ragan_d"])
    (gradient,) = torch.autograd.grad(terms["real"] + terms["fake"], real)
    assert_equal_to(gradient, ORACLE["ragan_d_grad_real_split"])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.booleans())
def test_the_plain_loss_is_torchs_entropy_of_probabilities(seed, real):
    logits = 3 * torch.randn(2, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    wanted = nn.BCELoss()(logits.sigmoid(), torch.full_like(logits, real))
    torch.testing.assert_close(adversarial.vanilla(logits, real=real), wanted)
    torch.testing.assert_close(adversarial.softplus(logits, real=real), wanted)


def test_undecided_logits_have_the_entropy_of_a_coin():
    assert PLAIN.of_student(torch.zeros(1, 1, 2, 2)).item() == pytest.approx(math.log(2))
    assert RELATIVISTIC.of_student(torch.ones(2, 1), torch.ones(2, 1)).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("loss", [*NAMES.values(), RELATIVISTIC])
def test_each_term_falls_as_images_look_more_like_what_it_wants(loss):
    lower, higher = torch.tensor([[0.1], [0.6]]), torch.tensor([[0.3], [0.9]])
    assert loss.of_student(higher, lower) < loss.of_student(lower, lower)
    right, wrong = loss.of_discriminator(higher, lower), loss.of_discriminator(lower, higher)
    assert all(right[name] < wrong[name] for name in ("real", "fake"))


@pytest.mark.parametrize("loss", [PLAIN, RELATIVISTIC])
def test_half_precision_around_it_still_lets_it_learn(loss):
    network, images = UNetDiscriminator(width=4), photograph(2, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(images)
        terms = {"student": loss.of_student(logits, logits), **loss.of_discriminator(network(images), logits)}
    assert {term.dtype for term in terms.values()} == {torch.float32}
    terms["real"].backward()
    assert all(p.grad.any() for name, p in network.named_parameters() if name != "conv9.bias")
    for buffer in network.buffers():
        assert (buffer.dtype, buffer.norm().item()) == (torch.float32, pytest.approx(1, abs=0.01))


@pytest.mark.parametrize("loss", [PLAIN, RELATIVISTIC])
def test_each_network_has_gradients_of_its_own_terms_alone(loss):
    tiny, patches = setup(edsr()), batch()
    adversary = Adversary(tiny, VGGDiscriminator(16, width=4), weight=0.1, loss=loss)
    optimisers, gradients = optimisers_of(adversary.phase(1.0, 1e-3)), {}
    networks = {"student": tiny.student.module, "discriminator": adversary.discriminator}
    for name, other in (("student", "discriminator"), ("discriminator", "student")):

        def step(name=name, other=other, before=optimisers[name].step):
            gradients[name] = [None if p.grad is None else p.grad.clone() for p in networks[other].parameters()]
            before()

        optimisers[name].step = step
    sr = tiny.student(patches.lr, 2)
    wanted = torch.autograd.grad(
        0.1 * loss.of_student(adversary.discriminator(sr), adversary.discriminator(patches.hr)),
        list(tiny.student.module.parameters()),
    )
    terms = adversary.alternate(tiny.student(patches.lr, 2), patches.hr, {}, optimisers)
    assert gradients["student"] == [None] * len(gradients["student"])
    for found, expected in zip(gradients["discriminator"], wanted, strict=True):
        torch.testing.assert_close(found, expected)
    assert all(p.grad.any() and p.requires_grad for p in adversary.discriminator.parameters())
    assert terms.keys() == {"adversarial", "real", "fake"}


def test_the_weight_of_the_pixel_terms_holds_in_the_second_stage_alone():
    for weight, named in ((0.01, {"l1"}), (0.0, set())):
        tiny, patches = setup(edsr()), batch()
        method = AdversarialTraining(
            tiny, Adversary(tiny, VGGDiscriminator(16, width=2), weight=1.0), pixel_weight=weight
        )
        alone = method.losses(patches)["l1"].item()
        terms = method.step(patches, optimisers_of(method.phases()[1]), lambda patches=patches: patches)
        assert terms.keys() == {*named, "adversarial", "real", "fake"}
        assert not named or terms["l1"].item() == pytest.approx(weight * alone)


def test_its_notes_say_which_features_are_compared_and_which_weights_they_are_of():
    tiny = setup(edsr())
    adversary = Adversary(tiny, VGGDiscriminator(16, width=2), weight=1.0, encoder=untrained)
    found = untrained(torch.device("cpu")).weights_sha256
    assert adversary.notes == (
        f"Features are those of an untrained network of five convolutions (sha256 of its weights: {found[:12]}…).",
    )
