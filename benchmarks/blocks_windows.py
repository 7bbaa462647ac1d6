"""Attention in shifted windows and the spatial-frequency block, against the implementations of their releases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.swinfir import SpatialFrequencyBlock
from srbench_plugins.architectures.swinir import ResidualSwinBlock, SwinLayer, single_conv
from torch import Tensor, nn

from benchmarks.rows import Row, compare
from srbench.networks.windows import orders
from srbench.profiling.memory import Memory, Work, peak_memory

CHANNELS, HEADS, DEPTH = 60, 6, 2
"""Sizes of SwinIR-light, with a plain layer and a shifted one."""
SIDES = {8: 128, 12: 96}
"""Side of an image for each window."""
TRAINING_SIDE, TRAINING_BATCH = 48, 4
SPECTRUM_SIDE = 240
TOLERANCE = 1e-4


def rows() -> list[Row]:
    """Every comparison of this file."""
    rolled = "tokens rolled, cut and put together in every layer; attention stored"
    planes = "spectra stacked, split and copied as planes of channels"
    return [
        *(timed(f"RSTB, window {w}, {SIDES[w]}x{SIDES[w]}", rolled, swin(w, SIDES[w])) for w in SIDES),
        timed("RSTB, window 8, training, 4 of 48x48", rolled, swin(8, TRAINING_SIDE, TRAINING_BATCH), training=True),
        remembered("memory of RSTB, window 12, 96x96", rolled),
        timed("SFB, 240x240", planes, spatial_frequency(SPECTRUM_SIDE)),
        timed("SFB, training, 4 of 48x48", planes, spatial_frequency(TRAINING_SIDE, TRAINING_BATCH), training=True),
    ]


Pair = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Tensor]


def timed(what: str, against: str, pair: Pair, *, training: bool = False) -> Row:
    """Check that both results are equal, then compare the times."""
    ours, reference, x = pair
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), reference(x), rtol=TOLERANCE, atol=TOLERANCE)
        ratio = 0.0 if training else compare(lambda: ours(x), lambda: reference(x))
    if training:
        x.requires_grad_()
        ratio = compare(lambda: ours(x).sum().backward(), lambda: reference(x).sum().backward(), repeats=21)
    return Row(what, against, ratio, "≥ 1 (as fast)", ratio >= 1)


def remembered(what: str, against: str) -> Row:
    """Compare the memory that each needs beyond weights and input, in separate processes."""
    answers = peak_memory([Work(f"{__name__}:block", {"reference": reference}) for reference in (False, True)])
    needed = [answer.extra_mib for answer in answers if isinstance(answer, Memory)]
    if len(needed) < len(answers):
        raise next(answer for answer in answers if isinstance(answer, Exception))
    ratio = needed[1] / needed[0]
    return Row(what, against, ratio, "≥ 3 (times less)", ratio >= 3)


def block(reference: bool) -> tuple[nn.Module, Callable[[], object]]:
    """Make the residual block or its reference on one image, for `peak_memory`."""
    network, x = residual_block(12), features(1, SIDES[12])
    run = (lambda: straightforward(network, x)) if reference else (lambda: network(x, token_orders(12, x)))

    def forward() -> Tensor:
        with torch.inference_mode():
            return run()

    return network, forward


def features(images: int, side: int) -> Tensor:
    """Make random features, channels-last in memory as in the network."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(images, CHANNELS, side, side, generator=generator).contiguous(memory_format=torch.channels_last)


def residual_block(window: int) -> ResidualSwinBlock:
    """Make a residual block of SwinIR-light, with fewer layers and without drops."""
    layers = [
        SwinLayer(CHANNELS, window, HEADS, 2.0, image=5 * window if n % 2 else None, drop=0.0) for n in range(DEPTH)
    ]
    return ResidualSwinBlock(layers, single_conv(CHANNELS))


