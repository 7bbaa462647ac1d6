"""Windows that shift are what rolling, cutting and masking whole images gives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from srbench.networks.windows import (
    MASKED,
    WindowAttention,
    kinds_of,
    orders,
    relative_positions,
    reordered,
    shift_masks,
)

CPU = torch.device("cpu")


def cut(images, window):
    """(N, h, w, C) to (N * windows, window², C)."""
    count, height, width, channels = images.shape
    tiles = images.view(count, height // window, window, width // window, window, channels)
    return tiles.transpose(2, 3).reshape(-1, window**2, channels)


def put_together(windows, shape, window):
    count, height, width, channels = shape
    tiles = windows.view(count, height // window, width // window, window, window, channels)
    return tiles.transpose(2, 3).reshape(shape)


def masks_of(height, width, window):
    """For every shifted window: whether two tokens were neighbours before the image was wrapped around."""
    half = window // 2
    stripes = [torch.tensor([0] * (n - window) + [1] * (window - half) + [2] * half) for n in (height, width)]
    regions = cut((3 * stripes[0][:, None] + stripes[1]).view(1, height, width, 1), window).squeeze(2)
    return torch.where(regions[:, :, None] == regions[:, None, :], 0.0, MASKED)


def straightforward(attention, images, shifted):
    """Window attention as its paper and release spell it."""
    window, heads = attention.window, attention.heads
    half = window // 2
    rolled = images.roll((-half, -half), (1, 2)) if shifted else images
    tiles = cut(rolled, window)
    query, key, value = attention.qkv(tiles).view(*tiles.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4)
    products = query @ key.mT / key.shape[-1] ** 0.5
    for one, row in enumerate(attention.relative_position_index):
        for other, position in enumerate(row):
            products[:, :, one, other] += attention.relative_position_bias_table[position]
    if shifted:
        products += masks_of(*images.shape[1:3], window).repeat(images.shape[0], 1, 1)[:, None]
    found = (products.softmax(-1) @ value).transpose(1, 2).flatten(2)
    out = put_together(attention.proj(found), images.shape, window)
    return out.roll((half, half), (1, 2)) if shifted else out


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.sampled_from([2, 4]), st.booleans())
def test_attention_in_order_equals_attention_in_rolled_and_cut_images(count, down, across, window, shifted):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, down * window, across * window, 6, generator=generator)
    attention = WindowAttention(6, window, 3)
    torch.nn.init.normal_(attention.relative_position_bias_table, generator=generator)
    pixels, plain, wrapped = orders(count, down, across, window, CPU)
    order = wrapped if shifted else plain
    masks = kinds_of(shift_masks(3 * window, window)) if shifted else None
    tokens = reordered(images.flatten(0, 2), pixels, order)
    with torch.no_grad():
        found = reordered(attention(tokens, order.windows, masks), order, pixels).view(images.shape)
        assert torch.allclose(found, straightforward(attention, images, shifted), atol=1e-5)


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.sampled_from([2, 4, 5]))
def test_every_order_is_a_permutation_that_the_others_undo(count, down, across, window):
    every = orders(count, down, across, window, CPU)
    tokens = torch.arange(count * down * across * window**2)[:, None]
    for old in every:
        assert torch.equal(old.pixel.sort().values, tokens[:, 0])
        assert sum(old.windows) * window**2 in (0, len(tokens))
        for new in every:
            assert torch.equal(reordered(reordered(tokens, old, new), new, old), tokens)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 20), (4, 12)])
def test_the_four_kinds_of_masks_serve_every_size(height, width):
    order = orders(1, height // 4, width // 4, 4, CPU)[2]
    kinds = kinds_of(shift_masks(16, 4))
    ours = torch.cat([mask.expand(count, -1, -1) for mask, count in zip(kinds, order.windows, strict=True)])
    windows = cut(torch.arange(height * width).view(1, height, width, 1).roll((-2, -2), (1, 2)), 4).squeeze(2)
    by_window = {tuple(pixels.tolist()): mask for pixels, mask in zip(windows, masks_of(height, width, 4), strict=True)}
    for pixels, mask in zip(order.pixel.view(-1, 16), ours, strict=True):
        assert torch.equal(by_window[tuple(pixels.tolist())] == MASKED, mask == -torch.inf)
        assert not mask[mask != -torch.inf].any()


def test_a_token_that_is_masked_weighs_nothing_which_changes_no_bit():
    attention = WindowAttention(8, 4, 2)
    nn.init.normal_(attention.relative_position_bias_table)
    as_released = shift_masks(8, 4)  # of two windows a side: the four kinds
    found = []
    for masks in (as_released, kinds_of(as_released)):
        tokens = torch.randn(64, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
        attention.zero_grad()
        attended = attention(tokens, (1, 1, 1, 1), masks)
        attended.square().sum().backward()
        found.append([attended.detach(), tokens.grad, *(p.grad.clone() for p in attention.parameters())])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
    weights = (kinds_of(as_released)).softmax(-1)
    assert weights[weights > 0].min() > torch.finfo(torch.float32).tiny


def test_masks_of_all_windows_are_those_of_wrapped_regions():
    assert torch.equal(shift_masks(12, 4), masks_of(12, 12, 4))


def test_relative_positions_depend_on_the_difference_alone():
    index = relative_positions(3)
    where = {}
    for one in range(9):
        for other in range(9):
            difference = (one // 3 - other // 3, one % 3 - other % 3)
            where.setdefault(difference, set()).add(index[one, other].item())
    assert len(where) == 25
    assert set.union(*where.values()) == set(range(25))
    assert where[-2, -2] == {0}
    assert where[2, 2] == {24}


def test_a_reordering_can_be_differentiated_twice():
    pixels, plain, _ = orders(1, 2, 2, 2, CPU)
    tokens = torch.randn(16, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda t: reordered(t, pixels, plain).square(), tokens)
    gradient = torch.func.grad(lambda t: reordered(t, pixels, plain)[3].sum())(tokens)
    assert torch.equal(gradient.nonzero()[:, 0].unique(), plain.pixel[3:4])
