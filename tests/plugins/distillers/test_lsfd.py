"""LSFD selects the pixels where student and teacher differ, and compares what is local there."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from srbench_plugins.distillers import lsfd
from srbench_plugins.distillers.lsfd import LSFD, Options, highpass, raw, residual, selective_attention
from srbench_plugins.distillers.lsfd import selective_distance as distance_under
from torch import nn

from helpers.distilling import (
    PAIRS,
    RECIPE,
    assert_equal_to,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    rcan,
    setup,
    trained,
)
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec

SPECS = {spec.name: spec for spec in lsfd.register_distillers()}


def test_attention_is_the_softmax_of_the_difference_times_the_pixels():
    difference = torch.tensor([[[0.0, 1.0], [3.0, 0.0]]], dtype=torch.float64)
    powers = [math.exp(d / 2) for d in (0, 1, 3, 0)]
    wanted = torch.tensor(powers, dtype=torch.float64).reshape(1, 2, 2) * 4 / sum(powers)
    assert_equal_to(selective_attention(difference, 2.0, relative=False), wanted)
    assert_equal_to(selective_attention(difference, 2.0), wanted)  # their mean is 1
    assert_equal_to(distance_under(difference, wanted), (difference * wanted).mean())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.floats(0.1, 10), st.floats(0.01, 100))
def test_attention_is_of_mean_one_grows_with_the_difference_and_has_no_unit(seed, temperature, factor):
    difference = torch.rand(
        2, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    ).requires_grad_()
    attention = selective_attention(difference, temperature)
    assert attention.mean(dim=(1, 2)).tolist() == pytest.approx([1, 1])
    order = difference.flatten(1).argsort(dim=1)
    assert (attention.flatten(1).gather(1, order).diff(dim=1) >= 0).all()
    assert_equal_to(selective_attention(factor * difference, temperature), attention)
    assert not attention.requires_grad
    assert distance_under(difference, attention) >= difference.mean() * (1 - 1e-12)


def test_without_a_difference_all_pixels_weigh_the_same():
    assert torch.equal(selective_attention(torch.zeros(2, 3, 4)), torch.ones(2, 3, 4))
    assert_equal_to(selective_attention(torch.rand(2, 3, 4), math.inf), torch.ones(2, 3, 4))


def test_only_pixels_far_more_different_than_others_count_at_a_low_temperature():
    difference = torch.zeros(1, 4, 4)
    difference[0, 1, 2] = 1.0
    attention = selective_attention(difference, 0.1)
    assert attention[0, 1, 2].item() == pytest.approx(16)


def test_residuals_are_what_each_part_added():
    features = [torch.rand(2, 3, 4, 4) for _ in range(3)]
    parts = residual(features)
    assert_equal_to(sum(parts), features[-1])
    assert_equal_to(parts[1], features[1] - features[0])


def test_residuals_of_features_of_different_shapes_are_refused():
    with pytest.raises(TrainingError, match=r"have different shapes \(1, 3, 4, 4\), \(1, 2, 4, 4\); choose pairs"):
        residual([torch.rand(1, 3, 4, 4), torch.rand(1, 2, 4, 4)])


def test_the_high_pass_removes_slopes_and_keeps_edges():
    ramp = torch.arange(36.0).reshape(1, 1, 6, 6)
    (flat,) = highpass([ramp])
    assert_equal_to(flat[..., 1:-1, 1:-1] + 1, torch.ones(1, 1, 4, 4))
    (edge,) = highpass([(ramp % 6 > 2).float()])
    assert edge[0, 0, 2].tolist() == pytest.approx([0, 0, -1 / 3, 1 / 3, 0, 0], abs=1e-6)
    assert torch.equal(raw([ramp])[0], ramp)


def plain_loss(method, patches):
    """The formula once more, pixel after pixel."""
    chosen = method.options
    sr, learnt = method.features.of_student(patches.lr, 2)
    target, known = method.features.of_teacher(patches.lr, 2)
    total = 0.0
    for tap, adapt in enumerate(method.features.adapters):
        mine, theirs = learnt[tap], known[tap]
        if tap:
            mine, theirs = mine - learnt[tap - 1], theirs - known[tap - 1]
        mine = adapt(mine)
        for image in range(len(mine)):
            per_pixel = [
                (mine[image, :, y, x] - theirs[image, :, y, x]).abs().mean().item()
                for y in range(mine.shape[2])
                for x in range(mine.shape[3])
            ]
            source = per_pixel
            if chosen.attention == "output":
                gap = (sr - target)[image].abs().mean(0)
                source = [gap[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean().item() for y in range(8) for x in range(8)]
            powers = [math.exp(d / (chosen.temperature * sum(source) / len(source))) for d in source]
            total += sum(p * d for p, d in zip(powers, per_pixel, strict=True)) / sum(powers) / len(mine)
    return total, (sr - target).abs().mean().item()


@pytest.mark.parametrize("attention", ["features", "output"])
def test_the_terms_are_the_formula(attention):
    options = Options(attention=attention, temperature=0.7, feature_weight=2.0, output_weight=0.5)
    method = LSFD(setup(*PAIRS["RCAN to EDSR"]), options=options)
    terms = method.losses(batch())
    local, logits = plain_loss(method, batch())
    assert terms["local"].item() == pytest.approx(2 * local, rel=1e-4)
    assert terms["logits"].item() == pytest.approx(0.5 * logits, rel=1e-5)


@pytest.mark.parametrize("name", SPECS)
def test_a_student_with_the_teachers_weights_has_nothing_to_follow(name):
    given = setup(*PAIRS["equal"])
    given.student.module.load_state_dict(given.teacher.module.state_dict())
    given.student.module.eval()
    terms = SPECS[name].build(given).losses(batch())
    assert terms["local"].item() == pytest.approx(0, abs=1e-7)
    assert terms["logits"].item() == pytest.approx(0, abs=1e-7)
    assert terms["l1"] > 0


def test_the_local_features_alone_come_closer(tmp_path):
    recipe = RECIPE.model_copy(update={"steps": 20, "checkpoint_every": 20, "learning_rate": 3e-3})
    method = LSFD(setup(*PAIRS["RCAN to EDSR"], recipe=recipe), options=Options(feature_weight=1000.0))
    before = method.losses(batch())["local"].item()
    trained(method, tmp_path)
    assert method.losses(batch())["local"].item() < 0.8 * before


@pytest.mark.parametrize(
    ("build", "pair"),
    [
        *((SPECS["lsfd"].build, pair) for pair in PAIRS),
        (SPECS["lsfd_highpass"].build, "RCAN to EDSR"),
        (partial(LSFD, options=Options(attention="output", relative=False, temperature=0.01)), "RCAN to EDSR"),
        (partial(LSFD, options=Options(local="raw")), "RCAN to EDSR"),
    ],
)
def test_it_trains_students_of_any_width_depth_and_family(build, pair, tmp_path):
    method = build(setup(*PAIRS[pair]))
    before = [p.detach().clone() for p in method.parameters()]
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "logits", "local"}
    assert all(math.isfinite(value) and value > 0 for value in report.terms.values())
    assert len(before) == 2 * sum(own != wanted for own, wanted in method.features.widths)
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def test_networks_of_different_features_get_advice_what_to_choose():
    funnel = ArchitectureSpec(
        name="funnel",
        build=lambda scale: nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 12, 1), nn.PixelShuffle(2)),
        scales=frozenset({2}),
        taps=("0", "1"),
    )
    with pytest.raises(TrainingError, match="or lsfd_highpass"):
        SPECS["lsfd"].build(setup(funnel, rcan())).losses(batch())
    assert SPECS["lsfd_highpass"].build(setup(funnel, rcan())).losses(batch())["local"] > 0


@pytest.mark.parametrize(
    "wrong", [{"local": "global"}, {"attention": "teacher"}, {"window": 4}, {"window": 1}, {"temperature": 0.0}]
)
def test_a_choice_without_meaning_is_refused(wrong):
    with pytest.raises(TrainingError, match="LSFD"):
        Options(**wrong)


def test_it_says_that_it_is_a_reconstruction():
    assert all(spec.reconstruction and "from the abstract" in spec.notes for spec in SPECS.values())


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS["lsfd"].build(setup(edsr(), edsr(width=12))), tmp_path)
