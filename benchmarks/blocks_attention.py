"""Attention blocks against a direct implementation of their papers' formulas, as in their releases."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.han import ChannelSpatialAttention, LayerAttention
from srbench_plugins.architectures.san import NonLocal, SecondOrderChannelAttention
from torch import Tensor, nn

from benchmarks.rows import Row, compare
from srbench.profiling.memory import Memory, Work, peak_memory

CHANNELS, LAYERS, SIDE, REGION = 64, 11, 64, 128
"""SIDE is the side of an LR tile, REGION that of a quarter of a 256x256 LR image."""
TOLERANCE = 1e-4


def rows() -> list[Row]:
    """Every comparison of this file."""
    return [
        timed("SOCA, 64x64", "a centring matrix of positions x positions", soca()),
        timed("non-local, region of 64x64", "the stored softmax of all products", non_local(SIDE)),
        remembered("memory of non-local, region of 128x128", "the stored softmax of all products"),
        timed("LAM, 11 layers of 64x64", "two products, scaled and added", layer_attention()),
        timed("CSAM, 128x128", "a three-dimensional convolution", channel_spatial_attention()),
    ]


Pair = tuple[Callable[[], Tensor], Callable[[], Tensor]]


def timed(what: str, against: str, pair: Pair) -> Row:
    """Check that both results are equal, then compare the times."""
    with torch.inference_mode():
        ours, reference = pair
        torch.testing.assert_close(ours(), reference(), rtol=TOLERANCE, atol=TOLERANCE)
        ratio = compare(ours, reference)
    return Row(what, against, ratio, "≥ 1 (as fast)", ratio >= 1)


def remembered(what: str, against: str) -> Row:
    """Compare the memory that each needs beyond weights and input, in separate processes."""
    answers = peak_memory([Work(f"{__name__}:region", {"reference": reference}) for reference in (False, True)])
    needed = [answer.extra_mib for answer in answers if isinstance(answer, Memory)]
    if len(needed) < len(answers):
        raise next(answer for answer in answers if isinstance(answer, Exception))
    ratio = needed[1] / needed[0]
    return Row(what, against, ratio, "≥ 4 (times less)", ratio >= 4)


def region(reference: bool) -> tuple[nn.Module, Callable[[], object]]:
    """Make the non-local block or its reference on one region, for `peak_memory`."""
    block, x = NonLocal(CHANNELS, CHANNELS // 8), features()

    def forward() -> Tensor:
        with torch.inference_mode():
            return stored_softmax(block, x) if reference else block(x)

    return block, forward


def features(side: int = REGION, *, layers: int = 1) -> Tensor:
    """Make random features of one image."""
    return torch.randn(1, CHANNELS * layers, side, side, generator=torch.Generator().manual_seed(0))


def soca() -> Pair:
    """Make SAN's second-order channel attention and its reference."""
    block, x = SecondOrderChannelAttention(CHANNELS, 16), features(SIDE)
    return lambda: block(x), lambda: centred_gate(block, x)


def centred_gate(block: SecondOrderChannelAttention, x: Tensor) -> Tensor:
    """Compute the block's formula with a matrix that centres all positions."""
    positions, channels = x.shape[2] * x.shape[3], x.shape[1]
    centring = (torch.eye(positions) - 1 / positions) / positions
    flat = x.flatten(2)
    covariance = flat @ centring @ flat.mT
    trace = covariance.diagonal(dim1=1, dim2=2).sum(1).view(-1, 1, 1)
    three = 3 * torch.eye(channels)
    normalised = covariance / trace
    inverse = 0.5 * (three - normalised)
    root = normalised @ inverse
    for _ in range(3):
        correction = 0.5 * (three - inverse @ root)
        root, inverse = root @ correction, correction @ inverse
    root = 0.5 * root @ (three - inverse @ root) * trace.sqrt()
    gate: Tensor = block.conv_du(root.mean(1)[:, :, None, None])
    return x * gate


def non_local(side: int) -> Pair:
    """Make SAN's non-local block on one region and its reference."""
    block, x = NonLocal(CHANNELS, CHANNELS // 8), features(side)
    nn.init.normal_(block.W.weight, std=0.1)
    return lambda: block(x), lambda: stored_softmax(block, x)


def stored_softmax(block: NonLocal, x: Tensor) -> Tensor:
    """Compute the block's formula with all weights of the attention in memory."""
    query, key, value = (part(x).flatten(2) for part in (block.theta, block.phi, block.g))
    weights = torch.softmax(query.mT @ key, dim=2)
    values = (weights @ value.mT).mT.reshape(x.shape[0], -1, *x.shape[2:])
    attended: Tensor = block.W(values)
    return attended + x


def layer_attention() -> Pair:
    """Make HAN's attention across layers and its reference."""
    block = LayerAttention()
    x = features(SIDE, layers=LAYERS).view(1, LAYERS, CHANNELS, SIDE, SIDE) / 50
    nn.init.constant_(block.gamma, 0.5)
    return lambda: block(x), lambda: layers_mixed(block, x)


def layers_mixed(block: LayerAttention, x: Tensor) -> Tensor:
    """Compute the block's formula operator by operator."""
    flat = x.flatten(2)
    energy = flat @ flat.mT
    weights = torch.softmax(energy.max(-1, keepdim=True)[0].expand_as(energy) - energy, dim=-1)
    mixed: Tensor = block.gamma * (weights @ flat).view_as(x) + x
    return mixed.flatten(1, 2)


def channel_spatial_attention() -> Pair:
    """Make HAN's attention across channels and positions and its reference."""
    block, x = ChannelSpatialAttention(), features(REGION)
    nn.init.constant_(block.gamma, 0.5)
    return lambda: block(x), lambda: volume_gate(block, x)


def volume_gate(block: ChannelSpatialAttention, x: Tensor) -> Tensor:
    """Compute the block's formula with a convolution of one volume."""
    gate = torch.sigmoid(F.conv3d(x.unsqueeze(1), block.conv.weight, block.conv.bias, padding=1))
    attended: Tensor = (block.gamma * gate * x.unsqueeze(1)).squeeze(1) + x
    return attended
