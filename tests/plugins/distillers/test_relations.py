"""RKD, SP and ICKD have the values of their releases, at the weights of Pixel Distillation's."""

from dataclasses import replace

import pytest
import torch
from srbench_plugins.distillers.relations import (
    ChannelCorrelation,
    RelationalDistillation,
    SimilarityPreserving,
    register_distillers,
)

from helpers.distilling import assert_equal_to, assert_gradients, oracle
from helpers.recognition import (
    STUDENT,
    assert_training_lowers_the_loss,
    scripted_batch,
    scripted_setup,
    setup,
    trained,
)
from srbench.errors import TrainingError

METHODS = {spec.name: spec.build for spec in register_distillers()}
LABELS = torch.tensor([0, 1, 2, 3])


def test_relations_of_embeddings_are_the_releases():
    arrays = oracle("rkd")
    student = arrays["s"].requires_grad_()
    method = RelationalDistillation(scripted_setup(student, arrays["t"]))
    term = method.losses(scripted_batch(torch.arange(6)))["relations"]
    assert_equal_to(term.detach(), arrays["loss"].reshape(()))
    assert_gradients(term, [student], [arrays["grad_s"]])


def on_maps(method, arrays):
    logits, first = torch.zeros(4, 4, dtype=torch.float64), torch.rand(4, 2, 3, 3)
    maps = {"student_maps": [first, arrays["s"]], "teacher_maps": [first, arrays["t"]]}
    return method(scripted_setup(logits, logits, **maps))


def test_similarities_are_the_releases_and_those_of_the_last_tap():
    arrays = oracle("pixd_sp")
    terms = on_maps(SimilarityPreserving, arrays).losses(scripted_batch(LABELS))
    assert_equal_to(terms["similarity"], 3000 * arrays["loss"].reshape(()))


def test_correlations_are_the_releases_and_those_of_the_last_tap():
    arrays = oracle("pixd_ickd")
    method = on_maps(ChannelCorrelation, arrays)
    method.embedding.double()
    method.embedding[0].weight.data = arrays["embed_w"]
    terms = method.losses(scripted_batch(LABELS))
    assert_equal_to(terms["correlation"].detach(), 2.5 * arrays["loss"].reshape(()))


def test_the_layers_that_match_channels_are_trained(tmp_path):
    method = ChannelCorrelation(setup())
    before = method.embedding[0].weight.detach().clone()
    trained(method, tmp_path)
    assert not torch.equal(before, method.embedding[0].weight)


@pytest.mark.parametrize("name", METHODS)
def test_it_trains_at_one_forward_pass_of_each_network(name, tmp_path):
    report = assert_training_lowers_the_loss(METHODS[name](setup()), tmp_path)
    assert (report.costs.student_forwards, report.costs.teacher_forwards) == (1, 1)


@pytest.mark.parametrize("name", ["sp", "ickd"])
def test_networks_without_taps_are_refused(name):
    with pytest.raises(TrainingError, match="untapped declares no taps"):
        METHODS[name](setup(replace(STUDENT, name="untapped", taps=())))
