"""Affinities compared strip by strip are those of the whole map, without a tensor of its size."""

from functools import partial

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from srbench.distilling.affinity import affinity_distance


def dense(student, teacher):
    """The definition, all at once."""
    units = ((f / (f.norm(dim=1, keepdim=True) + 1e-8)).flatten(2) for f in (student, teacher))
    mine, theirs = (unit.mT @ unit for unit in units)
    return (mine - theirs).abs().mean()


def features_of(channels, seed, height=5, width=4):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, height, width, dtype=torch.float64, generator=generator).requires_grad_()


@given(st.integers(1, 2000), st.integers(1, 6), st.integers(1, 6))
def test_affinities_in_strips_have_the_value_and_the_gradients_of_the_whole(elements, own, other):
    student, teacher = features_of(own, 1), features_of(other, 2)
    stripwise, whole = affinity_distance(student, teacher, elements=elements), dense(student, teacher)
    torch.testing.assert_close(stripwise, whole, rtol=1e-12, atol=1e-15)
    ours, theirs = (torch.autograd.grad(value, (student, teacher)) for value in (stripwise, whole))
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-15)


def test_the_gradient_of_affinities_is_that_of_small_differences():
    assert torch.autograd.gradcheck(partial(affinity_distance, elements=100), (features_of(5, 3), features_of(7, 4)))


def test_pixels_without_features_have_a_finite_gradient():
    student = torch.zeros(1, 4, 3, 3, requires_grad=True)
    affinity_distance(student, torch.rand(1, 4, 3, 3)).backward()
    assert student.grad.isfinite().all()


class Largest(TorchDispatchMode):
    """The most elements that any tensor has while it lasts."""

    elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.elements = max(self.elements, result.numel())
        return result


def test_no_tensor_of_the_size_of_the_affinities_is_ever_made():
    student, teacher = (torch.rand(2, 8, 24, 24, requires_grad=n == 0) for n in range(2))
    with Largest() as largest:
        affinity_distance(student, teacher, elements=20_000).backward()
    assert largest.elements <= 20_000 < 2 * (24 * 24) ** 2
    with Largest() as largest:
        dense(student, teacher)
    assert largest.elements == 2 * (24 * 24) ** 2


def test_half_precision_around_it_does_not_blur_affinities():
    student, teacher = (torch.rand(1, 8, 6, 6, generator=torch.Generator().manual_seed(n)) for n in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = affinity_distance(student, teacher)
    assert inside == affinity_distance(student, teacher)
    assert affinity_distance(student.half(), teacher.half()).dtype == torch.float32
