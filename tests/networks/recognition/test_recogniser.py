"""A recogniser is called as its spec says, and gives embeddings, logits and features."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import srbench
from srbench.errors import PluginError, ShapeError, TrainingError
from srbench.imaging.colour import rgb_to_ycbcr
from srbench.networks.recognition.recogniser import build_recogniser
from srbench.networks.recognition.spec import ANY_SCALE


class Mean(nn.Module):
    """The embedding is the mean colour, through an identity that can be tapped."""

    def __init__(self):
        super().__init__()
        self.body, self.spare = nn.Conv2d(3, 3, 1, bias=False), nn.Identity()
        self.body.weight.data = torch.eye(3)[..., None, None]

    def forward(self, images):
        return self.body(images).mean((2, 3))


class Luma(nn.Module):
    def forward(self, images):
        return images.mean((2, 3))


def spec(build=Mean, **facts):
    return srbench.RecogniserSpec(name="mine", build=build, **facts)


def test_its_images_are_normalised_as_the_spec_says():
    recogniser = build_recogniser(spec(input_mean=(0.5, 0.25, 0.0), input_std=(0.5, 0.5, 1.0), input_range=255.0), 0)
    found = recogniser(torch.tensor([0.5, 0.5, 0.5]).view(1, 3, 1, 1).expand(2, 3, 4, 5), 4)
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.5 * 255, 0.5 * 255]] * 2))


def test_a_network_on_luma_takes_colour_images_too():
    images = torch.rand(2, 3, 4, 5)
    recogniser = build_recogniser(spec(Luma, channels="y"), 0)
    torch.testing.assert_close(recogniser(images), rgb_to_ycbcr(images)[:, :1].mean((2, 3)))
    assert recogniser.colours == 1


def test_images_smaller_than_it_takes_are_padded():
    recogniser = build_recogniser(spec(min_size=8, size_multiple=4), 0)
    assert recogniser.features(torch.rand(1, 3, 5, 9), ("body",))["body"].shape == (1, 3, 8, 12)


@given(st.integers(1, 12), st.sampled_from(["linear", "arcface", "cosface", "adaface"]))
def test_its_head_has_the_length_of_the_embedding_and_the_number_of_classes(classes, head):
    recogniser = build_recogniser(spec(), classes, head)
    embeddings = recogniser(torch.rand(2, 3, 6, 7))
    assert embeddings.shape == (2, 3)
    assert recogniser.logits(embeddings).shape == (2, classes)
    assert recogniser.answer(embeddings, torch.zeros(2, dtype=torch.long)).shape == (2, classes)


def test_building_it_leaves_it_in_train_mode_and_works_without_memory():
    assert all(part.training for part in build_recogniser(spec(), 3).module.modules())
    with torch.device("meta"):
        recogniser = build_recogniser(
            spec(lambda: nn.Sequential(nn.Conv2d(3, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())), 7
        )
    assert recogniser.module.head.classifier.weight.shape == (7, 5)


def test_its_taps_are_paths_of_the_backbone_and_its_weights_paths_of_the_whole():
    recogniser = build_recogniser(spec(), 2)
    images = torch.rand(2, 3, 4, 4)
    features = recogniser.features(images, ("body", "body:input"))
    torch.testing.assert_close(features["body"], features["body:input"])
    assert recogniser.tapped is recogniser.module.backbone
    doubled = {"backbone.body.weight": 2 * recogniser.module.backbone.body.weight}
    torch.testing.assert_close(recogniser(images, weights=doubled), 2 * recogniser(images))


def test_a_copy_with_another_module_is_a_recogniser():
    recogniser = build_recogniser(spec(), 2)
    copy = dataclasses.replace(recogniser, module=recogniser.module)
    assert type(copy) is srbench.Recogniser
    assert isinstance(copy, srbench.Network)


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (nn.Identity, "(1, 3, 32, 32)"),
        (lambda: nn.Flatten(0, 1), "(3, 32, 32)"),
        (lambda: nn.Sequential(nn.Flatten(2), nn.LSTM(1024, 2)), "a tuple"),
    ],
)
def test_what_gives_no_embeddings_is_refused(build, found):
    with pytest.raises(ShapeError) as caught:
        build_recogniser(spec(build), 2)
    assert str(caught.value) == (f"mine returned {found} for images (1, 3, 32, 32); it must return embeddings (1, D).")


def test_without_a_head_it_has_no_logits():
    recogniser = build_recogniser(spec(), 0)
    with pytest.raises(TrainingError, match="mine has no head, so it gives embeddings and no classes"):
        recogniser.logits(recogniser(torch.rand(1, 3, 4, 4)))


def test_a_module_that_it_never_runs_cannot_be_tapped():
    with pytest.raises(ShapeError, match="mine does not use its module 'spare'; tap another one"):
        build_recogniser(spec(), 0).features(torch.rand(1, 3, 4, 4), ("spare",))


def test_a_bare_module_is_refused():
    with pytest.raises(TrainingError, match="mine is not a backbone with a head"):
        srbench.Recogniser(spec(), Mean()).tapped  # noqa: B018 - it raises


def test_its_spec_is_of_the_other_task_at_every_ratio():
    assert (spec().task, spec().kind, spec().scales) == ("recognition", "recogniser", ANY_SCALE)
    assert srbench.ArchitectureSpec.task == "sr"
    assert isinstance(spec().network(4), Mean)


@pytest.mark.parametrize(
    "facts",
    [
        {"multi_scale": True},
        {"any_scale": True},
        {"conditions": ("noise",)},
        {"representation": "body"},
        {"lookups": 1},
    ],
)
def test_facts_of_super_resolution_are_refused(facts):
    (name,) = facts
    with pytest.raises(PluginError, match=f"Recogniser 'mine' declares {name}, which only networks for super-resol"):
        spec(**facts)


def test_errors_of_its_spec_name_its_kind():
    with pytest.raises(PluginError, match="The recogniser name 'My' is not lower_snake_case"):
        srbench.RecogniserSpec(name="My", build=Mean)
    with pytest.raises(PluginError, match="Recogniser 'mine' declares input_mean with 1 values for 3 channels"):
        spec(input_mean=(0.5,))
