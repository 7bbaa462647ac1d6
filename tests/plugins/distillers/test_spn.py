"""SPN turns away from the student's own past, seen by a frozen encoder that is the same on every machine."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.distillers import spn

from helpers.distilling import (
    PAIRS,
    assert_equal_to,
    assert_gradients,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    oracle,
    rcan,
    trained,
)
from helpers.distilling import setup as setup_of
from srbench.distilling.distiller import Batch
from srbench.distilling.encoders import LEVEL_WEIGHTS
from srbench.errors import UnavailableError

CPU = torch.device("cpu")
SPECS = {spec.name: spec for spec in spn.register_distillers()}


def test_the_contrast_is_the_one_of_dckds_release():
    arrays = oracle("dckd_contras")
    anchors, positives, negatives = ([arrays[f"{side}{n}"] for n in range(5)] for side in ("anc", "pos", "neg"))
    for anchor in anchors:
        anchor.requires_grad_()
    loss = 0.1 * spn.contrast(anchors, positives, negatives)
    assert_equal_to(loss.detach(), arrays["loss"])
    assert_gradients(loss, anchors, [arrays[f"grad_anc{n}"] for n in range(5)])


def test_a_level_whose_negatives_are_nearer_than_the_target_is_left_alone():
    anchors = [torch.zeros(1, 1, 2, 2, requires_grad=True) for _ in range(2)]
    near, far = torch.full((1, 1, 2, 2), 0.5), torch.full((1, 1, 1, 2, 2), 0.25)
    loss = spn.contrast(anchors, [near, near], [far, 8 * far], (1.0, 10.0), cap=1.0)
    loss.backward()
    assert loss.item() == pytest.approx(1 + 10 / 4)
    assert not anchors[0].grad.any()
    assert anchors[1].grad.any()


@given(st.integers(1, 6), st.floats(0.01, 3), st.floats(0.01, 3), st.floats(1e-3, 0.5))
def test_under_the_cap_moving_away_from_history_and_target_never_pays(count, target, past, step):
    """Without it, it does as soon as the target is further than the past is on average."""

    def ratio(leaving, **options):
        anchor = torch.full((1, 1, 1, 1), leaving, dtype=torch.float64)
        negatives = torch.full((count, 1, 1, 1, 1), -past, dtype=torch.float64)
        return spn.contrast([anchor], [torch.full_like(anchor, -target)], [negatives], (1.0,), **options).item()

    assert ratio(step, cap=spn.RATIO_CAP) >= ratio(0.0, cap=spn.RATIO_CAP) - 1e-6
    if target > 1.01 * past:
        assert ratio(step) < ratio(0.0)


def test_without_the_weights_it_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UnavailableError, match="srbench fetch lpips"):
        SPECS["spn_vgg"].build(setup_of(edsr()))


def test_noise_is_as_strong_as_said_and_half_of_it_has_no_colour():
    lr = torch.full((2000, 3, 4, 4), 0.5)
    noise = spn.noisy(lr, torch.Generator().manual_seed(0)) - 0.5
    grey = (noise[:, :1] - noise).abs().amax(dim=(1, 2, 3)) < 1e-7
    assert grey.float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert 255 * noise.square().mean().sqrt().item() == pytest.approx(((30**3 - 1) / 3 / 29) ** 0.5, rel=0.05)
    assert noise.mean().abs() < 1e-3


def at(step, steps):
    patches = batch()
    return Batch(patches.lr, patches.hr, 2, step, steps, torch.Generator())


def test_the_past_moves_on_ever_more_rarely_and_nearly_all_the_way():
    given = setup_of(edsr())
    history = spn.History(given.student, period=1 / 250)
    weight = given.student.module.head[0].weight
    moves = []
    for step in range(1000):
        before = history.module.head[0].weight.clone()
        with torch.no_grad():
            weight += 1
        history.follow(given.student.module, at(step, 1000))
        after = history.module.head[0].weight
        if not torch.equal(before, after):
            moves.append(step + 1)
            torch.testing.assert_close(after, 0.1 * before + 0.9 * weight)
    assert moves == [*range(4, 401, 4), *range(408, 801, 8), *range(804, 1001, 12)]


@pytest.mark.parametrize("count", [0, 4])
def test_its_term_is_the_ratio_of_the_distances_to_the_truth_and_to_the_past(count):
    given = setup_of(edsr())
    method = spn.SPN(given, noisy=count, cap=100.0)
    patches = batch()
    with torch.no_grad():
        for parameter in method.history.module.parameters():
            parameter.mul_(0.5)
        terms = method.losses(patches)
        again = batch().generator
        sr = given.student(patches.lr, 2)
        inputs = [*(spn.noisy(patches.lr, again) for _ in range(count)), patches.lr]
        past = [method.encode(method.history(lr, 2)) for lr in inputs]
    wanted = sum(
        weight * (a - p).abs().mean() / sum((a - n).abs().mean() for n in negatives)
        for weight, a, p, *negatives in zip(
            LEVEL_WEIGHTS, method.encode(sr), method.encode(patches.hr), *past, strict=True
        )
    )
    assert terms["contrast"].item() == pytest.approx(0.1 * wanted.item(), rel=1e-4)


@pytest.mark.parametrize("student", [edsr(), rcan()])
def test_it_trains_without_a_teacher_and_names_its_encoder(student, tmp_path):
    report, _ = trained(SPECS["spn"].build(setup_of(student)), tmp_path)
    assert set(report.terms) == {"l1", "contrast"}
    assert all(torch.tensor(value).isfinite() for value in report.terms.values())
    assert "The encoder is an untrained network of five convolutions." in report.notes


def test_a_stopped_training_ends_with_the_same_bits_its_past_included(tmp_path):
    make = partial(spn.SPN, keep=0.5, period=0.2)
    assert_resumes_to_the_same_bits(lambda: make(setup_of(PAIRS["equal"][0])), tmp_path)
