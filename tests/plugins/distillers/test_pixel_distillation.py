"""Pixel Distillation has the values of its release, and rebuilds images of any size from any stem."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.distillers.pixel_distillation import PixelDistillation, image_weight

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
from srbench.errors import TrainingError
from srbench.networks.recognition.recogniser import build_recogniser


@pytest.mark.parametrize("name", ["a", "b"])
def test_its_total_is_the_releases(name, shared):
    import numpy as np

    with np.load(shared(f"oracles/losses/pixd_isrd_{name}.npz")) as file:
        image = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
    classes = oracle("pixd_kd")
    copies = len(classes["labels"]) // len(image["hr"])
    stem, hr = (image[key].repeat(copies, 1, 1, 1) for key in ("feat", "hr"))
    stem.requires_grad_()
    method = PixelDistillation(
        scripted_setup(classes["logits_s"], classes["logits_t"], student_maps=[stem], teacher_maps=[stem.detach()])
    )
    method.decoder.double()
    method.decoder.expand.weight.data, method.decoder.activate.weight.data = image["conv_w"], image["prelu"]
    terms = method.losses(scripted_batch(classes["labels"], hr=hr))
    assert_equal_to(terms["image"].detach(), 50 * image["loss"])
    assert_equal_to(sum_of(terms).detach(), classes["loss"] + 50 * image["loss"])
    assert_gradients(terms["image"], [stem], [50 * image["grad_feat"].repeat(copies, 1, 1, 1) / copies])


def test_the_weight_is_the_releases_at_both_of_its_ratios_and_a_power_elsewhere():
    assert image_weight(2) == pytest.approx(10)
    assert image_weight(4) == pytest.approx(50)
    assert image_weight(8) == pytest.approx(250)


@given(st.integers(1, 31))
def test_the_weight_grows_with_the_ratio(ratio):
    assert image_weight(ratio) < image_weight(ratio + 1)


def test_hr_is_compared_as_the_teacher_sees_it():
    given = setup()
    teacher = given.teacher
    spec = replace(teacher.spec, input_mean=(0.5, 0.4, 0.3), input_std=(0.2, 0.25, 0.5))
    normalising = replace(given, teachers=(replace(teacher, spec=spec),))
    method = PixelDistillation(normalising, weight=1.0)
    own = batch()
    with torch.no_grad():
        stem = method.student.features(own.lr, ("stem",))["stem"]
        normalised = (own.hr - torch.tensor([0.5, 0.4, 0.3]).view(-1, 1, 1)) / torch.tensor([0.2, 0.25, 0.5]).view(
            -1, 1, 1
        )
        wanted = (method.decoder(stem, 16, 16) - normalised).abs().mean()
        assert_equal_to(method.losses(own)["image"], wanted)


@pytest.mark.parametrize(("view", "scale", "factor"), [("small", 2, 2), ("small", 3, 4), ("bicubic", 2, 1)])
def test_the_decoder_reaches_hr_from_every_view(view, scale, factor, tmp_path):
    recipe = RECIPE.model_copy(update={"view": view, "steps": 3})
    method = PixelDistillation(setup(recipe=recipe, scale=scale))
    assert method.decoder.factor == factor
    assert trained(method, tmp_path)[0].steps == 3


def test_padding_of_small_images_is_not_rebuilt(tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 3})
    method = PixelDistillation(setup(replace(STUDENT, min_size=16), scale=4, recipe=recipe))
    assert method.sides == [4, 4]
    assert method.decoder.factor == 4
    assert trained(method, tmp_path)[0].steps == 3


def test_training_teaches_to_rebuild_and_leaves_nothing_in_the_student(tmp_path):
    method = PixelDistillation(setup())
    before = method.losses(batch())["image"]
    report = assert_training_lowers_the_loss(method, tmp_path)
    assert method.losses(batch())["image"] < before
    assert (report.costs.student_forwards, report.costs.teacher_forwards) == (1, 1)
    assert method.setup.student.module.state_dict().keys() == build_recogniser(STUDENT, 3).module.state_dict().keys()


def test_a_student_without_a_stem_is_refused():
    with pytest.raises(TrainingError, match="contract_recogniser_8 names no stem, from which"):
        PixelDistillation(setup(replace(STUDENT, stem="")))
    with pytest.raises(TrainingError, match=r"The stem 'embed' of contract_recogniser_8 gives \(1, 16\), not a map"):
        PixelDistillation(setup(replace(STUDENT, stem="embed")))
