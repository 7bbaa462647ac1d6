"""A-SKD has the value of its release, and compares channels with channels and places with places."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from srbench_plugins.distillers.askd import AttentionSimilarity, register_distillers

from helpers.distilling import assert_equal_to, assert_gradients, oracle
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
from srbench.distilling.recognition.teaching import attention_pairs
from srbench.errors import TrainingError

METHODS = {spec.name: spec.build for spec in register_distillers()}


@pytest.mark.parametrize("kd", [False, True])
def test_its_total_is_the_releases(kd):
    arrays, classes = oracle("askd_distill"), oracle("pixd_kd")
    labels = classes["labels"]
    maps = [arrays[f"lr{i}"].repeat(2, 1, 1, 1).requires_grad_() for i in range(6)]
    wanted = [arrays[f"hr{i}"].repeat(2, 1, 1, 1) for i in range(6)]
    given = scripted_setup(classes["logits_s"], classes["logits_t"], student_maps=maps, teacher_maps=wanted)
    terms = AttentionSimilarity(given, logits=kd).losses(scripted_batch(labels))
    assert_equal_to(terms["attention"].detach(), arrays["loss"])
    assert_gradients(terms["attention"], maps, [arrays[f"grad_lr{i}"].repeat(2, 1, 1, 1) / 2 for i in range(6)])
    labels_alone = torch.nn.functional.cross_entropy(classes["logits_s"], labels)
    assert_equal_to(sum_of(terms).detach(), arrays["loss"] + (classes["loss"] if kd else labels_alone))


def test_a_student_that_attends_like_its_teacher_is_at_no_distance():
    given = setup(teacher=STUDENT)
    given.student.module.load_state_dict(given.teacher.module.state_dict())
    given.student.module.eval()
    same = replace(batch(), lr=batch().hr)
    assert AttentionSimilarity(given).losses(same)["attention"].item() == pytest.approx(0, abs=1e-5)


def test_kinds_of_maps_are_paired_apart_and_by_depth():
    deeper = replace(
        STUDENT, attention=("body.0.3.channel", "body.0.3.spatial", "body.1.3.channel", "body.1.3.spatial")
    )
    shallow = replace(STUDENT, attention=("body.0.3.channel", "body.0.3.spatial"))
    assert attention_pairs(setup(shallow, deeper)) == (
        ("body.0.3.channel", "body.1.3.channel"),
        ("body.0.3.spatial", "body.1.3.spatial"),
    )


def test_a_teacher_of_other_width_is_compared_through_layers_that_are_trained():
    method = AttentionSimilarity(setup())
    shapes = [tuple(p.shape) for p in method.parameters() if p.dim() == 4]
    assert shapes == [(12, 8, 1, 1), (12, 8, 1, 1)]
    assert list(AttentionSimilarity(setup(teacher=STUDENT)).parameters()) == []


@pytest.mark.parametrize("name", METHODS)
def test_it_trains_at_one_forward_pass_of_each_network(name, tmp_path):
    report = assert_training_lowers_the_loss(METHODS[name](setup()), tmp_path)
    assert (report.costs.student_forwards, report.costs.teacher_forwards) == (1, 1)
    assert set(report.terms) == {"cross_entropy", "attention"} | ({"divergence"} if name == "askd_kd" else set())


@pytest.mark.parametrize("view", ["bicubic", "askd"])
def test_it_trains_with_margins_on_enlarged_views_as_the_paper_does(view, tmp_path):
    recipe = RECIPE.model_copy(update={"view": view, "head": "arcface", "steps": 3})
    report, _ = trained(AttentionSimilarity(setup(recipe=recipe)), tmp_path)
    assert 0 < report.terms["attention"] < 5 * 4 * 2


def test_networks_without_common_attention_are_refused():
    blind = replace(STUDENT, name="blind", attention=())
    with pytest.raises(TrainingError, match="blind declares no attention maps, which this distiller compares; choose"):
        AttentionSimilarity(setup(blind))
    one, other = (replace(STUDENT, name=kind, attention=(f"body.0.3.{kind}",)) for kind in ("channel", "spatial"))
    with pytest.raises(TrainingError, match="Of channel and spatial one attends to channels and the other to places"):
        partial(AttentionSimilarity, setup(one, other))()
