"""Compiled JPEG equals that of tensors for all sizes, batches and numbers of threads."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from srbench.imaging import jpeg


def photographs(count, height, width, seed=0):
    photo = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1) / 255
    places = torch.randint(0, 512 - max(height, width), (count, 2), generator=torch.Generator().manual_seed(seed))
    return torch.stack([photo[:, top : top + height, left : left + width] for top, left in places.tolist()])


def agree(ours, theirs):
    """A coefficient on a tie may go to either side, and moves its block."""
    return ((ours - theirs).abs() <= 2e-6).float().mean() > 0.999


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 40), st.integers(1, 120), st.floats(1, 99.9),
    st.sampled_from(["transposed", "standard"]), st.integers(0, 99),
)  # fmt: skip
def test_any_images_of_any_quality(count, height, width, quality, table, seed):
    images = photographs(count, height, width, seed) * 1.3 - 0.15  # beyond black and white too
    before = images.clone()
    result = jpeg.diffjpeg(images, quality, luminance_table=table)
    exact = jpeg.diffjpeg(images.double(), quality, luminance_table=table)
    assert agree(result, exact.float())
    assert torch.equal(images, before)


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_same_bytes_with_any_threads_and_neighbours(count, torch_threads):
    images, qualities = photographs(count, 40, 300), torch.linspace(20, 95, count).tolist()
    results = []
    for threads in (1, 2, 3):
        torch_threads(threads)
        results.append(jpeg.diffjpeg(images, qualities))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    for image in range(count):
        assert torch.equal(jpeg.diffjpeg(images[image : image + 1], qualities[image]), results[0][image : image + 1])


def test_images_that_are_not_contiguous():
    images = photographs(2, 33, 47).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert torch.equal(jpeg.diffjpeg(images, 60), jpeg.diffjpeg(images.contiguous(), 60))


def test_gradients_still_flow():
    images = photographs(1, 32, 32).requires_grad_()
    jpeg.diffjpeg(images, 50, differentiable=True).sum().backward()
    assert images.grad.abs().sum() > 0
