"""FAKD's relations are the release's, in value and gradient, between networks of any kind."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.distillers import fakd
from torch import Generator, nn

from helpers.distilling import (
    PAIRS,
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
from srbench.distilling.distiller import Batch, sum_of
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec

SPECS = {spec.name: spec for spec in fakd.register_distillers()}
RELATIONS = {
    "fakd_sa": fakd.spatial_affinity,
    "fakd_sa_diffwidth": fakd.spatial_affinity,
    "fakd_psa": fakd.pooled_spatial_affinity,
    "fakd_ca": fakd.channel_affinity,
    "fakd_ia": fakd.image_affinity,
    "fakd_fsp": fakd.solution_flow,
    "fakd_at": fakd.attention_maps,
    "fakd_fitnet": fakd.plain_features,
}


def sides(arrays):
    student, teacher = ([arrays[f"{side}{tap}"] for tap in range(3)] for side in "st")
    for features in student:
        features.requires_grad_()
    return student, teacher


@pytest.mark.parametrize("name", RELATIONS)
def test_a_relation_is_the_releases(name):
    arrays = oracle(name)
    student, teacher = sides(arrays)
    loss = RELATIONS[name](list(zip(student, teacher, strict=True)))
    assert_equal_to(loss.detach(), arrays["loss"])
    if "grad_s0" in arrays:
        assert_gradients(loss, student, [arrays[f"grad_s{tap}"] for tap in range(3)])
    else:
        assert all(gradient.any() for gradient in torch.autograd.grad(loss, student))


def test_its_terms_are_the_releases_for_images_in_0_to_255():
    arrays = oracle("fakd_total")
    student, teacher = sides(arrays)
    sr = (arrays["student_sr"] / 255).requires_grad_()
    method = SPECS["fakd"].build(setup(edsr(depth=3), edsr(depth=3)))
    method.features.of_student = lambda lr, scale: (sr, student)
    method.features.of_teacher = lambda lr, scale: (arrays["teacher_sr"] / 255, teacher)
    terms = method.losses(Batch(arrays["hr"][..., ::2, ::2], arrays["hr"] / 255, 2, 0, 1, Generator()))
    assert_equal_to(255 * terms["l1"].detach(), arrays["loss_ds"])
    assert_equal_to(255 * terms["logits"].detach(), arrays["loss_ts"])
    assert_equal_to(255 * terms["relation"].detach(), arrays["loss_feature"])
    assert_equal_to(255 * sum_of(terms).detach(), arrays["loss"])
    assert_gradients(255 * sum_of(terms), [sr], [255 * arrays["grad_sr"]])


@given(st.floats(0.1, 10), st.integers(0, 99))
def test_affinities_do_not_depend_on_how_strong_features_are(factor, seed):
    generator = torch.Generator().manual_seed(seed)
    mine, theirs = (torch.rand(3, 4, 4, 4, dtype=torch.float64, generator=generator) + 0.1 for _ in range(2))
    for relation in (fakd.spatial_affinity, fakd.channel_affinity, fakd.image_affinity):
        assert relation([(factor * mine, theirs)]).item() == pytest.approx(relation([(mine, theirs)]).item(), rel=1e-5)
        assert relation([(factor * mine, mine)]).item() == pytest.approx(0, abs=1e-6)


def test_flow_needs_two_taps():
    with pytest.raises(TrainingError, match="compares each tap with the next, and got only one"):
        fakd.solution_flow([(torch.rand(1, 2, 3, 3), torch.rand(1, 2, 3, 3))])


def test_the_releases_last_tap_is_what_follows_the_long_skip():
    official = SPECS["fakd_official"].build(setup(edsr(), rcan()))
    plain = SPECS["fakd"].build(setup(edsr(), rcan()))
    assert official.features.pairs == (*plain.features.pairs[:-1], ("tail:input", "tail:input"))
    patches = batch()
    module = official.setup.student.module
    _, (*_, last) = official.features.of_student(patches.lr, 2)
    shallow = module.head(module.sub_mean(255 * patches.lr))
    torch.testing.assert_close(255 * last, module.body(shallow) + shallow)


def test_the_release_without_that_tap_is_refused_in_a_sentence():
    spec = edsr()
    untailed = ArchitectureSpec(
        name="untailed",
        build=lambda scale: nn.Sequential(*spec.build(scale).children()),
        scales=spec.scales,
        taps=("3",),
    )
    with pytest.raises(TrainingError, match=r"Sequential has no module at 'tail' to tap"):
        SPECS["fakd_official"].build(setup(untailed, rcan()))


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        *((name, pair) for name in ("fakd", "fakd_fitnet") for pair in PAIRS),
        *((name, "RCAN to EDSR") for name in SPECS),
    ],
)
def test_it_trains_students_of_any_width_depth_and_family(name, pair, tmp_path):
    method = SPECS[name].build(setup(*PAIRS[pair]))
    before = [p.detach().clone() for p in method.parameters()]
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "logits", "relation"}
    assert all(torch.tensor(value).isfinite() and value > 0 for value in report.terms.values())
    widths = [(mine.shape[1], theirs.shape[1]) for mine, theirs in taps_of(method)]
    adapted = SPECS[name].build.keywords.get("adapt") if name != "fakd" else False
    assert len(before) == (2 * sum(mine != theirs for mine, theirs in widths) if adapted else 0)
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def taps_of(method):
    patches = batch()
    return list(
        zip(*(run(patches.lr, 2)[1] for run in (method.features.of_student, method.features.of_teacher)), strict=True)
    )


@pytest.mark.parametrize("name", ["fakd", "fakd_ca"])
def test_a_stopped_training_ends_with_the_same_bits(name, tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS[name].build(setup(*PAIRS["wider teacher"])), tmp_path)
