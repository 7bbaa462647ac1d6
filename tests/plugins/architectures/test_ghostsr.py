"""GhostSR equals the official network, and any convolutional network has a ghost version that learns."""

import pytest
import torch
from network_oracles import difference, gmacs
from srbench_plugins.architectures import ghostsr
from torch import nn

from srbench.catalog import load_catalog
from srbench.distilling import Batch, Setup
from srbench.errors import SrbenchError, TrainingError
from srbench.networks import Network
from srbench.profiling.complexity import count_parameters
from srbench.recipes import Recipe
from srbench.testing import check_architecture, photograph

NOISE = 20  # the reference ran in another framework


@pytest.fixture(scope="module")
def shelf():
    return load_catalog(strict=True).architectures


def replaced(spec, scale=2):
    return [k for k, m in spec.network(scale).named_modules() if isinstance(m, ghostsr.GhostModule)]


@pytest.mark.parametrize("scale", [2, 4])
def test_a_tiny_one_equals_the_official_network(scale):
    assert difference(ghostsr.GhostEDSR(scale, n_resblocks=2, n_feats=8), f"ghostsr_edsr_tiny_x{scale}") < NOISE


@pytest.mark.parametrize("scale", [2, 4])
def test_the_small_one_equals_the_official_network(scale, shared, shelf):
    network = shelf["ghostsr_edsr_b16f64"].network(scale)
    assert difference(network, f"ghostsr_edsr_b16f64_x{scale}", shared("oracles/networks")) < NOISE


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 4])
def test_the_large_one_equals_the_official_network(scale, shared, shelf):
    network = shelf["ghostsr_edsr"].network(scale)
    assert difference(network, f"ghostsr_edsr_x{scale}", shared("oracles/networks")) < NOISE


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [
        ("ghostsr_edsr", 2, 21_847_619, 5036.1),
        ("ghostsr_edsr", 3, 24_798_019, 2539.8),
        ("ghostsr_edsr", 4, 24_207_939, 1807.4),
        ("ghostsr_edsr_b16f64", 2, 779_299, 180.4),
        ("ghostsr_edsr_b16f64", 3, 963_939, 99.8),
        ("ghostsr_edsr_b16f64", 4, 927_011, 80.3),
    ],
)
def test_its_parameters_and_operations_are_the_published_ones(name, scale, parameters, macs, shelf):
    with torch.device("meta"):
        assert count_parameters(shelf[name].network(scale)) == parameters
    assert round(gmacs(shelf[name], scale), 1) == macs


@pytest.mark.parametrize("direction", range(9))
def test_every_way_to_shift_gives_what_a_one_hot_kernel_gives(direction):
    shift = ghostsr.Shift().eval()
    with torch.no_grad():
        shift.weight.zero_().view(-1)[direction] = -1.0
    x = photograph(2, 3, 5, 7)
    kernel = torch.zeros(3, 1, 9)
    kernel[..., direction] = 1
    wanted = nn.functional.conv2d(x, kernel.view(3, 1, 3, 3), padding=1, groups=3)
    assert torch.equal(shift(x), wanted)
    assert torch.equal(shift._convolved(x, shift._one_hot(shift.weight)), wanted)


def test_a_training_shift_moves_by_whole_pixels_and_its_weight_feels_the_loss():
    shift, x = ghostsr.Shift().train(), photograph(1, 2, 6, 6).requires_grad_()
    torch.manual_seed(0)
    moved = shift(x)
    with torch.no_grad():
        ways = [ghostsr._moved(x, row, column) for row in range(3) for column in range(3)]
    assert sum(torch.equal(moved, way) for way in ways) == 1
    moved.sum().backward()
    by_hand = [way.sum() for way in ways]  # the gradient of each tap of a kernel
    assert torch.allclose(shift.weight.grad.flatten(), torch.stack(by_hand), rtol=1e-5)


def test_without_noise_training_and_measuring_shift_alike():
    shift, x = ghostsr.Shift(), photograph(1, 2, 6, 6)
    shift.noise.zero_()
    assert torch.equal(shift.train()(x), shift.eval()(x))


@pytest.mark.parametrize(("ratio", "computed"), [(0.5, 6), (0.3, 4), (0.75, 9), (1.0, 12), (0.05, 1)])
def test_ghosts_are_taken_in_turns_whatever_the_ratio(ratio, computed):
    module = ghostsr.GhostModule(nn.Conv2d(5, 12, 3, padding=1), ratio).eval()
    with torch.no_grad():
        out = module(photograph(1, 3, 6, 5).repeat(1, 2, 1, 1)[:, :5])
        shifted = module.cheap_conv(out[:, :computed])
    assert module.primary_conv.out_channels == computed
    assert out.shape == (1, 12, 6, 5)
    for ghost in range(12 - computed):
        assert torch.equal(out[:, computed + ghost], shifted[:, ghost % computed])


