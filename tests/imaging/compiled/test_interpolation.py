"""Compiled resizes equal PyTorch's and those of tensors, whatever the sizes, the batch and the threads."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.imaging import interpolation as resizing

MODES = st.sampled_from(resizing.MODES)


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 300), st.integers(1, 60), st.integers(1, 300),
    st.integers(1, 90), MODES, st.integers(0, 99),
)  # fmt: skip
def test_any_size_to_any_size(count, channels, height, width, new_height, new_width, mode, seed):
    images, size = rand(count, channels, height, width, seed=seed), (new_height, new_width)
    result = resizing.interpolate(images, mode, size=size)
    torch.testing.assert_close(result, F.interpolate(images, size, mode=mode), atol=2e-6, rtol=0)
    exact = resizing.opencv(images.double(), mode, size).float()
    # PyTorch places pixels in float32, where they are off by a hundred-thousandth
    bound = 2e-6 if mode == "area" else 6e-5
    torch.testing.assert_close(resizing.opencv(images, mode, size), exact, atol=bound, rtol=0)


@settings(max_examples=100, deadline=None)
@given(st.integers(4, 300), st.integers(4, 60), st.one_of(st.floats(0.3, 3), st.just(1.0)), MODES, st.integers(0, 99))
def test_any_size_by_any_factor(height, width, factor, mode, seed):
    images = rand(2, 3, height, width, seed=seed)
    result = resizing.interpolate(images, mode, factor=factor)
    torch.testing.assert_close(result, F.interpolate(images, scale_factor=factor, mode=mode), atol=2e-6, rtol=0)


@pytest.mark.parametrize("mode", resizing.MODES)
@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_same_bytes_whatever_the_threads_and_the_neighbours(count, mode, torch_threads):
    images = rand(count, 3, 40, 31)
    results = []
    for threads in (1, 2, 3):
        torch_threads(threads)
        results.append(resizing.interpolate(images, mode, factor=0.71))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    for image in range(count):
        one = slice(image, image + 1)
        assert torch.equal(resizing.interpolate(images[one], mode, factor=0.71), results[0][one])


def test_images_that_do_not_lie_in_one_piece_and_gradients():
    images = rand(33, 47, 3, 2).permute(3, 2, 0, 1)
    for resize in (resizing.interpolate, resizing.opencv):
        for mode in resizing.MODES:
            assert torch.equal(resize(images, mode, size=(20, 50)), resize(images.contiguous(), mode, size=(20, 50)))
            asked = images.clone().requires_grad_()
            resize(asked, mode, size=(20, 50)).sum().backward()
            assert asked.grad.abs().sum() > 0
