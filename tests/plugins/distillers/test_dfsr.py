"""DFSR's losses are the release's, and it learns without looking at an image."""

import dataclasses
import math
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import fsrcnn
from srbench_plugins.architectures.mdsr import MDSR
from srbench_plugins.distillers import dfsr
from srbench_plugins.distillers.dfsr import DFSR, LATENT, Generator, agreement, squared_error
from torch.nn import functional as F

from helpers.distilling import (
    PAIRS,
    RECIPE,
    assert_equal_to,
    assert_gradients,
    assert_resumes_to_the_same_bits,
    edsr,
    oracle,
    setup,
    trained,
)
from srbench.distilling.distiller import Batch
from srbench.errors import TrainingError
from srbench.imaging import imresize
from srbench.networks.spec import ArchitectureSpec
from srbench.testing import photograph

(SPEC,) = dfsr.register_distillers()
FSRCNN = fsrcnn.register_architectures()[1]
LAST = ("tail.1.bias", "deconv.bias")


def patches(seed, scale=2):
    hr = photograph(3, 3, 8 * scale, 8 * scale, seed=seed)
    return Batch(F.avg_pool2d(hr, scale), hr, scale, 0, 5, torch.Generator().manual_seed(1))


def test_the_generators_losses_are_the_releases():
    arrays = oracle("dfsr_generator")
    teacher = arrays["teacher_out"].requires_grad_()
    away = agreement(arrays["student_out"], teacher)
    likeness = squared_error(arrays["lr_gen"], arrays["teacher_down"])
    assert_equal_to(away.detach(), arrays["loss_genkd"])
    assert_equal_to(likeness, arrays["loss_recon"])
    assert_equal_to((away + likeness).detach(), arrays["loss"])
    assert_gradients(away + likeness, [teacher], [arrays["grad_teacher_out"]])


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 9), (1, 2)])
def test_a_generator_makes_images_of_any_size_in_0_to_1(height, width):
    images = Generator(3, 8)(torch.randn(2, LATENT), height, width)
    assert images.shape == (2, 3, height, width)
    assert 0 <= images.min() < images.max() <= 1


def test_images_of_the_batch_do_not_matter():
    method = SPEC.build(setup(*PAIRS["wider teacher"]))
    one, other = (method.losses(patches(seed)) for seed in (0, 1))
    assert one.keys() == {"imitation"}
    assert torch.equal(one["imitation"], other["imitation"])


def test_its_terms_are_those_of_the_two_networks():
    method = DFSR(setup(*PAIRS["wider teacher"]), likeness=0.5)
    images = method.generators["2"](torch.randn(3, LATENT, generator=torch.Generator().manual_seed(1)), 8, 8)
    sr, target = (network(images, 2) for network in (method.setup.student, method.setup.teacher))
    torch.testing.assert_close(method.losses(patches(0))["imitation"], (sr - target).square().sum())
    terms = method.generator_losses(patches(0))
    shrunk = imresize(target, scale=1 / 2).clamp(0, 1)
    torch.testing.assert_close(terms["agreement"], -(1 + (sr - target).square().sum()).log())
    torch.testing.assert_close(terms["likeness"], 0.5 * (images - shrunk).square().sum())


def test_the_generators_gradient_comes_through_the_teacher_which_gets_none():
    method = SPEC.build(setup(*PAIRS["RCAN to EDSR"]))
    sum(method.generator_losses(patches(0)).values()).backward()
    assert all(p.grad.any() for p in method.generators.parameters())
    assert all(p.grad is None for p in method.setup.teacher.module.parameters())


def test_the_generator_steps_as_often_as_said_and_at_the_end(tmp_path):
    method = DFSR(setup(*PAIRS["equal"]), student_steps=2)
    seen = []
    losses = method.generator_losses
    method.generator_losses = lambda batch: (seen.append(batch.step), losses(batch))[1]
    trained(method, tmp_path)
    assert seen == [1, 3, 4]


def test_a_generator_finds_images_on_which_the_networks_differ_more(tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 30, "checkpoint_every": 30, "learning_rate": 1e-9})
    method = DFSR(setup(*PAIRS["wider teacher"], recipe=recipe), student_steps=1, generator_rate=1e-3, likeness=0.0)
    before = method.losses(patches(0))["imitation"].item()
    trained(method, tmp_path)
    assert method.losses(patches(0))["imitation"].item() > 1.2 * before


def test_without_an_image_the_student_comes_nearer_to_its_teacher_on_photographs(tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 60, "checkpoint_every": 60, "learning_rate": 3e-3})
    method = SPEC.build(setup(*PAIRS["wider teacher"], recipe=recipe))
    lr = photograph(2, 3, 16, 16, seed=9)
    networks = method.setup.student, method.setup.teacher
    before = F.mse_loss(*(network(lr, 2) for network in networks)).item()
    trained(method, tmp_path)
    assert F.mse_loss(*(network(lr, 2) for network in networks)).item() < 0.5 * before


@pytest.mark.parametrize("pair", [*PAIRS, "luma"])
def test_it_trains_students_of_any_width_depth_and_family(pair, tmp_path):
    method = SPEC.build(setup(*(PAIRS | {"luma": (FSRCNN, FSRCNN)})[pair]))
    before = [p.detach().clone() for p in method.parameters()]
    with torch.no_grad():
        method.setup.student.module.get_parameter(LAST[pair == "luma"]).add_(0.01)  # equal networks would agree
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"imitation", "agreement", "likeness"}
    assert all(math.isfinite(value) for value in report.terms.values())
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def test_it_trains_a_network_of_several_scales(tmp_path):
    student, teacher = (
        ArchitectureSpec(
            name=f"mdsr_{width}",
            build=partial(MDSR, n_resblocks=2, n_feats=width),
            scales=frozenset({2, 3, 4}),
            multi_scale=True,
            taps=("body.0", "body.1"),
            input_range=255.0,
        )
        for width in (4, 8)
    )
    recipe = RECIPE.model_copy(update={"steps": 16, "batch": 2, "checkpoint_every": 16})
    method = DFSR(dataclasses.replace(setup(student, teacher, recipe=recipe), scales=(2, 3)), student_steps=1)
    before = [p.detach().clone() for p in method.generators.parameters()]
    trained(method, tmp_path)
    assert all(not torch.equal(old, new) for old, new in zip(before, method.generators.parameters(), strict=True))


def test_a_teacher_of_other_colours_is_refused():
    with pytest.raises(TrainingError, match="works on luma"):
        SPEC.build(setup(FSRCNN, edsr()))


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: DFSR(setup(*PAIRS["wider teacher"]), student_steps=2), tmp_path)
