"""MCAD-KD's contrast is the release's without the positive, and InfoNCE with it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.distillers.mcad import Projection, cut, info_nce, register_distillers
from torch import Generator
from torch.nn import functional as F

from helpers.distilling import (
    PAIRS,
    assert_equal_to,
    assert_resumes_to_the_same_bits,
    batch,
    edsr,
    oracle,
    setup,
    trained,
)
from srbench.errors import TrainingError
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in register_distillers()}
TERMS = {"l1", "logits", "images", "patches"}


def test_the_contrast_is_the_releases_and_the_usual_one():
    arrays = oracle("mcad_infonce")
    student, teacher = arrays["f_s"], arrays["f_t"]
    assert_equal_to(info_nce(student, teacher, without_positive=True), arrays["loss"])
    assert_equal_to(info_nce(student, teacher), arrays["loss_standard_infonce"])


@given(st.integers(2, 8), st.floats(0.05, 2), st.integers(0, 99))
def test_with_the_positive_it_is_the_cross_entropy_of_finding_it(count, temperature, seed):
    generator = Generator().manual_seed(seed)
    mine, theirs = (F.normalize(torch.randn(count, 5, generator=generator).double(), dim=1) for _ in range(2))
    wanted = F.cross_entropy(mine @ theirs.T / temperature, torch.arange(count))
    assert info_nce(mine, theirs, temperature).item() == pytest.approx(wanted.item(), rel=1e-9)
    assert info_nce(mine, theirs, temperature) > info_nce(mine, theirs, temperature, without_positive=True)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 14)])
def test_patches_are_cut_at_the_same_places_of_both(height, width):
    images = photograph(2, 3, height, width)
    patches = cut(images, 4)
    high, wide = height // 4, width // 4
    assert patches.shape == (32, 3, high, wide)
    assert torch.equal(patches[16 + 4 * 2 + 1], images[1, :, 2 * high : 3 * high, wide : 2 * wide])


def test_projections_have_unit_norm():
    vectors = Projection(3)(photograph(5, 3, 7, 9))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(5))


def test_the_release_applies_its_weights_twice():
    plain, official = (SPECS[name].build(setup(*PAIRS["equal"])) for name in ("mcad", "mcad_official"))
    ours, theirs = plain.losses(batch()), official.losses(batch())
    sr, target = plain.setup.student(batch().lr, 2), plain.setup.teacher(batch().lr, 2)
    assert ours["l1"].item() == pytest.approx(3 * (sr - batch().hr).abs().mean().item())
    assert ours["logits"].item() == pytest.approx(0.5 * (sr - target).abs().mean().item())
    assert theirs["l1"].item() == pytest.approx(3 * ours["l1"].item())
    assert theirs["logits"].item() == pytest.approx(0.5 * ours["logits"].item())


@pytest.mark.parametrize(("name", "pair"), [*(("mcad", pair) for pair in PAIRS), ("mcad_official", "RCAN to EDSR")])
def test_it_trains_students_of_any_width_depth_and_family(name, pair, tmp_path):
    method = SPECS[name].build(setup(*PAIRS[pair]))
    before = [p.detach().clone() for p in method.parameters()]
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == TERMS
    assert all(torch.tensor(value).isfinite() for value in report.terms.values())
    assert all(not torch.equal(old, new) for old, new in zip(before, method.parameters(), strict=True))


def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits(lambda: SPECS["mcad"].build(setup(*PAIRS["wider teacher"])), tmp_path)


def test_without_a_teacher_it_says_what_to_add():
    with pytest.raises(TrainingError, match="needs a teacher"):
        SPECS["mcad"].build(setup(edsr()))
