"""Hinton's distillation and DKD have the values of their releases, and refuse what has no softened probabilities."""

from dataclasses import replace

import pytest
import torch
from srbench_plugins.distillers.kd import DecoupledDistillation, HintonDistillation, register_distillers

from helpers.distilling import assert_equal_to, assert_gradients, edsr, oracle
from helpers.distilling import setup as sr_setup
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
from srbench.distilling.distiller import sum_of
from srbench.distilling.recognition.teaching import image_sizes
from srbench.errors import TrainingError
from srbench.networks.recognition.recogniser import build_recogniser

METHODS = {spec.name: spec.build for spec in register_distillers()}


@pytest.mark.parametrize("name", ["kd_hinton", "pixd_kd"])
def test_its_total_is_the_releases(name):
    arrays = oracle(name)
    student = arrays["logits_s"].requires_grad_()
    method = HintonDistillation(scripted_setup(student, arrays["logits_t"]))
    loss = sum_of(method.losses(scripted_batch(arrays["labels"])))
    assert_equal_to(loss.detach(), arrays["loss"].reshape(()))
    assert_gradients(loss, [student], [arrays["grad_s"]])


def test_decoupled_its_term_is_the_releases_in_its_eleventh_epoch_of_twenty():
    arrays = oracle("pixd_dkd")
    method = DecoupledDistillation(scripted_setup(arrays["logits_s"], arrays["logits_t"]))
    terms = method.losses(scripted_batch(arrays["labels"], step=10, steps=120))
    assert_equal_to(terms["decoupled"], arrays["loss"].reshape(()))
    late = method.losses(scripted_batch(arrays["labels"], step=20, steps=120))
    assert_equal_to(late["decoupled"], arrays["loss_no_warmup"].reshape(()))
    assert torch.equal(late["cross_entropy"], terms["cross_entropy"])


def test_all_weight_for_the_labels_is_plain_training():
    method = HintonDistillation(setup(), share=0.0)
    terms = method.losses(batch())
    plain = method.setup.supervised(method.setup.student(batch().lr), batch().labels)
    assert terms["divergence"] == 0
    assert torch.equal(terms["cross_entropy"], plain["cross_entropy"])


def test_a_margin_counts_in_the_recipes_terms_and_is_not_compared():
    method = HintonDistillation(setup(recipe=RECIPE.model_copy(update={"head": "arcface"})))
    embeddings = method.setup.student(batch().lr)
    terms = method.losses(batch())
    with_margin = torch.nn.functional.cross_entropy(
        method.setup.student.answer(embeddings, batch().labels), batch().labels
    )
    assert_equal_to(terms["cross_entropy"].detach(), 0.1 * with_margin.detach())
    assert not torch.equal(
        method.setup.student.logits(embeddings), method.setup.student.answer(embeddings, batch().labels)
    )


@pytest.mark.parametrize("name", METHODS)
def test_it_trains_at_one_forward_pass_of_each_network(name, tmp_path):
    report = assert_training_lowers_the_loss(METHODS[name](setup()), tmp_path)
    assert (report.costs.student_forwards, report.costs.teacher_forwards) == (1, 1)


def test_nothing_but_the_student_is_left(tmp_path):
    method = HintonDistillation(setup())
    _, weights = trained(method, tmp_path)
    assert weights.keys() == build_recogniser(STUDENT, 3).module.state_dict().keys()


@pytest.mark.parametrize("name", METHODS)
def test_images_with_several_classes_are_refused(name):
    with pytest.raises(TrainingError, match="may have several classes; choose one that compares features"):
        METHODS[name](setup()).losses(batch(labels=torch.ones(6, 3)))


def test_a_teacher_of_other_classes_is_refused():
    given = setup()
    teacher = build_recogniser(STUDENT, 5)
    with pytest.raises(TrainingError, match="The student knows 3 classes and the teacher 5; train both"):
        HintonDistillation(replace(given, teachers=(teacher,))).losses(batch())


def test_networks_and_recipes_of_another_task_are_refused():
    with pytest.raises(TrainingError, match="is for the task recognition, and edsr_8_2 is for the task sr; set"):
        HintonDistillation(sr_setup(edsr(), edsr()))
    with pytest.raises(TrainingError, match="is for the task recognition, and edsr_8_2 is for the task sr; set"):
        HintonDistillation(replace(setup(), teachers=sr_setup(edsr(), edsr()).teachers))
    with pytest.raises(TrainingError, match="The recipe toy gives no size of images; name one of the task recognition"):
        image_sizes(sr_setup(edsr(), edsr()))


def test_without_a_teacher_it_says_what_to_add():
    with pytest.raises(TrainingError, match="needs a teacher"):
        HintonDistillation(setup(teacher=None))