def token_orders(window: int, x: Tensor) -> tuple:
    """Return the orders of the tokens of ``x``."""
    return orders(x.shape[0], x.shape[2] // window, x.shape[3] // window, window, x.device)


def swin(window: int, side: int, images: int = 1) -> Pair:
    """Make SwinIR's residual block, its reference and its input."""
    network = residual_block(window)
    return lambda x: network(x, token_orders(window, x)), lambda x: straightforward(network, x), features(images, side)


def straightforward(network: ResidualSwinBlock, x: Tensor) -> Tensor:
    """Compute the residual block with rolled images, tokens in rows and the attention in memory."""
    images, channels, height, width = x.shape
    tokens = x.flatten(2).transpose(1, 2)
    for layer in network.residual_group["blocks"]:
        attended = attend(layer, layer.norm1(tokens).view(images, height, width, channels)).flatten(1, 2)
        tokens = tokens + sometimes(layer, attended)
        tokens = tokens + sometimes(layer, layer.mlp(layer.norm2(tokens)))
    features = tokens.transpose(1, 2).reshape(images, channels, height, width)
    spectral = isinstance(network.conv, SpatialFrequencyBlock)
    return x + (in_planes(network.conv, features) if spectral else network.conv(features))


def sometimes(layer: SwinLayer, branch: Tensor) -> Tensor:
    """Let a share of the images (N, T, C) skip a branch in training."""
    if not layer.training or not layer.drop:
        return branch
    kept = branch.new_empty(len(branch), 1, 1).bernoulli_(1 - layer.drop)
    return branch * kept.div_(1 - layer.drop)


def attend(layer: SwinLayer, x: Tensor) -> Tensor:
    """Compute window attention of (N, h, w, C)."""
    attention, window, heads = layer.attn, layer.attn.window, layer.attn.heads
    images, height, width, channels = x.shape
    half = window // 2 if layer.shifted else 0
    x = torch.roll(x, (-half, -half), (1, 2)) if half else x
    cut = x.view(images, height // window, window, width // window, window, channels)
    tokens = cut.permute(0, 1, 3, 2, 4, 5).reshape(-1, window**2, channels)
    qkv = attention.qkv(tokens).reshape(len(tokens), window**2, 3, heads, channels // heads).permute(2, 0, 3, 1, 4)
    products = (qkv[0] * (channels // heads) ** -0.5) @ qkv[1].transpose(-2, -1)
    bias = attention.relative_position_bias_table[attention.relative_position_index.view(-1)]
    products = products + bias.view(window**2, window**2, heads).permute(2, 0, 1).contiguous()
    if half:
        masks = shift_masks(height, width, window)
        products = products.view(images, len(masks), heads, window**2, window**2) + masks[None, :, None]
        products = products.view(-1, heads, window**2, window**2)
    values = (products.softmax(-1) @ qkv[2]).transpose(1, 2).reshape(len(tokens), window**2, channels)
    out = attention.proj(values).view(images, height // window, width // window, window, window, channels)
    out = out.permute(0, 1, 3, 2, 4, 5).reshape(images, height, width, channels)
    return torch.roll(out, (half, half), (1, 2)) if half else out


def shift_masks(height: int, width: int, window: int) -> Tensor:
    """Compute the masks (windows, window², window²) of the whole image."""
    down, across = (
        (torch.arange(n) >= n - window).int() + (torch.arange(n) >= n - window // 2).int() for n in (height, width)
    )
    regions = (3 * down[:, None] + across).view(height // window, window, width // window, window)
    regions = regions.transpose(1, 2).reshape(-1, window**2)
    return torch.where(regions[:, None] == regions[:, :, None], 0.0, -100.0)


def spatial_frequency(side: int, images: int = 1) -> Pair:
    """Make SwinFIR's spatial-frequency block, its reference and its input."""
    network = SpatialFrequencyBlock(CHANNELS, reduction=2)
    return network, partial(in_planes, network), features(images, side)


def in_planes(network: SpatialFrequencyBlock, x: Tensor) -> Tensor:
    """Compute the block with spectra that are copied as planes of channels."""
    local = network.S.body(x) + x
    halved = network.F.conv1(x)
    unit = network.F.fu.conv_layer
    spectrum = torch.fft.rfftn(halved, dim=(-2, -1), norm="ortho")
    parts = torch.stack((spectrum.real, spectrum.imag), dim=-1).permute(0, 1, 4, 2, 3).contiguous()
    changed = F.leaky_relu(unit(parts.flatten(1, 2)), 0.2)
    pairs = changed.unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2).contiguous()
    image = torch.fft.irfftn(torch.complex(pairs[..., 0], pairs[..., 1]), x.shape[-2:], (-2, -1), norm="ortho")
    return network.fusion(torch.cat((local, network.F.conv2(halved + image)), dim=1))
