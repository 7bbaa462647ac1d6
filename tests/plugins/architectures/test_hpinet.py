"""HPINet computes what its authors' code computes for one image, and the same for that image in a batch."""

import copy
import dataclasses
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from srbench_plugins.architectures import hpinet

from helpers.architectures import assert_compiles_whole, assert_one_export_serves
from helpers.rounding import assert_equal_but_for_rounding
from srbench.networks.weights import load_state_dict
from srbench.profiling.complexity import count_macs, count_parameters
from srbench.testing import photograph, violations_of

SPECS = {spec.name: spec for spec in hpinet.register_architectures()}
SIZES = {"dim": 8, "qk_dim": 6, "mlp_dim": 12, "patch_sizes": (6, 8)}
PUBLISHED = [(f"hpinet_{size}", scale) for size in "sml" for scale in (2, 4)]


def tiny(scale=2):
    torch.manual_seed(0)
    return hpinet.HPINet(scale, **SIZES).eval()


def test_a_tiny_one_equals_the_official_network(assert_official):
    assert_official(tiny(), "hpinet_tiny_x2")


@pytest.mark.parametrize(("name", "scale"), PUBLISHED, ids=str)
def test_the_papers_networks_equal_the_official_ones(name, scale, assert_official):
    """Sides of 31 and 28, on which three rows of patches meet on a line."""
    assert_official(SPECS[name].network(scale), f"{name}_x{scale}")


@pytest.mark.parametrize(
    ("name", "scale", "parameters", "macs"),
    [
        ("hpinet_s", 2, 405_371, 264.5),
        ("hpinet_s", 3, 477_571, 126.8),
        ("hpinet_s", 4, 463_131, 81.9),
        ("hpinet_m", 2, 782_539, 424.5),
        ("hpinet_m", 3, 923_939, 205.9),
        ("hpinet_m", 4, 895_659, 135.8),
        ("hpinet_l", 2, 1_287_875, 632.4),
        ("hpinet_l", 3, 1_472_515, 303.2),
        ("hpinet_l", 4, 1_435_587, 196.4),
    ],
)
def test_its_parameters_and_operations_are_the_official_ones(name, scale, parameters, macs):
    with torch.device("meta"):
        assert count_parameters(SPECS[name].network(scale)) == parameters
    size = -(-720 // scale), -(-1280 // scale)
    found = count_macs(lambda: SPECS[name].network(scale), lambda network, lr: network(lr), size)
    assert (round(found.total / 1e9, 1), found.uncounted) == (macs, ())


CHECKPOINTS = [(name, checkpoint) for name, spec in SPECS.items() for checkpoint in spec.checkpoints]


@pytest.mark.parametrize(("name", "checkpoint"), CHECKPOINTS, ids=[f"{name}-x{c.scale}" for name, c in CHECKPOINTS])
def test_the_official_weights_load_as_they_are(name, checkpoint, shared):
    state = load_state_dict(shared(f"weights/{checkpoint.file}")).state
    network = SPECS[name].network(checkpoint.scale)
    network.load_state_dict(state, strict=True)
    assert all(torch.equal(tensor, state[key]) for key, tensor in network.state_dict().items())


def test_a_tiny_one_keeps_the_contract_of_an_architecture():
    build = partial(hpinet.HPINet, **SIZES)
    spec = dataclasses.replace(SPECS["hpinet_s"], build=build, min_size=8, taps=("mid_convs.0", "mid_convs.1"))
    assert violations_of(spec) == []


def joined_as_the_release_does(patches, height, width, size):
    """Patch by patch, then half of every line that a patch shares with those before it."""
    step = size - 2
    tops, lefts = (list(range(0, side + step - size, step)) for side in (height, width))
    image = patches.new_zeros(height, width)
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            y, x = min(top, height - size), min(left, width - size)
            image[y : y + size, x : x + size] += patches[row * len(lefts) + column].view(size, size)
    for top in tops[1:]:
        image[min(top, height - size) : top + size - step] /= 2
    for left in lefts[1:]:
        image[:, min(left, width - size) : left + size - step] /= 2
    return image


@given(height=st.integers(6, 40), width=st.integers(6, 40), size=st.integers(4, 6), seed=st.integers(0, 99))
def test_patches_are_cut_and_joined_as_the_release_does(height, width, size, seed):
    image = torch.rand(1, height * width, 1, generator=torch.Generator().manual_seed(seed))
    grid = hpinet.PatchGrid(height, width, size, image.device)
    patches = grid.cut(image)
    assert torch.equal(patches[0, 0, :, 0], image.view(height, width)[:size, :size].flatten())
    assert torch.equal(patches[0, -1, :, 0], image.view(height, width)[-size:, -size:].flatten())
    changed = patches * torch.rand(patches.shape, generator=torch.Generator().manual_seed(seed + 1))
    joined = grid.join(changed).view(height, width)
    assert_equal_but_for_rounding(joined, joined_as_the_release_does(changed[0, ..., 0], height, width, size))


def test_a_line_on_which_three_patches_meet_keeps_three_quarters():
    grid = hpinet.PatchGrid(6, 13, 6, torch.device("cpu"))  # columns start at 0, 4 and 7; at 12 they would at 0, 4, 6
    assert torch.equal(grid.join(grid.cut(torch.ones(1, 78, 1))), torch.ones(1, 78, 1))
    grid = hpinet.PatchGrid(6, 11, 6, torch.device("cpu"))  # at 0, 4 and 5
    weights = grid.join(grid.cut(torch.ones(1, 66, 1))).view(6, 11)
    assert torch.equal(weights[0], torch.tensor([1.0] * 5 + [0.75] + [1.0] * 5))


def test_each_patch_selects_the_most_similar_other_patch():
    match = hpinet.PatchMatch(2).eval()
    means = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.5], [0.2, 0.9]])
    patches = torch.stack((means, means), dim=1)[None]  # (1, 4, 2, 2)
    assert torch.equal(match(patches), patches[:, [2, 3, 0, 1]])


