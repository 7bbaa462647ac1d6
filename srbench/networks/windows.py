"""Attention within windows of tokens that shift from layer to layer, as networks after the Swin transformer share it.

For authors of architectures. Tokens stay in the order of their windows from layer to layer, and change from one order
to the next in a single copy; rolling, cutting and joining would take four. All windows of one kind are computed at once
with one mask, so that no mask grows with the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MASKED = -100.0
"""Added to the product of two tokens of a shifted window that are not neighbours in the image, as in the release."""


class Order(NamedTuple):
    """An order of the tokens of a batch in which those of a window are next to each other."""

    pixel: Tensor
    """(T,): the pixel at each place."""
    place: Tensor
    """(T,): the place of each pixel."""
    windows: tuple[int, ...]
    """The number of windows of each kind, one kind after the other."""


def orders(images: int, down: int, across: int, window: int, device: torch.device) -> tuple[Order, Order, Order]:
    """Return three orders of the tokens of images of ``down`` x ``across`` windows.

    They are: row by row; window by window; and window by window after a shift by half a side with wrapping. In the
    last, windows inside the image come first, then those cut by the right edge, by the bottom edge, and by both.
    """
    pixels = torch.arange(images * down * across * window**2, device=device)
    pixels = pixels.view(images, down * window, across * window)
    shifted = _windows(pixels.roll((-(window // 2), -(window // 2)), (1, 2)), window)
    kinds = (shifted[:, :-1, :-1], shifted[:, :-1, -1:], shifted[:, -1:, :-1], shifted[:, -1:, -1:])
    counts = ((down - 1) * (across - 1), down - 1, across - 1, 1)
    return (
        _order(pixels.flatten(), ()),
        _order(_windows(pixels, window).flatten(), (images * down * across,)),
        _order(
            torch.cat([kind.clone(memory_format=torch.contiguous_format).flatten() for kind in kinds]),
            tuple(images * count for count in counts),
        ),
    )


def _order(pixel: Tensor, windows: tuple[int, ...]) -> Order:
    numbers = torch.arange(pixel.shape[0], device=pixel.device)
    return Order(pixel, torch.zeros_like(pixel).scatter(0, pixel, numbers), windows)


def _windows(images: Tensor, window: int) -> Tensor:
    """Cut (N, h, w) into windows (N, h/window, w/window, window²)."""
    count, height, width = images.shape
    tiles = images.view(count, height // window, window, width // window, window)
    return tiles.transpose(2, 3).flatten(3)


class Permutation(torch.autograd.Function):
    """Puts rows into another order. The gradient takes the inverse order, without the sum that an index would need."""

    @staticmethod
    def forward(rows: Tensor, there: Tensor, back: Tensor) -> Tensor:  # noqa: ARG004 - what backward needs
        """Map (T, C) to the same shape."""
        return rows.index_select(0, there)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:  # noqa: ANN401, ARG004
        """Keep both orders for the gradient."""
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        """Return the gradient in the first order."""
        there, back = ctx.saved_tensors
        return Permutation.apply(gradient, back, there), None, None


def reordered(tokens: Tensor, old: Order, new: Order) -> Tensor:
    """Put tokens (T, C) from one order into another."""
    # a TorchScript program holds no gradient of Python's
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return tokens.index_select(0, old.place[new.pixel])
    moved: Tensor = Permutation.apply(tokens, old.place[new.pixel], new.place[old.pixel])
    return moved


class WindowAttention(nn.Module):
    """Multi-head attention among the tokens of a window, with a bias for every relative position (equation 3).

    Args:
        channels: Channels.
        window: Side of a window.
        heads: Attention heads.
    """

    relative_position_index: Tensor

    def __init__(self, channels: int, window: int, heads: int) -> None:
        super().__init__()
        self.window, self.heads = window, heads
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", relative_positions(window))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, tokens: Tensor, windows: Sequence[int], masks: Tensor | None) -> Tensor:
        """Attend.

        Args:
            tokens: (T, C), window by window.
            windows: The number of windows of each kind.
            masks: (kinds, window², window²), added to the products in windows of each kind; none if absent.

        Returns:
            (T, C).
        """
        area = self.window**2
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        biases = [bias] if masks is None else [bias + mask for mask in masks]
        kinds = self.qkv(tokens).split([count * area for count in windows])
        attended = [self._attend(qkv, bias) for qkv, bias in zip(kinds, biases, strict=True)]
        projected: Tensor = self.proj(attended[0] if masks is None else torch.cat(attended))
        return projected

    def _attend(self, qkv: Tensor, bias: Tensor) -> Tensor:
        """Map (T, 3*C) and (heads, window², window²) to (T, C)."""
        windows = qkv.view(-1, self.window**2, 3, self.heads, qkv.shape[1] // (3 * self.heads))
        query, key, value = windows.permute(2, 0, 3, 1, 4)
        if torch.is_grad_enabled() and bias.requires_grad:
            # No fused kernel gives the bias a gradient, and PyTorch's formula looks for rows that are all masked.
            products = (query * query.shape[3] ** -0.5) @ key.mT
            found = products.add_(bias).softmax(dim=3) @ value
        else:
            found = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.unsqueeze(0).to(query.dtype))
        joined: Tensor = found.transpose(1, 2).flatten(2).flatten(0, 1)
        return joined


def relative_positions(window: int) -> Tensor:
    """Return the row of the bias table for every pair of tokens, (window², window²)."""
    row, column = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    down, across = (axis.flatten()[:, None] - axis.flatten() + window - 1 for axis in (row, column))
    return down * (2 * window - 1) + across


def shift_masks(side: int, window: int) -> Tensor:
    """Return the masks of a ``side`` x ``side`` image, (windows, window², window²): `MASKED` between opposite edges."""
    stripe = torch.arange(side)
    stripe = (stripe >= side - window).long() + (stripe >= side - window // 2).long()
    regions = _windows((3 * stripe[:, None] + stripe).unsqueeze(0), window).flatten(0, 2)
    return (regions.unsqueeze(1) != regions.unsqueeze(2)) * MASKED


def kinds_of(masks: Tensor) -> Tensor:
    """Return the masks of the four kinds of windows of a square image, with -∞ in place of `MASKED`.

    A weight of exp(-100) is below the normal numbers of float32, with which a CPU is slow. It is lost in every sum, so
    the 0 of -∞ gives the same bits, as long as the products of a window differ by less than 80.

    Args:
        masks: (windows, window², window²) of at least two windows a side, from `shift_masks` or a checkpoint.

    Returns:
        (4, window², window²): inside, at the right edge, at the bottom edge, in the corner.
    """
    side = math.isqrt(len(masks))
    kinds = masks.view(side, side, *masks.shape[1:])[-2:, -2:].flatten(0, 1)
    return kinds.masked_fill(kinds < 0, -torch.inf)
