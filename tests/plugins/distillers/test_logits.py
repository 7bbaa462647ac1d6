"""Logits adds one term, the L1 distance to the teacher, and refuses what cannot be compared."""

from dataclasses import replace

import pytest
import torch
from srbench_plugins.architectures import edsr, espcn
from srbench_plugins.distillers.logits import Logits
from torch import Generator

from helpers.distilling import Gives, assert_equal_to, oracle
from srbench.distilling.distiller import Batch, Setup
from srbench.errors import TrainingError
from srbench.networks.network import Network
from srbench.recipe import Recipe
from srbench.testing import photograph

EDSR_SMALL = next(spec for spec in edsr.register_architectures() if spec.name == "edsr_small")
(ESPCN,) = espcn.register_architectures()


def setup(student, *teachers):
    def network(spec):
        return Network(spec, spec.network(2).eval())

    return Setup(
        student=network(student),
        teachers=tuple(network(teacher) for teacher in teachers),
        scales=(2,),
        recipe=Recipe(name="r", datasets=("d",), steps=1, losses={"l1": 0.25}),
        losses={"l1": torch.nn.functional.l1_loss},
        device=torch.device("cpu"),
        build=lambda name: network(student),
    )


def batch(channels):
    hr = photograph(2, channels, 16, 16)
    return Batch(lr=hr[..., ::2, ::2], hr=hr, wanted=2, step=0, steps=1, generator=Generator())


def test_its_terms_are_the_recipes_and_the_distance_to_the_teacher():
    torch.manual_seed(0)
    distiller = Logits(setup(EDSR_SMALL, EDSR_SMALL))
    patches = batch(3)
    with torch.no_grad():
        terms = distiller.losses(patches)
        sr = distiller.setup.student(patches.lr, 2)
        target = distiller.setup.teacher(patches.lr, 2)
    assert list(terms) == ["l1", "logits"]
    assert terms["l1"].item() == pytest.approx(0.25 * (sr - patches.hr).abs().mean().item())
    assert terms["logits"].item() == pytest.approx((sr - target).abs().mean().item())


def test_its_value_is_that_of_l1_to_truth_and_teacher():
    arrays = oracle("logits_kd_l1")
    sr, target, hr = (arrays[name] for name in ("student_sr", "teacher_sr", "hr"))
    distiller = Logits(setup(EDSR_SMALL, EDSR_SMALL))
    distiller.setup = replace(
        distiller.setup,
        student=Gives(sr),
        teachers=(lambda lr, scale: target,),
        recipe=distiller.setup.recipe.model_copy(update={"losses": {"l1": 1.0}}),
    )
    terms = distiller.losses(Batch(hr[..., ::2, ::2], hr, 2, 0, 1, Generator()))
    assert_equal_to(terms["l1"], arrays["loss_pix"])
    assert_equal_to(terms["logits"], arrays["loss_kd"])
    assert_equal_to(terms["l1"] + terms["logits"], arrays["loss"])


def test_a_teacher_on_luma_can_teach_a_student_on_rgb():
    terms = Logits(setup(EDSR_SMALL, ESPCN)).losses(batch(3))
    assert terms["logits"].isfinite()


def test_a_student_on_luma_cannot_learn_from_a_teacher_on_rgb():
    with pytest.raises(TrainingError, match="espcn works on luma and the teacher edsr_small on RGB"):
        Logits(setup(ESPCN, EDSR_SMALL))


def test_without_a_teacher_it_says_what_to_add():
    with pytest.raises(TrainingError, match="needs a teacher"):
        Logits(setup(EDSR_SMALL))
