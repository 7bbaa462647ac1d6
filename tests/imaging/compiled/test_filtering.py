"""Compiled filters equal those of tensors for all sizes, borders, batches and numbers of threads."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.imaging import filtering, kernels

BORDERS = st.sampled_from(["reflect", "replicate", "circular", "symmetric"])


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def in_doubles(images, several, **how):
    """By tensors, exactly, one after the other."""
    results = [
        filtering.filter2d(image[None].double(), kernel[None].double(), **how)
        for image, kernel in zip(images, several, strict=True)
    ]
    return torch.cat(results).float()


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 5), st.integers(1, 4), st.integers(1, 40), st.integers(1, 300), st.integers(1, 21),
    st.integers(1, 21), BORDERS, st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_any_images_under_any_kernels(count, channels, height, width, rows, columns, border, flip, seed):
    images = rand(count, channels, height, width, seed=seed)
    own = rand(count, rows, columns, seed=seed + 1) - 0.2
    own /= own.abs().sum((1, 2), keepdim=True)
    result = filtering.filter2d(images, own, border=border, flip=flip)
    assert result.is_contiguous()
    torch.testing.assert_close(result, in_doubles(images, own, border=border, flip=flip), atol=2e-6, rtol=0)


def some_kernels(side):
    """Round ones, which are two lines, slanted ones, whose corners are empty, and some that are neither."""
    return torch.cat(
        [
            kernels.isotropic(side, [0.0, 0.2, 1.0, 3.0]),
            kernels.gaussian(side, [3.0, 0.3], [0.4, 2.0], [0.6, 2.2]),
            kernels.plateau(side, 2.0, 1.0, 0.3, 1.5),
            kernels.sinc(side, [1.0, 3.0]),
            kernels.motion(side, 5, 0.4),
            torch.outer(torch.arange(side) - side // 2, torch.ones(side)).double()[None] / side**2,
            torch.zeros(1, side, side, dtype=torch.float64),
        ]
    )


@pytest.mark.parametrize("side", [7, 13, 21])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_weighs_nothing_may_be_left_out_and_lines_be_taken_apart(side, dtype):
    own = some_kernels(side).to(dtype)
    images = rand(len(own), 3, 65, 83)
    result = filtering.filter2d(images, own)
    torch.testing.assert_close(result, in_doubles(images, own), atol=2e-6, rtol=0)


def test_a_list_of_kernels_of_several_sides_is_what_each_does_alone():
    several = [kernels.sinc(side, 2.0)[0] for side in (7, 9, 21, 13, 7)]
    images = rand(5, 3, 30, 41)
    expected = in_doubles(images, several)
    torch.testing.assert_close(filtering.filter2d(images, several), expected, atol=2e-6, rtol=0)
    slowly = filtering.filter2d(images.double(), several).float()
    torch.testing.assert_close(slowly, expected, atol=2e-6, rtol=0)
    alone = filtering.filter2d(images[2:3], several[2:3])
    assert torch.equal(alone, filtering.filter2d(images, several)[2:3])


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_same_bytes_with_any_threads_and_neighbours(count, torch_threads):
    own = some_kernels(9)[torch.arange(count) % 12]
    images = rand(count, 3, 40, 50)
    results = []
    for threads in (1, 2, 3):
        torch_threads(threads)
        results.append(filtering.filter2d(images, own))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    for image in range(count):
        one = slice(image, image + 1)
        assert torch.equal(filtering.filter2d(images[one], own[one]), results[0][one])


def test_images_that_do_not_lie_in_one_piece_are_not_changed():
    images = rand(50, 40, 3, 4).permute(3, 2, 1, 0)
    before = images.clone()
    kernel = kernels.isotropic(7, 1.0)
    result = filtering.filter2d(images, kernel)
    assert torch.equal(result, filtering.filter2d(before.contiguous(), kernel))
    assert torch.equal(images, before)


def test_gradients_still_flow_and_infinities_stay_where_they_are():
    images = rand(2, 3, 20, 20).requires_grad_()
    filtering.filter2d(images, kernels.isotropic(7, 1.0)).sum().backward()
    assert images.grad.abs().sum() > 0
    spoilt = rand(1, 1, 30, 30)
    spoilt[0, 0, 3, 3] = float("nan")
    assert filtering.filter2d(spoilt, kernels.isotropic(7, 3.0)).isnan().sum() == 49
