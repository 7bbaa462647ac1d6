"""KDSR's per-image convolution and FreqNet's block DCT against a direct implementation of their formulas."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.freqnet import BAND, FULL_BAND, BlockDCT
from srbench_plugins.architectures.kdsr import DynamicConvolution
from torch import Tensor, nn

from benchmarks.rows import Row, compare
from srbench.profiling.memory import Memory, Work, peak_memory

CHANNELS = 64
LR_SIDES = (180, 320)
HR_SIDES = (736, 1280)
"""720 and 1280 pixels, rounded up to multiples of 32."""
BLOCK, BAND_X4 = 32, BAND / 4
TOLERANCE = 1e-4
Pair = tuple[Callable[[], Tensor], Callable[[], Tensor]]


def rows() -> list[Row]:
    """Every comparison of this file."""
    filters, spread = "a convolution with K filters", "a transposed convolution with K filters"
    return [
        timed("DDC, one image of 180x320", "a loop over its taps", dynamic(1, *LR_SIDES, tapped)),
        timed("DDC, one image, channels last", "images folded into groups", dynamic(1, *LR_SIDES, folded, last=True)),
        timed("DDC, training, 8 patches of 48x48", "a loop over its taps", learning()),
        timed("DCT of 32x32, band of x4, 736x1280", filters, transform(BLOCK, BAND_X4)),
        timed("DCT of 32x32, all, 736x1280", filters, transform(BLOCK)),
        timed("inverse DCT of 32x32, band of x4", spread, back(BLOCK, BAND_X4)),
        timed("inverse DCT of 8x8, all", spread, back(8)),
        remembered("memory of DCT of 32x32, band of x4", filters),
    ]


def timed(what: str, against: str, pair: Pair) -> Row:
    """Check that both results are equal, then compare the times."""
    ours, reference = pair
    torch.testing.assert_close(ours(), reference(), rtol=TOLERANCE, atol=TOLERANCE)
    ratio = compare(ours, reference)
    return Row(what, against, ratio, "≥ 1 (as fast)", ratio >= 1)


def remembered(what: str, against: str) -> Row:
    """Compare the memory that each needs beyond weights and input, in separate processes."""
    answers = peak_memory([Work(f"{__name__}:whole_image", {"reference": reference}) for reference in (False, True)])
    needed = [answer.extra_mib for answer in answers if isinstance(answer, Memory)]
    if len(needed) < len(answers):
        raise next(answer for answer in answers if isinstance(answer, Exception))
    ratio = needed[1] / needed[0]
    return Row(what, against, ratio, "≥ 1 (no more)", ratio >= 1)


def whole_image(reference: bool) -> tuple[nn.Module, Callable[[], object]]:
    """Make the transform or its reference of one image, for `peak_memory`."""
    ours, filtered = transform(BLOCK, BAND_X4)
    return nn.Identity(), filtered if reference else ours


def inferring(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Wrap a function so that it runs without gradients."""

    def without_gradients() -> Tensor:
        with torch.inference_mode():
            return run()

    return without_gradients


def features(count: int, height: int, width: int, *, last: bool = False) -> Tensor:
    """Make random features."""
    x = torch.randn(count, CHANNELS, height, width, generator=torch.Generator().manual_seed(0))
    return x.contiguous(memory_format=torch.channels_last) if last else x


def dynamic(
    count: int, height: int, width: int, reference: Callable[[Tensor, Tensor], Tensor], *, last: bool = False
) -> Pair:
    """Make KDSR's dynamic convolution and a reference; both compute their kernels in every call."""
    layer, x, degradation = (
        DynamicConvolution(CHANNELS),
        features(count, height, width, last=last),
        torch.ones(count, 64),
    )

    def by_reference() -> Tensor:
        return reference(x, layer.kernel(degradation).view(count, CHANNELS, 3, 3))

    return inferring(lambda: layer(x, degradation)), inferring(by_reference)


def tapped(x: Tensor, kernels: Tensor) -> Tensor:
    """Compute the weighted sum of nine shifted images."""
    height, width = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1))
    total = torch.zeros_like(x)
    for row in range(3):
        for column in range(3):
            shifted = padded[:, :, row : row + height, column : column + width]
            total = total + shifted * kernels[:, :, row, column, None, None]
    return total


def folded(x: Tensor, kernels: Tensor) -> Tensor:
    """Convolve the channels of all images as groups of one convolution, as in the release."""
    count, channels, height, width = x.shape
    groups = count * channels
    grouped = F.conv2d(x.reshape(1, groups, height, width), kernels.reshape(-1, 1, 3, 3), padding=1, groups=groups)
    return grouped.view(count, channels, height, width)


def learning() -> Pair:
    """Make the gradient of the dynamic convolution's kernels and its reference."""
    layer, x, degradation = DynamicConvolution(CHANNELS), features(8, 48, 48), torch.ones(8, CHANNELS)
    weight = layer.kernel[0].weight

    def by_taps() -> Tensor:
        return tapped(x, layer.kernel(degradation).view(8, CHANNELS, 3, 3))

    return (
        lambda: torch.autograd.grad(layer(x, degradation).mean(), weight)[0],
        lambda: torch.autograd.grad(by_taps().mean(), weight)[0],
    )


def transform(block: int, radius: float = FULL_BAND) -> Pair:
    """Make the DCT of a whole image and its reference."""
    dct = BlockDCT(block, radius)
    filters = dct.filters()
    image = torch.rand(1, 1, *HR_SIDES, generator=torch.Generator().manual_seed(0))
    return inferring(lambda: dct(image)), inferring(lambda: F.conv2d(image, filters, stride=block))


def back(block: int, radius: float = FULL_BAND) -> Pair:
    """Make the inverse DCT and its reference."""
    dct = BlockDCT(block, radius)
    filters = dct.filters()
    maps = torch.randn(1, dct.channels, HR_SIDES[0] // block, HR_SIDES[1] // block)
    return inferring(lambda: dct.inverse(maps)), inferring(lambda: F.conv_transpose2d(maps, filters, stride=block))
