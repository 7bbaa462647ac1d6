"""F-SKD has the values of its release, and finds pairs of one class in a batch."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.distillers.fskd import FeatureSimilarity, same_class

from helpers.distilling import assert_equal_to, oracle
from helpers.recognition import (
    STUDENT,
    assert_training_lowers_the_loss,
    batch,
    scripted_batch,
    scripted_setup,
    setup,
)
from srbench.errors import TrainingError


def scripted(student, teacher, labels):
    logits = torch.zeros(len(labels), 4, dtype=torch.float64)
    given = scripted_setup(logits, logits, student_maps=student, teacher_maps=teacher)
    return FeatureSimilarity(given).losses(scripted_batch(torch.tensor(labels)))


def test_the_distance_of_features_is_the_releases():
    arrays = oracle("fskd_cosine")
    terms = scripted([arrays["s"], arrays["t"]], [arrays["t"], arrays["t"]], [0, 1, 2, 3])
    assert_equal_to(terms["point"], arrays["loss"].reshape(()) / 2)  # the second tap is at no distance
    assert terms["cross"] == 0  # no image has another of its class


def test_the_relations_between_images_of_a_class_are_the_releases():
    arrays = oracle("fskd_cross_sample")
    student, teacher = (torch.cat((arrays[key], arrays[f"{key}_pos"])) for key in ("s", "t"))
    assert_equal_to(scripted([student], [teacher], [0, 1, 2, 3] * 2)["cross"], arrays["loss"].reshape(()))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_a_pair_is_the_next_image_of_the_class(labels):
    one, other = (found.tolist() for found in same_class(torch.tensor(labels)))
    wanted = {}
    for place, label in enumerate(labels):
        ahead = [(place + step) % len(labels) for step in range(1, len(labels))]
        found = [number for number in ahead if labels[number] == label]
        if found:
            wanted[place] = found[0]
    assert dict(zip(one, other, strict=True)) == wanted


def test_a_student_that_is_its_teacher_is_at_no_distance():
    given = setup(teacher=STUDENT)
    given.student.module.load_state_dict(given.teacher.module.state_dict())
    given.student.module.eval()
    terms = FeatureSimilarity(given).losses(replace(batch(), lr=batch().hr))
    assert terms["point"].item() == pytest.approx(0, abs=1e-5)
    assert terms["cross"].item() == pytest.approx(0, abs=1e-5)


def test_it_trains_at_one_forward_pass_of_each_network(tmp_path):
    report = assert_training_lowers_the_loss(FeatureSimilarity(setup()), tmp_path)
    assert (report.costs.student_forwards, report.costs.teacher_forwards) == (1, 1)


def test_images_with_several_classes_are_refused():
    with pytest.raises(TrainingError, match="fskd pairs images of one class, and these images may have several"):
        scripted([torch.zeros(2, 3, 2, 2).double()], [torch.zeros(2, 3, 2, 2).double()], [[0.0, 1, 0, 1]] * 2)
