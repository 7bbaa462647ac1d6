"""Heads turn embeddings into logits: linear, or by cosines with a margin for the right class in training."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from srbench.errors import TrainingError, UnknownNameError
from srbench.networks.recognition.heads import HEADS, AdaFaceHead, build_head

MARGINS = [name for name in HEADS if name != "linear"]
LABELS = torch.tensor([0, 3, 1, 3, 2])


@pytest.fixture
def embeddings():
    return 3 * torch.randn(5, 16)


@pytest.mark.parametrize("name", HEADS)
def test_every_head_gives_a_logit_for_each_class_and_a_gradient_to_each_parameter(name, embeddings):
    head = build_head(name, 16, 4)
    assert head(embeddings).shape == (5, 4)
    F.cross_entropy(head.with_labels(embeddings, LABELS), LABELS).backward()
    assert all(parameter.grad.any() for parameter in head.parameters())


@pytest.mark.parametrize("name", MARGINS)
def test_a_margin_lowers_the_right_logit_and_no_other(name, embeddings):
    head = build_head(name, 16, 4)
    plain, margined = head(embeddings), head.with_labels(embeddings, LABELS)
    right = F.one_hot(LABELS, 4).bool()
    assert (margined[right] < plain[right]).all()
    torch.testing.assert_close(margined[~right], plain[~right])


@pytest.mark.parametrize("name", MARGINS)
def test_without_a_margin_training_and_test_are_the_same_softmax_of_cosines(name, embeddings):
    head = build_head(name, 16, 4, scale=7.0, margin=0.0)
    wanted = 7 * F.normalize(embeddings) @ F.normalize(head.centres).T
    torch.testing.assert_close(head.with_labels(embeddings, LABELS), wanted)
    torch.testing.assert_close(head(embeddings), wanted)


@pytest.mark.parametrize(
    ("name", "scale", "margin"), [("arcface", 32, 0.5), ("cosface", 64, 0.35), ("adaface", 64, 0.4)]
)
def test_defaults_are_those_of_the_papers(name, scale, margin):
    head = build_head(name, 16, 4)
    assert (head.scale, head.margin) == (scale, margin)


def test_the_linear_head_ignores_labels_so_that_an_image_may_have_several(embeddings):
    head = build_head("linear", 16, 4)
    several = torch.tensor([[1, 0, 1, 0]] * 5)
    torch.testing.assert_close(head.with_labels(embeddings, several), head(embeddings))


@pytest.mark.parametrize("name", MARGINS)
def test_a_head_with_a_margin_refuses_images_of_several_classes(name, embeddings):
    with pytest.raises(TrainingError, match=r"needs one class for each image.*head = \"linear\""):
        build_head(name, 16, 4).with_labels(embeddings, torch.tensor([[1, 0, 1, 0]] * 5))


def test_the_quality_of_adaface_is_computed_by_hand():
    head = AdaFaceHead(2, 3, 64.0, 0.4)
    norms = torch.tensor([10.0, 20.0, 30.0, 200.0])  # the last is clamped to 100
    quality = head.quality(torch.stack((norms, torch.zeros(4)), dim=1))
    mean = 0.99 * 20 + 0.01 * (10 + 20 + 30 + 100) / 4
    deviation = 0.99 * 100 + 0.01 * (((30**2 + 20**2 + 10**2 + 60**2) / 3) ** 0.5)
    assert head.mean.item() == pytest.approx(mean, rel=1e-6)
    assert head.deviation.item() == pytest.approx(deviation, rel=1e-6)
    for found, norm in zip(quality.tolist(), (10, 20, 30, 100), strict=True):
        assert found == pytest.approx((norm - mean) / (deviation + 1e-3) * 0.333, rel=1e-5)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=8))
def test_the_quality_of_adaface_rises_with_the_norm_within_its_bounds(lengths):
    head = AdaFaceHead(2, 3, 64.0, 0.4)
    head.mean.fill_(50.0)
    head.deviation.fill_(5.0)
    quality = head.quality(torch.tensor([[length, 0.0] for length in sorted(lengths)]))
    assert (quality.diff() >= 0).all()
    assert (quality.abs() <= 1).all()


def test_the_averages_of_adaface_move_in_training_only_and_are_in_its_state():
    head = AdaFaceHead(2, 3, 64.0, 0.4).eval()
    head.with_labels(torch.ones(3, 2), torch.tensor([0, 1, 2]))
    assert (head.mean.item(), head.deviation.item()) == (20, 100)
    head.train().with_labels(torch.ones(1, 2), torch.tensor([0]))  # one image has a mean and no deviation
    assert head.mean.item() < 20
    assert head.deviation.item() == 100
    assert {"mean", "deviation"} < head.state_dict().keys()


def test_no_gradient_flows_through_the_quality_of_adaface():
    assert not AdaFaceHead(2, 3, 64.0, 0.4).quality(torch.ones(3, 2, requires_grad=True)).requires_grad


@pytest.mark.parametrize(
    ("facts", "error", "text"),
    [
        ({"name": "arcfase"}, UnknownNameError, "No head named 'arcfase'. Did you mean arcface?"),
        ({"name": "linear", "scale": 3.0}, TrainingError, "has neither scale nor margin"),
        ({"name": "linear", "margin": 0.0}, TrainingError, "has neither scale nor margin"),
        ({"name": "arcface", "scale": 0.0}, TrainingError, "cannot have scale 0 with margin 0.5"),
        ({"name": "cosface", "margin": -0.1}, TrainingError, "cannot have scale 64 with margin -0.1"),
        ({"name": "adaface", "margin": 4.0}, TrainingError, "give a scale above 0 and a margin from 0 to below pi"),
        ({"name": "arcface", "classes": 0}, TrainingError, "needs at least one class, not 0"),
    ],
)
def test_what_a_head_cannot_be_is_refused_in_a_sentence(facts, error, text):
    with pytest.raises(error) as caught:
        build_head(**{"features": 16, "classes": 4, **facts})
    assert text in str(caught.value)
