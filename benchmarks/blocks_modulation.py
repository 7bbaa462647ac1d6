"""Kernels that every image modulates, against the implementation of the releases: a group for each image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.comonet import ThresholdConvolution
from srbench_plugins.architectures.ikm import ModulatedConv2d, ikm_attention
from srbench_plugins.architectures.uhdn import Convolution, DenseBlock
from torch import Tensor, nn

from benchmarks.rows import Row, compare
from srbench.profiling.memory import Memory, Work, peak_memory

BATCH, PATCH = 16, 48
"""Batch and LR patch of the papers' training."""
TOLERANCE = 1e-4
RELEASED = "masks for every layer, a group for each image"


def rows() -> list[Row]:
    """Every comparison of this file."""
    image = f"dense block of {{}}, {PATCH * 2}x{PATCH * 3}"
    return [
        inferred(image.format("U-HDN + IKM"), *uhdn_block(1, PATCH * 2, PATCH * 3)),
        inferred(image.format("CoMoNet-S"), *comonet_block(1, PATCH * 2, PATCH * 3)),
        inferred(f"dense block of U-HDN + IKM, {BATCH} patches", *uhdn_block(BATCH, PATCH, PATCH)),
        inferred(f"dense block of CoMoNet-S, {BATCH} patches", *comonet_block(BATCH, PATCH, PATCH)),
        trained(f"training a modulated convolution, {BATCH} patches", image_specific=False),
        trained("the same by the gradients of the images' own kernels", image_specific=True),
        remembered("memory of a dense block of CoMoNet-S, 180x320"),
    ]


def uhdn_block(count: int, height: int, width: int) -> tuple[DenseBlock, Tensor]:
    """Make the first block of a U-HDB, 64 channels and 6 layers of 12, and its input."""
    torch.manual_seed(0)
    block = DenseBlock(64, 12, 6, partial(Convolution, modulated=True), partial(nn.ReLU, inplace=True), bias=False)
    return block, features(count, 64, height, width)


def comonet_block(count: int, height: int, width: int) -> tuple[DenseBlock, Tensor]:
    """Make the first block of CoMoNet-S, 48 channels and 6 layers of 8, and its input."""
    torch.manual_seed(0)
    block = DenseBlock(48, 8, 6, ThresholdConvolution, partial(nn.LeakyReLU, 0.1, inplace=True), bias=True)
    return block, features(count, 48, height, width)


def features(count: int, channels: int, height: int, width: int) -> Tensor:
    """Random features of both signs, whose share of positive values grows from left to right."""
    drawn = torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))
    return drawn + torch.linspace(-1, 1, width)


def inferred(what: str, block: DenseBlock, x: Tensor) -> Row:
    """Check that both results are equal, then compare the times."""
    with torch.inference_mode():
        torch.testing.assert_close(block(x), as_released(block, x), rtol=TOLERANCE, atol=TOLERANCE)
        return judged(what, RELEASED, compare(lambda: block(x), lambda: as_released(block, x)))


def judged(what: str, against: str, ratio: float) -> Row:
    """Make a row whose target is to be at least as fast."""
    return Row(what, against, ratio, "≥ 1 (as fast)", ratio >= 1)


def as_released(block: DenseBlock, x: Tensor) -> Tensor:
    """Run a dense block in which every layer computes the factors of all of its channels."""
    for dense in block.body:
        convolution, activation = dense.layer
        share = F.adaptive_avg_pool2d((x >= getattr(convolution, "threshold", 0.0)).float(), 3)
        factors = 9 * share.flatten(2).softmax(2).view_as(share)
        if not hasattr(convolution, "threshold"):
            factors = 1 + torch.sigmoid(factors - 1)
        x = torch.cat((x, activation(in_groups(convolution.Conv2d.weight, factors, x))), dim=1)
    gated: Tensor = block.gate(x)
    return gated


def in_groups(weight: Tensor, factors: Tensor, x: Tensor) -> Tensor:
    """Convolve all images in one grouped convolution."""
    count, channels, height, width = x.shape
    weights = (weight * factors.unsqueeze(1)).flatten(0, 1)
    made = F.conv2d(x.reshape(1, count * channels, height, width), weights, padding=1, groups=count)
    return made.view(count, -1, height, width)


def trained(what: str, *, image_specific: bool) -> Row:
    """Compare forward and backward passes on channels-last images, and the gradients unless they are image-specific."""
    torch.manual_seed(0)
    layer = ModulatedConv2d(100, 12, 3, padding=1, bias=False)
    layer.image_specific = image_specific
    layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    x = features(BATCH, 100, PATCH, PATCH).contiguous(memory_format=torch.channels_last).requires_grad_()
    factors = ikm_attention(x, (3, 3))

    def step(convolve: Callable[[], Tensor]) -> Tensor:
        weight, _ = torch.autograd.grad(convolve().square().sum(), (layer.weight, x))
        return weight

    ours = partial(step, lambda: layer(x, factors))
    reference = partial(step, lambda: in_groups(layer.weight, factors, x))
    if not image_specific:
        torch.testing.assert_close(ours(), reference(), rtol=1e-3, atol=1e-1)
    return judged(what, "a group for each image", compare(ours, reference))


def remembered(what: str) -> Row:
    """Compare the memory that each needs beyond weights and input, in separate processes."""
    answers = peak_memory([Work(f"{__name__}:large_image", {"reference": reference}) for reference in (False, True)])
    needed = [answer.extra_mib for answer in answers if isinstance(answer, Memory)]
    if len(needed) < len(answers):
        raise next(answer for answer in answers if isinstance(answer, Exception))
    ratio = needed[1] / needed[0]
    return Row(what, RELEASED, ratio, "≥ 0.95 (no more)", ratio >= 0.95)


def large_image(reference: bool) -> tuple[nn.Module, Callable[[], object]]:
    """Make the dense block or its reference on the lr of a 1280x720 image at x4, for `peak_memory`."""
    block, x = comonet_block(1, 180, 320)

    def forward() -> Tensor:
        with torch.inference_mode():
            return as_released(block, x) if reference else block(x)

    return block, forward
