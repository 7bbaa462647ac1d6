"""Ghost networks learn while the noise on their shifts fades, from scratch or from a trained network's filters."""

import pytest
import torch
from srbench_plugins.distillers import ghost
from torch import nn

from srbench.catalog.catalog import load_catalog
from srbench.distilling.distiller import Batch, Setup
from srbench.errors import TrainingError
from srbench.networks.network import Network
from srbench.recipe import Recipe
from srbench.testing import photograph


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


def setup_of(shelf, student, *teachers):
    return Setup(
        student=Network(shelf[student], shelf[student].network(2)),
        teachers=tuple(Network(shelf[name], shelf[name].network(2)) for name in teachers),
        scales=(2,),
        recipe=Recipe(name="test", datasets=("none",), steps=6000),
        losses={"l1": nn.functional.l1_loss},
        device=torch.device("cpu"),
        build=lambda name: Network(shelf[name], shelf[name].network(2)),
    )


@pytest.mark.parametrize(
    ("step", "steps", "noise"),
    [(0, 6000, 1.0), (1, 6000, 0.97), (49, 300_000, 1.0), (50, 300_000, 0.97), (100, 300_000, 0.97**2)],
)
def test_the_noise_fades_by_the_epochs_of_the_release(step, steps, noise, shelf):
    distiller = ghost.Ghost(setup_of(shelf, "ghost:edsr_small"))
    hr = photograph(1, 3, 16, 16)
    batch = Batch(lr=hr[..., ::2, ::2], hr=hr, wanted=2, step=step, steps=steps, generator=torch.Generator())
    assert distiller.losses(batch)["l1"].isfinite()
    assert all(shift.noise.item() == pytest.approx(noise) for shift in distiller.shifts)


def test_a_network_without_shifts_is_not_trained_as_a_ghost(shelf):
    with pytest.raises(TrainingError, match="train ghost:edsr_small instead"):
        ghost.Ghost(setup_of(shelf, "edsr_small"))


def test_filters_that_come_in_clusters_are_each_found_once():
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(4, 3, 3, 3, generator=generator) * 5
    filters = centres.repeat(3, 1, 1, 1) + 0.01 * torch.randn(12, 3, 3, 3, generator=generator)
    chosen = ghost.intrinsic_filters(filters, 4)
    assert sorted(i % 4 for i in chosen) == [0, 1, 2, 3]
    assert all(i >= 4 or chosen[i] == i for i in chosen)
    assert chosen == ghost.intrinsic_filters(filters, 4)


def test_equal_filters_leave_clusters_empty_and_still_give_as_many_as_asked():
    chosen = ghost.intrinsic_filters(torch.ones(6, 2, 3, 3), 4)
    assert len(set(chosen)) == 4


def test_a_clustered_start_takes_over_all_but_the_shifts(shelf):
    setup = setup_of(shelf, "ghost:edsr_small", "edsr_small")
    ghost.GhostClustered(setup)
    ours, theirs = setup.student.module, setup.teacher.module
    assert torch.equal(ours.head[0].weight, theirs.head[0].weight)
    primary, layer = ours.body[0].body[0].primary_conv, theirs.body[0].body[0]
    originals = {tuple(f.flatten().tolist()) for f in layer.weight.detach()}
    kept = {tuple(f.flatten().tolist()) for f in primary.weight.detach()}
    assert len(kept) == 8
    assert kept <= originals


def test_a_teacher_of_another_form_has_no_filters_to_give(shelf):
    with pytest.raises(TrainingError, match="choose the network that the student was made from"):
        ghost.GhostClustered(setup_of(shelf, "ghost:edsr_small", "espcn"))
