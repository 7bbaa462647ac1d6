"""FACD contrasts features within a batch, on the patches on which the teacher is better."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.distillers import facd
from srbench_plugins.distillers.facd import FACD, Options, distance_ratio, info_nce, teacher_better
from torch.nn import functional as F

from helpers.distilling import (
    PAIRS,
    RECIPE,
    assert_equal_to,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    oracle,
    setup,
    trained,
)
from srbench.distilling.distiller import Batch
from srbench.errors import TrainingError

SPECS = {spec.name: spec for spec in facd.register_distillers()}
FORMS = {"ratio": distance_ratio, "infonce": info_nce}


def features(seed=0, count=4):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(count, 3, 4, 5, dtype=torch.float64, generator=generator) for _ in range(2)]


def test_the_standard_form_of_info_nce_is_the_independent_one():
    arrays = oracle("mcad_infonce")
    found = info_nce(arrays["f_s"][..., None, None], arrays["f_t"][..., None, None], temperature=0.07)
    assert_equal_to(found.mean(), arrays["loss_standard_infonce"])


def test_a_ratio_for_each_patch_is_the_formula():
    student, teacher = features()
    mine, theirs = student.numpy(), teacher.numpy()
    wanted = []
    for i in range(len(mine)):
        negatives = sum(np.abs(mine[i] - theirs[k]).mean() for k in range(len(mine)) if k != i)
        wanted.append(np.abs(mine[i] - theirs[i]).mean() / (negatives + 1e-7))
    assert_equal_to(distance_ratio(student, teacher), torch.tensor(wanted, dtype=torch.float64))


@pytest.mark.parametrize("form", FORMS.values())
def test_the_gradient_is_that_of_small_differences(form):
    student, teacher = features(count=3)
    assert torch.autograd.gradcheck(partial(form, teacher=teacher), student.requires_grad_())


@pytest.mark.parametrize("form", FORMS.values())
def test_a_step_downhill_brings_the_positive_closer_and_takes_the_negatives_away(form):
    student, teacher = features()
    student.requires_grad_()
    (slope,) = torch.autograd.grad(form(student, teacher).sum(), student)
    before, after = (torch.cdist(s.flatten(1), teacher.flatten(1), p=1) for s in (student, student - 1e-3 * slope))
    others = ~torch.eye(4, dtype=torch.bool)
    assert after.diagonal().sum() < before.diagonal().sum()
    assert after[others].sum() > before[others].sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.permutations(range(4)), st.floats(0.1, 10))
def test_a_contrast_depends_on_no_unit_and_on_no_order_of_the_patches(seed, order, factor):
    student, teacher = features(seed)
    for form in FORMS.values():
        wanted = form(student, teacher)
        torch.testing.assert_close(form(student[list(order)], teacher[list(order)]), wanted[list(order)])
        torch.testing.assert_close(form(factor * student, factor * teacher), wanted, rtol=1e-5, atol=1e-8)
        assert (form(teacher, teacher) < wanted).all()


def test_half_precision_around_it_does_not_blur_the_contrast():
    student, teacher = (each.float() for each in features())
    for form in FORMS.values():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            blurred = form(student, teacher)
        assert torch.equal(blurred, form(student, teacher))


def test_the_teacher_is_better_where_its_error_is_smaller():
    hr = torch.rand(4, 3, 8, 8)
    near, far = hr + 0.1, hr - 0.2
    sr = torch.stack([near[0], far[1], near[2], far[3]])
    target = torch.stack([far[0], near[1], near[2], near[3]])
    assert teacher_better(sr, target, hr).tolist() == [0, 1, 0, 1]


def better_teacher(method, patches, better):
    """Make the truth what the teacher gives for the patches named, and what the student gives for the others."""
    sr, _ = method.features.of_student(patches.lr, 2)
    target, _ = method.features.of_teacher(patches.lr, 2)
    hr = torch.stack([(target if i in better else sr.detach())[i] for i in range(len(sr))])
    return Batch(patches.lr, hr, 2, 0, 1, patches.generator)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("better", [(), (1,), (0, 2), (0, 1, 2)])
def test_only_the_patches_on_which_the_teacher_is_better_count(form, better):
    method = FACD(setup(*PAIRS["RCAN to EDSR"]), options=Options(form=form, output_weight=0.5, feature_weight=2.0))
    patches = better_teacher(method, batch(), better)
    terms = method.losses(patches)
    sr, learnt = method.features.of_student(patches.lr, 2)
    target, known = method.features.of_teacher(patches.lr, 2)
    pairs = method.features.matched(learnt, known)
    chosen = list(better)
    logits = F.l1_loss(sr[chosen], target[chosen]) if better else torch.tensor(0.0)
    contrast = sum(FORMS[form](*pair)[chosen].mean() for pair in pairs) if better else torch.tensor(0.0)
    assert terms["logits"].item() == pytest.approx(0.5 * logits.item(), rel=1e-5)
    assert terms["contrast"].item() == pytest.approx(2 * contrast.item(), rel=1e-5)
    assert method.followed.item() == pytest.approx(len(better) / 3)
    (gradient,) = torch.autograd.grad(terms["contrast"] + terms["logits"], method.setup.student.module.head[0].weight)
    assert gradient.isfinite().all()
    assert gradient.any() == bool(better)


def test_without_the_condition_every_patch_counts():
    method = FACD(setup(*PAIRS["equal"]), options=Options(adaptive=False))
    patches = better_teacher(method, batch(), ())
    assert method.losses(patches)["logits"] > 0
    assert method.followed == 1


def test_the_contrast_alone_brings_each_patch_nearer_to_its_own(tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 20, "checkpoint_every": 20, "learning_rate": 3e-3})
    options = Options(feature_weight=1000.0, adaptive=False)
    method = FACD(setup(*PAIRS["RCAN to EDSR"], recipe=recipe), options=options)
    before = method.losses(batch())["contrast"].item()
    trained(method, tmp_path)
    assert method.losses(batch())["contrast"].item() < 0.95 * before


@pytest.mark.parametrize(
    ("build", "pair"),
    [
        *((SPECS["facd"].build, pair) for pair in PAIRS),
        (SPECS["facd_infonce"].build, "RCAN to EDSR"),
        (partial(FACD, options=Options(adaptive=False)), "RCAN to EDSR"),
    ],
)
def test_it_trains_students_of_any_width_depth_and_family(build, pair, tmp_path):
    given = setup(*PAIRS[pair])
    with torch.no_grad():
        given.student.module.tail[-1].bias += 100.0  # worse than its teacher, which has not been trained either
    method = build(given)
    before = [p.detach().clone() for p in method.parameters()]
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "logits", "contrast", "followed"}
    assert all(math.isfinite(value) for value in report.terms.values())
    assert 0 < report.terms["followed"] <= 1
    assert len(before) == 2 * sum(own != wanted for own, wanted in method.features.widths)
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def test_one_patch_a_step_is_refused():
    method = SPECS["facd"].build(setup(*PAIRS["equal"]))
    one = batch()
    with pytest.raises(TrainingError, match="set the recipe's batch to 2 or more"):
        method.losses(Batch(one.lr[:1], one.hr[:1], 2, 0, 1, one.generator))


@pytest.mark.parametrize("wrong", [{"form": "triplet"}, {"temperature": 0.0}])
def test_a_choice_without_meaning_is_refused(wrong):
    with pytest.raises(TrainingError, match="FACD"):
        Options(**wrong)


def test_it_says_that_it_is_a_reconstruction():
    assert all(spec.reconstruction and "from the abstract" in spec.notes for spec in SPECS.values())


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS["facd"].build(setup(edsr(), edsr(width=12))), tmp_path)
