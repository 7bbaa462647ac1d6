"""An assistant learns at HR from the teacher; the student starts from it, and learns at LR from it."""

from dataclasses import replace

import pytest
import torch
from srbench_plugins.distillers.tas_fsr import AssistedDistillation
from torch.nn import functional as F

from helpers.distilling import assert_equal_to, oracle
from helpers.recognition import (
    RECIPE,
    STUDENT,
    assert_training_lowers_the_loss,
    batch,
    scripted_batch,
    scripted_setup,
    setup,
    trained,
)
from srbench.distilling.recognition.logits import hinton_loss
from srbench.networks.recognition.recogniser import build_recogniser


def begun(method, phase):
    """Bring a method to the beginning of a phase."""
    for each in method.phases()[: phase + 1]:
        each.begin()
    return method


def test_the_classes_are_learned_as_in_the_releases_one_stage():
    arrays = oracle("pixd_kd")
    maps = [torch.rand(6, 4, 7, 7, dtype=torch.float64)]
    given = scripted_setup(arrays["logits_s"], arrays["logits_t"], student_maps=maps, teacher_maps=maps)
    terms = begun(AssistedDistillation(given), 0).losses(scripted_batch(arrays["labels"]))
    assert_equal_to(terms["cross_entropy"] + terms["divergence"], arrays["loss"])
    assert terms["features"] == 0


def test_the_assistant_sees_hr_and_learns_from_the_teachers_features():
    method = begun(AssistedDistillation(setup()), 0)
    method.setup.student.module.eval()
    own = batch()
    blind = replace(own, lr=torch.full_like(own.lr, torch.nan))
    terms = method.losses(blind)
    embeddings, student_features = method.hints.of_student(own.hr, 2)
    wanted, teacher_features = method.hints.of_teacher(own.hr, 2)
    pairs = method.hints.matched(student_features, teacher_features)
    assert_equal_to(terms["features"].detach(), sum(F.mse_loss(*pair) for pair in pairs).detach())
    logits = method.setup.student.logits(embeddings), method.teacher.logits(wanted)
    assert_equal_to((terms["cross_entropy"] + terms["divergence"]).detach(), hinton_loss(*logits, own.labels).detach())


def test_the_student_starts_from_the_assistant_which_then_stays(tmp_path):
    method = AssistedDistillation(setup())
    begun(method, 1)
    student, kept = method.setup.student.module.state_dict(), method.copy.state_dict()
    assert all(torch.equal(student[name], weight) for name, weight in kept.items())
    _, after = trained(method, tmp_path)
    assert any(not torch.equal(after[name], weight) for name, weight in method.copy.state_dict().items())
    assert not any(p.requires_grad for p in method.copy.parameters())
    assert not method.copy.training
    assert after.keys() == build_recogniser(STUDENT, 3).module.state_dict().keys()


def test_the_student_learns_from_the_assistant_and_no_longer_from_the_teacher():
    method = begun(AssistedDistillation(setup()), 1)
    method.setup.student.module.eval()
    own = batch()
    terms = method.losses(own)
    with torch.no_grad():
        method.setup.teacher.module.head.classifier.bias.add_(1.0)
    assert torch.equal(method.losses(own)["divergence"], terms["divergence"])
    embeddings, small = method.stages.of_student(own.lr, 2)
    wanted, large = method.stages.of_teacher(own.hr, 2)
    logits = method.setup.student.logits(embeddings), method.assistant.logits(wanted)
    assert_equal_to((terms["cross_entropy"] + terms["divergence"]).detach(), hinton_loss(*logits, own.labels).detach())
    enlarged = [
        enlarge(each, *big.shape[-2:]) for enlarge, each, big in zip(method.enlargers, small, large, strict=True)
    ]
    assert [each.shape for each in enlarged] == [each.shape for each in large]
    assert_equal_to(
        terms["features"].detach(), sum(map(F.l1_loss, enlarged, large)).detach()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("view", "scale", "factors"), [("small", 4, [4, 4]), ("small", 3, [3, 2]), ("bicubic", 2, [1, 1])]
)
def test_features_reach_the_assistants_size_from_every_view(view, scale, factors, tmp_path):
    recipe = RECIPE.model_copy(update={"view": view, "steps": 4})
    method = AssistedDistillation(setup(recipe=recipe, scale=scale))
    assert [enlarge.factor for enlarge in method.enlargers] == factors
    assert trained(method, tmp_path)[0].steps == 4


def test_training_lowers_the_loss_and_counts_the_assistant_as_the_students_cost(tmp_path):
    method = begun(AssistedDistillation(setup()), 1)
    report = assert_training_lowers_the_loss(method, tmp_path)
    assert (report.costs.student_forwards, report.costs.teacher_forwards) == (1.5, 0.5)
