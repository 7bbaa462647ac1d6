"""CSD's contrast is the release's, and its student is a part of the network that is trained."""

import dataclasses
import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.architectures.mdsr import MDSR
from srbench_plugins.distillers import csd
from srbench_plugins.distillers.csd import CSD, contrast, cosine_contrast, draw_others, first_of_batch
from torch.nn import functional as F

from helpers.distilling import (
    PAIRS,
    RECIPE,
    assert_equal_to,
    assert_gradients,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    oracle,
    rcan,
    setup,
    trained,
)
from srbench.distilling.distiller import Batch
from srbench.errors import TrainingError
from srbench.imaging import imresize
from srbench.networks.spec import ArchitectureSpec
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in csd.register_distillers()}


def test_the_contrast_is_the_releases():
    arrays = oracle("csd_contrast_l1")
    positives, anchors, negatives = ([arrays[f"{side}{level}"] for level in range(5)] for side in "tsn")
    for maps in anchors:
        maps.requires_grad_()
    loss = contrast(anchors, positives, negatives, torch.ones(3, 5))
    assert_equal_to(loss.detach(), arrays["loss"])
    assert_gradients(loss, anchors, [arrays[f"grad_s{level}"] for level in range(5)])


def test_the_contrast_of_angles_is_the_releases():
    arrays = oracle("csd_contrast_cos")  # it has no gradients
    positives, anchors, negatives = ([arrays[f"{side}{level}"] for level in range(5)] for side in "tsn")
    loss = cosine_contrast(anchors, positives, negatives, torch.ones(3, 5), across_batch=True)
    assert_equal_to(loss, arrays["loss"])


def test_angles_are_compared_image_by_image_with_the_chosen_negatives():
    generator = torch.Generator().manual_seed(0)
    anchor, positive, negative = (
        torch.randn(3, 2, 4, 4, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(3)
    )
    chosen = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 1]])

    def angle(one, other):
        return (one * other).sum() / (one.norm() * other.norm())

    away = [(angle(anchor[0], negative[1]) + angle(anchor[0], negative[2])) / 2, angle(anchor[1], negative[0]),
            angle(anchor[2], negative[2])]  # fmt: skip
    toward = [angle(anchor[i], positive[i]) for i in range(3)]
    wanted = 0.5 * (sum(away) - sum(toward)) / 3
    found = cosine_contrast([anchor], [positive], [negative], chosen, [0.5])
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)  # 1e-7 stands beside the exponential
    assert all(g.any() for g in torch.autograd.grad(found, (anchor, positive, negative)))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 20), st.integers(1, 12), st.integers(0, 99))
def test_negatives_are_others_and_as_many_as_there_may_be(count, wanted, seed):
    chosen = draw_others(count, wanted, torch.Generator().manual_seed(seed))
    assert not chosen.diagonal().any()
    assert chosen.sum(dim=1).tolist() == [min(wanted, count - 1)] * count
    assert torch.equal(chosen, draw_others(count, wanted, torch.Generator().manual_seed(seed)))


def test_negatives_differ_from_patch_to_patch_where_there_is_a_choice():
    chosen = draw_others(16, 3, torch.Generator().manual_seed(0))
    assert len({tuple(row.tolist()) for row in chosen}) > 8


def test_the_releases_negatives_are_the_first_of_the_batch_for_every_patch():
    assert first_of_batch(4, 3).tolist() == [[1, 1, 1, 0]] * 4
    assert first_of_batch(2, 10).tolist() == [[1, 1]] * 2


def test_only_the_chosen_negatives_count():
    generator = torch.Generator().manual_seed(0)
    anchor, positive, negative = (torch.rand(3, 2, 4, 4, generator=generator) for _ in range(3))
    chosen = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 0]])
    pairs = [(0, 1), (0, 2), (1, 0)]
    away = sum(F.l1_loss(anchor[i], negative[k]) for i, k in pairs) / 3
    wanted = 0.5 * F.l1_loss(anchor, positive) / away
    torch.testing.assert_close(contrast([anchor], [positive], [negative], chosen, [0.5]), wanted)


