"""KDSR's per-image convolution and FreqNet's block DCT against their formulas, written down directly."""

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
"""The next multiples of 32 to 720 and 1280."""
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
    """Both compute the same; only then is the time compared."""
    ours, reference = pair
    torch.testing.assert_close(ours(), reference(), rtol=TOLERANCE, atol=TOLERANCE)
    ratio = compare(ours, reference)
    return Row(what, against, ratio, "≥ 1 (as fast)", ratio >= 1)


def remembered(what: str, against: str) -> Row:
    """What each needs beyond its weights and its input, each in a process of its own."""
    answers = peak_memory([Work(f"{__name__}:whole_image", {"reference": reference}) for reference in (False, True)])
    needed = [answer.extra_mib for answer in answers if isinstance(answer, Memory)]
    if len(needed) < len(answers):
        raise next(answer for answer in answers if isinstance(answer, Exception))
    ratio = needed[1] / needed[0]
    return Row(what, against, ratio, "≥ 1 (no more)", ratio >= 1)


def whole_image(reference: bool) -> tuple[nn.Module, Callable[[], object]]:
    """The transform, or its reference, of one image: what `peak_memory` runs."""
    ours, filtered = transform(BLOCK, BAND_X4)
    return nn.Identity(), filtered if reference else ours


def inferring(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """The same without gradients."""

    def without_gradients() -> Tensor:
        with torch.inference_mode():
            return run()

    return without_gradients


def features(count: int, height: int, width: int, *, last: bool = False) -> Tensor:
    """Random features."""
    x = torch.randn(count, CHANNELS, height, width, generator=torch.Generator().manual_seed(0))
    return x.contiguous(memory_format=torch.channels_last) if last else x


def dynamic(
    count: int, height: int, width: int, reference: Callable[[Tensor, Tensor], Tensor], *, last: bool = False
) -> Pair:
    """KDSR's dynamic convolution, kernels made anew each time, as a reference convolves with them."""
    layer, x, degradation = (
        DynamicConvolution(CHANNELS),
        features(count, height, width, last=last),
        torch.ones(count, 64),
    )

    def by_reference() -> Tensor:
        return reference(x, layer.kernel(degradation).view(count, CHANNELS, 3, 3))

    return inferring(lambda: layer(x, degradation)), inferring(by_reference)


def tapped(x: Tensor, kernels: Tensor) -> Tensor:
    """The sum of nine shifted images, each weighed."""
    height, width = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1))
    total = torch.zeros_like(x)
    for row in range(3):
        for column in range(3):
            shifted = padded[:, :, row : row + height, column : column + width]
            total = total + shifted * kernels[:, :, row, column, None, None]
    return total


def folded(x: Tensor, kernels: Tensor) -> Tensor:
    """Every image's channels as groups of one convolution, as the release has it."""
    count, channels, height, width = x.shape
    groups = count * channels
    grouped = F.conv2d(x.reshape(1, groups, height, width), kernels.reshape(-1, 1, 3, 3), padding=1, groups=groups)
    return grouped.view(count, channels, height, width)


def learning() -> Pair:
    """The gradient of the dynamic convolution's kernels."""
    layer, x, degradation = DynamicConvolution(CHANNELS), features(8, 48, 48), torch.ones(8, CHANNELS)
    weight = layer.kernel[0].weight

    def by_taps() -> Tensor:
        return tapped(x, layer.kernel(degradation).view(8, CHANNELS, 3, 3))

    return (
        lambda: torch.autograd.grad(layer(x, degradation).mean(), weight)[0],
        lambda: torch.autograd.grad(by_taps().mean(), weight)[0],
    )


def transform(block: int, radius: float = FULL_BAND) -> Pair:
    """The coefficients of a whole image."""
    dct = BlockDCT(block, radius)
    filters = dct.filters()
    image = torch.rand(1, 1, *HR_SIDES, generator=torch.Generator().manual_seed(0))
    return inferring(lambda: dct(image)), inferring(lambda: F.conv2d(image, filters, stride=block))


def back(block: int, radius: float = FULL_BAND) -> Pair:
    """The image of coefficients."""
    dct = BlockDCT(block, radius)
    filters = dct.filters()
    maps = torch.randn(1, dct.channels, HR_SIDES[0] // block, HR_SIDES[1] // block)
    return inferring(lambda: dct.inverse(maps)), inferring(lambda: F.conv_transpose2d(maps, filters, stride=block))
