"""GhostSR's shift and A²N's block against a direct implementation of their formulas, as in their releases."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.a2n import BRANCH_TEMPERATURE, AttentionInAttention
from srbench_plugins.architectures.ghostsr import GhostModule, Shift
from torch import Tensor, nn

from benchmarks.rows import Row, compare

CHANNELS, SIDE = 128, 64
"""Shifted channels of GhostSR-EDSR, and the side of an LR tile."""
TOLERANCE = 1e-5
Pair = tuple[Callable[[], Tensor], Callable[[], Tensor]]


def rows() -> list[Row]:
    """Every comparison of this file."""
    depthwise = "a depthwise convolution by a one-hot kernel"
    return [
        timed("shift of 128 channels, 64x64", depthwise, shift()),
        timed("shift of 32 channels, 180x320", depthwise, shift(32, 180, 320)),
        timed("ghost module, 256 channels of 48x48", f"the same with {depthwise}", ghost_module()),
        timed("A²B, 64x64", "both branches scaled, then added", attention_in_attention()),
    ]


def timed(what: str, against: str, pair: Pair) -> Row:
    """Check that both results are equal, then compare the times."""
    with torch.inference_mode():
        ours, reference = pair
        torch.testing.assert_close(ours(), reference(), rtol=TOLERANCE, atol=TOLERANCE)
        ratio = compare(ours, reference, repeats=25)
    return Row(what, against, ratio, "≥ 1 (as fast)", ratio >= 1)


def shift(channels: int = CHANNELS, height: int = SIDE, width: int = SIDE) -> Pair:
    """Make a shift and its reference."""
    block, x = Shift().eval(), torch.rand(1, channels, height, width)
    return lambda: block(x), lambda: depthwise(block, x)


def depthwise(block: Shift, x: Tensor) -> Tensor:
    """Find the direction, and convolve every channel with its one-hot kernel."""
    kernel = F.one_hot(block.weight.abs().argmax(), block.weight.numel()).view_as(block.weight).to(x.dtype)
    return F.conv2d(x, kernel.expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


def ghost_module() -> Pair:
    """Make a ghost module, which computes half of the channels and shifts them, and its reference."""
    block = GhostModule(nn.Conv2d(2 * CHANNELS, 2 * CHANNELS, 3, padding=1)).eval()
    x = torch.rand(1, 2 * CHANNELS, 48, 48)

    def reference() -> Tensor:
        computed = block.primary_conv(x)
        return torch.cat((computed, depthwise(block.cheap_conv, computed)), dim=1)

    return lambda: block(x), reference


def attention_in_attention() -> Pair:
    """Make a block of A²N and its reference."""
    block, x = AttentionInAttention(40, 3), torch.rand(1, 40, SIDE, SIDE)

    def reference() -> Tensor:
        features = F.leaky_relu(block.conv_first(x), 0.2)
        shares = torch.softmax(block.ADM(F.adaptive_avg_pool2d(features, 1).flatten(1)) / BRANCH_TEMPERATURE, dim=1)
        gate = torch.sigmoid(block.attention.k2(F.leaky_relu(block.attention.k1(features), 0.2)))
        attended = block.attention.k4(block.attention.k3(features) * gate)
        plain = block.non_attention(features)
        mixed = attended * shares[:, 0].view(-1, 1, 1, 1) + plain * shares[:, 1].view(-1, 1, 1, 1)
        joined: Tensor = block.conv_last(F.leaky_relu(mixed, 0.2))
        return joined + x

    return lambda: block(x), reference
