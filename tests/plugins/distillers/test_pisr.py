"""PISR's losses are the release's; its teacher sees the truth, and its student starts from it."""

import dataclasses
import math
from functools import partial

import pytest
import torch
from srbench_plugins.architectures import fsrcnn
from srbench_plugins.architectures.mdsr import MDSR
from srbench_plugins.distillers import pisr
from srbench_plugins.distillers.pisr import PISR, Encoder, vid_gaussian, vid_laplace
from torch import Generator
from torch.distributions import Laplace, Normal
from torch.nn import functional as F

from helpers.distilling import (
    PAIRS,
    RECIPE,
    Gives,
    assert_equal_to,
    assert_gradients,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    oracle,
    rcan,
    setup,
    trained,
)
from srbench.distilling.distiller import Batch, sum_of
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in pisr.register_distillers()}
FSRCNN = fsrcnn.register_architectures()[1]
DENSITIES = {"laplace": vid_laplace, "gaussian": vid_gaussian}


@pytest.mark.parametrize("name", DENSITIES)
def test_a_negative_log_likelihood_is_the_releases(name):
    arrays = oracle(f"pisr_vid_{name}")
    of = [arrays["mu"].requires_grad_(), arrays["scale"].requires_grad_()]
    loss = DENSITIES[name](*of, arrays["teacher_feat"])
    assert_equal_to(loss.detach(), arrays["loss_distill_unweighted"])
    assert_equal_to(pisr.VID_WEIGHT * loss.detach(), arrays["loss_distill_weighted"])
    assert_equal_to(F.l1_loss(arrays["student_hr"], arrays["hr"]) + 1e-6 * loss.detach(), arrays["loss"])
    assert_gradients(loss, of, [arrays["grad_mu"], arrays["grad_scale"]])


def test_the_teachers_terms_are_the_releases():
    arrays = oracle("pisr_teacher")
    method = SPECS["pisr"].build(setup(edsr()))
    method.encoders["2"].forward = lambda hr: arrays["encoded_lr"]
    object.__setattr__(method.setup, "student", Gives(arrays["teacher_hr"]))
    terms = method.losses(Batch(arrays["lr"], arrays["hr"], 2, 0, 1, Generator()))
    assert_equal_to(terms["l1"], arrays["loss_gt"])
    assert_equal_to(terms["imitation"], arrays["loss_imitation"])
    assert_equal_to(sum_of(terms), arrays["loss"])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_negative_log_likelihood_is_that_of_the_density_up_to_a_constant(channels):
    mean, spread, features = (torch.rand(2, channels, 3, 4, dtype=torch.float64) + 0.1 for _ in range(3))
    constant = channels * math.log(2 * math.pi) / 2
    wanted = -Laplace(mean, 0.1 * spread + 1e-8).log_prob(features).mean() + constant
    assert_equal_to(vid_laplace(mean, spread, features), wanted)
    wanted = -Normal(mean, (0.001 * spread + 1e-8).sqrt()).log_prob(features).mean() + constant
    assert_equal_to(vid_gaussian(mean, spread, features), wanted - math.log(2 * math.pi) / 2)


@pytest.mark.parametrize("density", DENSITIES.values())
def test_half_precision_around_it_keeps_the_likelihood_exact_and_finite(density):
    halves = [torch.rand(2, 3, 4, 4).half() for _ in range(3)]
    halves[1] *= 0  # a spread so small that half precision has no number for it
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = density(*halves)
    assert torch.equal(found, density(*(tensor.float() for tensor in halves)))
    assert found.isfinite()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_encoder_gives_an_image_of_lrs_size(scale):
    assert Encoder(1, scale)(torch.rand(1, 1, 5 * scale, 7 * scale)).shape == (1, 1, 5, 7)


