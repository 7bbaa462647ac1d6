"""Colours in another order and mixed patches: the same for LR and HR, as often as asked, the same for every process."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.recipe import Recipe
from srbench.training.patches.augmentation import Augmented, mixed, permuted
from srbench.training.seeds import stream


class Fixed:
    """Patches that say which they are: colour c of patch n is n / 100 + c / 10."""

    batch = 8
    notes = ("a note",)

    def sample(self, step, draw=0):
        """Return the same patches at every step."""
        level = torch.arange(self.batch).view(-1, 1, 1, 1) / 100 + torch.arange(3).view(1, 3, 1, 1) / 10
        return level.expand(-1, -1, 2, 2).clone(), level.expand(-1, -1, 4, 4).clone(), 2

    def held_out(self):
        """Hold nothing out."""
        return {2: "held out"}


def augmented(seed=0, phase=0, **options):
    return Augmented(Fixed(), Recipe(name="r", datasets=("d",), steps=1, **options), seed, phase)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 3), st.floats(0, 1), st.floats(0, 1), st.floats(0.2, 5))
def test_lr_and_hr_get_the_same_change_as_a_pure_function_of_the_step(step, draw, colours, mixup, shape):
    options = {"permute_colours": colours, "mixup": mixup, "mixup_shape": shape}
    lr, hr, scale = augmented(**options).sample(step, draw)
    assert scale == 2
    assert torch.allclose(lr, hr[..., ::2, ::2])
    again = augmented(**options).sample(step, draw)
    assert torch.equal(again[0], lr)
    assert torch.equal(again[1], hr)


def test_every_order_of_colours_occurs_in_the_share_asked_for():
    lr = torch.arange(3.0).view(1, 3, 1, 1).expand(6000, 3, 1, 1)
    changed, same = permuted(lr, lr, 0.5, stream("test"))
    assert torch.equal(changed, same)
    orders, counts = changed.flatten(1).unique(dim=0, return_counts=True)
    assert len(orders) == 6
    shares = dict(zip(map(tuple, orders.tolist()), (counts / 6000).tolist(), strict=True))
    assert shares.pop((0, 1, 2)) == pytest.approx(0.5 + 0.5 / 6, abs=0.02)
    assert all(share == pytest.approx(0.5 / 6, abs=0.02) for share in shares.values())


def test_nothing_is_permuted_at_share_zero_and_luma_has_no_order():
    lr, hr, _ = Fixed().sample(0)
    assert torch.equal(permuted(lr, hr, 0.0, stream("test"))[1], hr)
    assert torch.equal(permuted(lr[:, :1], hr[:, :1], 1.0, stream("test"))[0], lr[:, :1])


@pytest.mark.parametrize("shape", [0.5, 1.0, 1.2, 4.0])
def test_the_weight_of_a_mixture_follows_the_beta_distribution(shape):
    weights = []
    ends = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    for number in range(4000):
        lr, hr = mixed(ends, ends, 1.0, shape, stream("test", number))
        assert torch.equal(lr, hr)
        if not torch.equal(lr, ends):  # the partner may be the patch itself
            weights.append(lr[1].item())
    drawn = torch.tensor(weights)
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.03)
    assert drawn.var().item() == pytest.approx(1 / (4 * (2 * shape + 1)), abs=0.01)


def test_a_share_of_the_steps_is_mixed():
    lr, hr, _ = Fixed().sample(0)
    changed = sum(not torch.equal(mixed(lr, hr, 0.25, 1.2, stream("test", n))[0], lr) for n in range(2000))
    assert changed / 2000 == pytest.approx(0.25, abs=0.03)


def test_other_phases_and_seeds_see_other_changes_and_the_rest_is_the_sources():
    first = augmented(permute_colours=1.0)
    assert not torch.equal(first.sample(0)[0], augmented(phase=1, permute_colours=1.0).sample(0)[0])
    assert not torch.equal(first.sample(0)[0], augmented(seed=1, permute_colours=1.0).sample(0)[0])
    assert (first.batch, first.notes, first.held_out()) == (8, ("a note",), {2: "held out"})