def test_an_image_in_a_batch_takes_patches_of_its_own():
    network = tiny()
    lr = photograph(3, 3, 21, 17)
    patches = hpinet.PatchGrid(21, 17, 6, lr.device).cut(network.first_conv(lr).flatten(2).mT)
    with torch.no_grad():
        found = network.cross_match[0](patches)
        alone = torch.cat([network(image[None]) for image in lr])
        assert_equal_but_for_rounding(network(lr), alone)
    own = (found[:, :, None] == patches[:, None]).all(dim=(3, 4))
    assert own.any(dim=2).all()


def test_in_training_the_choice_is_drawn_and_passes_gradients():
    match = hpinet.PatchMatch(4).train()
    patches = torch.rand(2, 9, 5, 4, requires_grad=True)
    first, second = match(patches), match(patches)
    assert not torch.equal(first, second)
    own = torch.isclose(first[:, :, None], patches[:, None]).all(dim=(3, 4))
    assert own.any(dim=2).all()
    first.square().sum().backward()
    assert match.norm.weight.grad.any()


@pytest.mark.parametrize("cached", [1, 2**10, 2**30])
def test_how_many_patches_are_computed_at_once_changes_nothing(cached, monkeypatch):
    network = tiny()
    lr = photograph(2, 3, 20, 15)
    with torch.no_grad():
        wanted = network(lr)
        monkeypatch.setattr(hpinet, "CACHED_SIMILARITIES", cached)
        assert_equal_but_for_rounding(network(lr), wanted)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_converted_to_another_precision_it_stays_close(dtype):
    network = tiny()
    lr = photograph(2, 3, 12, 10)
    converted = copy.deepcopy(network).to(dtype)
    with torch.no_grad():
        error = converted(lr.to(dtype)).float() - network(lr)
    assert error.square().mean().sqrt() < {torch.bfloat16: 0.02, torch.float16: 0.01, torch.float64: 1e-5}[dtype]


@pytest.mark.slow
def test_one_export_serves_every_size_above_the_largest_patch_and_every_batch():
    assert_one_export_serves(tiny(), ((1, 9, 9), (3, 21, 10), (2, 9, 33)), example=(2, 3, 11, 13))


@pytest.mark.slow
def test_compiled_whole_it_gives_the_same():
    assert_compiles_whole(tiny(), photograph(1, 3, 12, 10))