def test_its_heads_on_fsrcnn_have_as_many_parameters_as_the_releases():
    method = SPECS["pisr"].build(setup(fsrcnn.register_architectures()[0]))
    assert sum(p.numel() for part in (method.means, method.spreads) for p in part.parameters()) == 12_770
    assert method.features.pairs == (("expand", "expand"),)


def test_the_student_starts_from_the_decoder_which_then_stays(tmp_path):
    method = SPECS["pisr"].build(setup(edsr()))
    teacher, student = method.phases()
    teacher.begin()
    assert set(method.losses(batch())) == {"l1", "imitation"}
    with torch.no_grad():
        method.setup.student.module.tail[-1].bias += 1
    student.begin()
    assert set(method.losses(batch())) == {"l1", "distillation"}
    learnt, kept = method.setup.student.module.state_dict(), method.decoder.state_dict()
    assert all(torch.equal(learnt[name], weight) for name, weight in kept.items())
    report, learnt = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "distillation"}
    assert any(not torch.equal(learnt[name], weight) for name, weight in method.decoder.state_dict().items())
    assert not any(p.requires_grad for part in (method.decoder, method.encoders) for p in part.parameters())


def test_a_teacher_that_sees_the_truth_gets_nearer_to_it_than_a_network_that_sees_lr(tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 120, "checkpoint_every": 120, "learning_rate": 3e-3})
    method = PISR(setup(FSRCNN, recipe=recipe), share=0.75)
    trained(method, tmp_path)
    hr = photograph(3, 1, 16, 16, seed=7)
    lr = F.avg_pool2d(hr, 2)
    with torch.no_grad():
        teacher = F.l1_loss(method.features.of_teacher(method.encoders["2"](hr), 2)[0], hr)
        student = F.l1_loss(method.setup.student(lr, 2), hr)
    assert teacher < student


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("student", [edsr(), rcan()], ids=lambda spec: spec.name)
def test_it_trains_students_of_any_family(name, student, tmp_path):
    method = SPECS[name].build(setup(student))
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    report, _ = trained(method, tmp_path)
    assert all(math.isfinite(value) for value in report.terms.values())
    unmoved = [name for name, p in method.named_parameters() if torch.equal(before[name], p)]
    assert [name for name in unmoved if not name.startswith("decoder.")] == []


def test_it_trains_a_network_of_several_scales(tmp_path):
    student = ArchitectureSpec(
        name="mdsr_tiny",
        build=partial(MDSR, n_resblocks=2, n_feats=4),
        scales=frozenset({2, 3, 4}),
        multi_scale=True,
        taps=("body.0", "body.1"),
        input_range=255.0,
    )
    recipe = RECIPE.model_copy(update={"steps": 16, "batch": 2, "checkpoint_every": 16})
    method = PISR(dataclasses.replace(setup(student, recipe=recipe), scales=(2, 3)))
    before = [p.detach().clone() for p in method.encoders.parameters()]
    trained(method, tmp_path)
    assert all(not torch.equal(old, new) for old, new in zip(before, method.encoders.parameters(), strict=True))


def test_other_taps_may_be_chosen_and_those_of_several_widths_too():
    method = PISR(setup(rcan()), pairs=(("body.0", "body.2"), ("head", "body.1")))
    method.phases()[1].begin()
    assert method.losses(batch())["distillation"].isfinite()
    assert len(method.means) == len(method.spreads) == 2


def test_a_student_without_taps_is_refused_in_a_sentence():
    spec = edsr()
    untapped = ArchitectureSpec(name="untapped", build=spec.build, scales=spec.scales)
    with pytest.raises(TrainingError, match="untapped declares no taps"):
        SPECS["pisr"].build(setup(untapped))


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])  # the second of five steps is in phase two, ends one, is in one
def test_a_training_stopped_in_either_phase_ends_with_the_same_bits(share, tmp_path):
    assert_resumes_to_the_same_bits(lambda: PISR(setup(*PAIRS["equal"]), share=share), tmp_path)
