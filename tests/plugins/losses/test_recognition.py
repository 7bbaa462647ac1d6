"""The cross-entropy is its formula, with one class an image and with several."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.losses.recognition import register_losses

from helpers.distilling import oracle

(SPEC,) = register_losses()
LOSS = SPEC.build()


def test_with_arcface_it_is_the_loss_of_askds_release():
    arrays = oracle("askd_arcmargin")
    assert LOSS(arrays["logits"], arrays["labels"]).item() == pytest.approx(arrays["loss_ce"].item())


@given(st.lists(st.lists(st.floats(-20, 20), min_size=3, max_size=3), min_size=1, max_size=4), st.integers(0, 2))
def test_of_one_class_it_is_the_mean_of_minus_the_logarithm_of_its_probability(logits, label):
    wanted = [math.log(sum(math.exp(z) for z in row)) - row[label] for row in logits]
    found = LOSS(torch.tensor(logits, dtype=torch.float64), torch.full((len(logits),), label))
    assert found.item() == pytest.approx(sum(wanted) / len(wanted), abs=1e-9)


def test_of_several_classes_every_class_is_a_question_of_its_own():
    logits, truth = torch.tensor([[2.0, -1.0], [0.0, 3.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    wanted = [math.log1p(math.exp(-z if yes else z)) for z, yes in zip(logits.flatten(), truth.flatten(), strict=True)]
    assert LOSS(logits, truth).item() == pytest.approx(sum(wanted) / 4)


def test_it_is_for_recognition():
    assert SPEC.task == "recognition"