def test_its_terms_are_those_of_the_two_networks():
    method = CSD(setup(edsr(), edsr(width=12)), own=True, wide_weight=0.5, weight=3.0)
    patches = batch()
    terms = method.losses(patches)
    sr = method.setup.student(patches.lr, 2)  # it has inherited its part already
    wide = method.setup.teacher(patches.lr, 2)
    encoded = [method.encode(image) for image in (sr, wide, imresize(patches.lr, scale=2))]
    wanted = {
        "l1": F.l1_loss(sr, patches.hr),
        "wide_l1": 0.5 * F.l1_loss(wide, patches.hr),
        "contrast": 3 * contrast(*encoded, torch.ones(3, 3)),
    }
    assert terms.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(terms[name], value)


def test_the_contrast_teaches_the_student_and_not_its_teacher():
    method = CSD(setup(edsr(), edsr(width=12)))
    last = method.wide.tail[-1].weight
    (slope,) = torch.autograd.grad(method.losses(batch())["contrast"], last)
    assert slope[:, :8].any()
    assert not slope[:, 8:].any()


@pytest.mark.parametrize("pair", ["wider teacher", "deeper teacher", "RCAN"])
@pytest.mark.parametrize("name", ["csd", "csd_official", "csd_cosine", "csd_cosine_official"])
def test_the_student_ends_as_the_part_of_what_was_trained(name, pair, tmp_path):
    method = SPECS[name].build(setup(*PAIRS[pair]))
    before = [p.detach().clone() for p in method.wide.parameters() if p.requires_grad]
    report, learnt = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "wide_l1", "contrast"}
    assert all(math.isfinite(value) and value != 0 for value in report.terms.values())
    assert all(value > 0 for value in report.terms.values()) or "cosine" in name  # which may be below zero
    after = [p for p in method.wide.parameters() if p.requires_grad]
    # of a deeper one the blocks that are not the student's are the wide network's alone, and learn as well
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    whole = dict(method.wide.named_parameters())
    for own, source in method.sources.items():
        assert torch.equal(learnt[own], whole[source][tuple(slice(n) for n in learnt[own].shape)])


def test_it_trains_a_network_of_several_scales(tmp_path):
    student, teacher = (
        ArchitectureSpec(
            name=f"mdsr_{width}",
            build=partial(MDSR, n_resblocks=2, n_feats=width),
            scales=frozenset({2, 3, 4}),
            multi_scale=True,
            taps=("body.0", "body.1"),
            input_range=255.0,
        )
        for width in (4, 8)
    )
    recipe = RECIPE.model_copy(update={"steps": 16, "batch": 2, "checkpoint_every": 16})
    method = SPECS["csd"].build(dataclasses.replace(setup(student, teacher, recipe=recipe), scales=(2, 3)))
    before = [p.detach().clone() for p in method.wide.upsample.parameters()]
    trained(method, tmp_path)
    moved = [not torch.equal(old, new) for old, new in zip(before, method.wide.upsample.parameters(), strict=True)]
    assert moved == [True] * 4 + [False] * 4  # of the third scale, which is not trained, there are two convolutions


@pytest.mark.parametrize("other", [rcan(), edsr(width=4), edsr(depth=1)], ids=lambda spec: spec.name)
def test_a_teacher_that_does_not_hold_the_student_is_refused(other):
    with pytest.raises(TrainingError, match=f"edsr_8_2 is not a part of {other.name}, which has no weights for"):
        SPECS["csd"].build(setup(edsr(), other))


def test_one_patch_a_step_is_refused():
    method = SPECS["csd"].build(setup(*PAIRS["equal"]))
    one = batch()
    with pytest.raises(TrainingError, match="set the recipe's batch to 2 or more"):
        method.losses(Batch(one.lr[:1], one.hr[:1], 2, 0, 1, one.generator))


def test_it_names_its_encoder():
    assert "untrained network" in SPECS["csd"].build(setup(*PAIRS["equal"])).notes[0]


def test_a_trained_encoder_is_taken_where_its_weights_are_there(shared, monkeypatch):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(shared("weights")))
    method = SPECS["csd_alex"].build(setup(*PAIRS["wider teacher"]))
    assert "AlexNet" in method.notes[0]
    hr = photograph(2, 3, 48, 48)
    terms = method.losses(Batch(F.avg_pool2d(hr, 2), hr, 2, 0, 1, torch.Generator()))
    assert all(term > 0 for term in terms.values())


@pytest.mark.parametrize("name", ["csd", "csd_official", "csd_cosine_official"])
def test_a_stopped_training_ends_with_the_same_bits(name, tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS[name].build(setup(*PAIRS["wider teacher"])), tmp_path)