def test_the_ghost_of_edsr_is_the_network_of_the_paper(shelf):
    """The rule for any network finds in EDSR just what the release replaces there."""
    ours, official = shelf["ghost:edsr_baseline"].network(2), shelf["ghostsr_edsr_b16f64"].network(2)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in official.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("imdn", 24, "IMDB1.c1", "IMDB6.c4"),
        ("carn", 18, "b1.b1.body.0", "b3.b3.body.2"),
        ("pan", 48, "SCPA_trunk.0.k1.0", "SCPA_trunk.15.PAConv.k4"),
        ("a2n", 64, "AAB_trunk.0.attention.k1", "AAB_trunk.15.non_attention"),
        ("rlfn", 18, "block_1.c1_r", "block_6.c3_r"),
        ("mdsr_baseline", 44, "pre_process.0.0.body.0", "body.15.body.2"),
        ("vdsr", 18, "body.2", "body.36"),
        ("ncnet", 5, "body.2", "body.10"),
        ("espcn", 1, "features.2", "features.2"),
    ],
)
def test_the_body_is_replaced_and_the_rest_kept(name, count, first, last, shelf):
    found = replaced(shelf[f"ghost:{name}"])
    assert (len(found), found[0], found[-1]) == (count, first, last)


@pytest.mark.parametrize("name", ["edsr_small", "vdsr"])
def test_a_ghost_network_keeps_the_contract(name, shelf):
    check_architecture(shelf[f"ghost:{name}"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ghost:bicubic", "nothing to train"),
        ("ghost:bsrn", "no convolution that could be replaced"),
        ("ghost:ghostsr_edsr_b16f64", "a ghost network already"),
        ("ghost:edrs_small", "edsr_small"),
    ],
)
def test_what_has_no_ghost_is_refused_in_a_sentence(name, reason, shelf):
    with pytest.raises(SrbenchError, match=reason):
        shelf[name].network(2)


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
    distiller = ghostsr.Ghost(setup_of(shelf, "ghost:edsr_small"))
    hr = photograph(1, 3, 16, 16)
    batch = Batch(lr=hr[..., ::2, ::2], hr=hr, scale=2, step=step, steps=steps, generator=torch.Generator())
    assert distiller.losses(batch)["l1"].isfinite()
    assert all(shift.noise.item() == pytest.approx(noise) for shift in distiller.shifts)


def test_a_network_without_shifts_is_not_trained_as_a_ghost(shelf):
    with pytest.raises(TrainingError, match="train ghost:edsr_small this way"):
        ghostsr.Ghost(setup_of(shelf, "edsr_small"))


def test_filters_that_come_in_clusters_are_each_found_once():
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(4, 3, 3, 3, generator=generator) * 5
    filters = centres.repeat(3, 1, 1, 1) + 0.01 * torch.randn(12, 3, 3, 3, generator=generator)
    chosen = ghostsr.intrinsic_filters(filters, 4)
    assert sorted(i % 4 for i in chosen) == [0, 1, 2, 3]
    assert all(i >= 4 or chosen[i] == i for i in chosen)
    assert chosen == ghostsr.intrinsic_filters(filters, 4)


def test_equal_filters_leave_clusters_empty_and_still_give_as_many_as_asked():
    chosen = ghostsr.intrinsic_filters(torch.ones(6, 2, 3, 3), 4)
    assert len(set(chosen)) == 4


def test_a_clustered_start_takes_over_all_but_the_shifts(shelf):
    setup = setup_of(shelf, "ghost:edsr_small", "edsr_small")
    ghostsr.GhostClustered(setup)
    ours, theirs = setup.student.module, setup.teacher.module
    assert torch.equal(ours.head[0].weight, theirs.head[0].weight)
    primary, layer = ours.body[0].body[0].primary_conv, theirs.body[0].body[0]
    originals = {tuple(f.flatten().tolist()) for f in layer.weight.detach()}
    kept = {tuple(f.flatten().tolist()) for f in primary.weight.detach()}
    assert len(kept) == 8
    assert kept <= originals


def test_a_teacher_of_another_form_has_no_filters_to_give(shelf):
    with pytest.raises(TrainingError, match="name the network it was made from"):
        ghostsr.GhostClustered(setup_of(shelf, "ghost:edsr_small", "espcn"))
