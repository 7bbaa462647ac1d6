"""MTKD puts its teachers together first; its wavelet loss is the release's with the slip and without."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.distillers.mtkd import (
    MTKD,
    Aggregator,
    FrequencyBlock,
    bands,
    cosines,
    register_distillers,
    wavelet_distance,
)
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
from srbench.errors import TrainingError
from srbench.testing import photograph

SPECS = {spec.name: spec for spec in register_distillers()}
LONGER = RECIPE.model_copy(update={"steps": 8, "batch": 4})


@pytest.mark.parametrize("levels", [1, 4])
def test_the_wavelet_loss_is_the_releases_with_its_slip_and_corrected(levels):
    arrays = oracle("mtkd_dwt")
    sr, hr = arrays["pred"].double().requires_grad_(), arrays["target"].double()
    official = wavelet_distance(sr, hr, levels=levels, low_of_one=True)
    assert_equal_to(official.detach().float(), arrays[f"loss_J{levels}"])
    assert_gradients(official, [sr], [arrays[f"grad_J{levels}"].double()])
    corrected = wavelet_distance(sr, hr, levels=levels)
    assert_equal_to(corrected.detach().float(), arrays[f"corrected_J{levels}"])


def test_the_bands_are_the_releases_but_for_order_and_sign():
    arrays = oracle("mtkd_dwt")
    image = arrays["pred"][:1].double()
    low, high = bands(image)
    across, down, both = high.unflatten(1, (3, -1)).unbind(1)
    assert_equal_to(low.float(), arrays["low_J1"])
    assert_equal_to(torch.stack((-down, -across, both), dim=2).float(), arrays["high_J1"])


@given(st.integers(1, 9), st.integers(1, 9))
def test_the_bands_keep_the_energy_of_images_of_any_size(height, width):
    image = photograph(1, 3, height, width)
    low, high = bands(image)
    assert (low.square().sum() + high.square().sum()).item() == pytest.approx(image.square().sum().item(), rel=1e-5)


def test_the_slip_needs_as_many_images_as_levels():
    with pytest.raises(TrainingError, match="compares image 4 of the batch, and there are only 3"):
        wavelet_distance(photograph(3, 3, 8, 8), photograph(3, 3, 8, 8), levels=4, low_of_one=True)


def test_the_cosines_are_orthonormal_and_the_first_is_flat():
    basis = cosines(8).double()
    torch.testing.assert_close(basis @ basis.T, torch.eye(8, dtype=torch.float64), rtol=0, atol=1e-6)
    assert basis[0].std() < 1e-7


@pytest.mark.parametrize("shift", [0, 4])
def test_a_block_whose_branches_are_silent_gives_back_what_it_takes(shift):
    block = FrequencyBlock(4, shift=shift)
    for silent in (block.attended, block.perceptron[2]):
        torch.nn.init.zeros_(silent.weight)
        torch.nn.init.zeros_(silent.bias)
    maps = torch.rand(2, 4, 16, 24)
    torch.testing.assert_close(block(maps), maps)


def test_an_aggregate_starts_as_the_mean_of_the_teachers_at_any_size():
    images = [photograph(2, 3, 13, 18, seed=seed) for seed in range(3)]
    torch.testing.assert_close(Aggregator(3, 3)(images), torch.stack(images).mean(dim=0))


def test_first_the_aggregator_learns_alone_and_then_the_student(tmp_path):
    method = SPECS["mtkd"].build(setup(edsr(), edsr(width=12), rcan(), recipe=LONGER))
    aggregate, imitate = method.phases()
    student, aggregator = (
        [p.detach().clone() for p in module.parameters()] for module in (method.setup.student.module, method.aggregator)
    )
    aggregate.begin()
    assert set(method.losses(batch())) == {"aggregate"}
    imitate.begin()
    assert set(method.losses(batch())) == {"l1", "imitation"}
    assert (aggregate.share, imitate.share) == (0.25, 0.75)
    report, _ = trained(method, tmp_path)
    assert set(report.terms) == {"l1", "imitation"}
    for before, module in ((student, method.setup.student.module), (aggregator, method.aggregator)):
        assert any(not torch.equal(old, new) for old, new in zip(before, module.parameters(), strict=True))


def test_the_aggregate_comes_closer_to_the_truth_than_the_mean_of_its_teachers(tmp_path):
    longer = RECIPE.model_copy(update={"steps": 40, "checkpoint_every": 40})
    method = MTKD(setup(edsr(), edsr(width=12), rcan(), recipe=longer), share=0.9)
    patches = batch(seed=5)
    images = [teacher(patches.lr, 2) for teacher in method.setup.teachers]
    before = F.l1_loss(method.aggregator(images), patches.hr).item()
    trained(method, tmp_path)
    assert F.l1_loss(method.aggregator(images), patches.hr).item() < 0.97 * before


def test_it_measures_as_its_name_says():
    lr, hr = batch().lr, batch().hr
    for name, aggregation, imitation in (
        ("mtkd", wavelet_distance, F.l1_loss),
        ("mtkd_wavelet", wavelet_distance, wavelet_distance),
        ("mtkd_l1", F.l1_loss, F.l1_loss),
    ):
        method = SPECS[name].build(setup(*PAIRS["wider teacher"]))
        method.aggregated.fill_(value=False)
        image = method.setup.teacher(lr, 2)
        assert method.losses(batch())["aggregate"].item() == pytest.approx(aggregation(image, hr).item(), rel=1e-5)
        method.aggregated.fill_(value=True)
        terms = method.losses(batch())
        sr = method.setup.student(lr, 2)
        assert terms["imitation"].item() == pytest.approx(imitation(sr, image).item(), rel=1e-5)
        assert terms["l1"].item() == pytest.approx(0.1 * F.l1_loss(sr, hr).item(), rel=1e-5)


@pytest.mark.parametrize("name", SPECS)
def test_it_trains_with_teachers_of_any_family(name, tmp_path):
    method = SPECS[name].build(setup(*PAIRS["RCAN to EDSR"], edsr(width=12), recipe=LONGER))
    report, _ = trained(method, tmp_path)
    assert all(value > 0 for value in report.terms.values())


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])  # the second of five steps is in phase two, ends one, is in one
def test_a_training_stopped_in_either_phase_ends_with_the_same_bits(share, tmp_path):
    assert_resumes_to_the_same_bits(lambda: MTKD(setup(edsr(), edsr(width=12), rcan()), share=share), tmp_path)


def test_without_a_teacher_it_says_what_to_add():
    with pytest.raises(TrainingError, match="needs a teacher"):
        SPECS["mtkd"].build(setup(edsr()))
