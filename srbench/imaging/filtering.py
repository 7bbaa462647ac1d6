"""Filtering with kernels of any size, another one for every image, under each border convention in use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from srbench.errors import ShapeError, UsageError
from srbench.imaging.kernel_operations import pad_to
from srbench.imaging.parallel import for_each, values_alone

Border: TypeAlias = Literal["reflect", "replicate", "circular", "symmetric"]
"""What stands beyond the edge: the mirrored image without the edge pixel (OpenCV's reflect101, SciPy's "mirror"; DASR,
KDSR, Real-ESRGAN, BSRGAN), the edge pixel repeated (MATLAB scripts of SRMD, RDN), the other side of the image (IRCNN,
USRNet, KAIR), or the mirrored image with the edge pixel (MATLAB's ``imresize``, SciPy's "reflect")."""

_DIRECT_WEIGHTS = 441
"""On a CPU, kernels of more weights go by Fourier transforms. 16 RGB images of 256² take the same time both ways at
21 × 21; the direct way computes 16 planes at a time, whether there are as many or not, and is slow in float64."""
_LANES = 16
_GROUPED = 6
"""Kernels of a list whose sides differ by less may go together."""


def filter2d(
    images: Tensor, kernels: Tensor | Sequence[Tensor], *, border: Border = "reflect", flip: bool = False
) -> Tensor:
    """Filter every image with its own kernel, all channels alike.

    A kernel of even side stands so that its pixel ``(side − 1) // 2`` is on the pixel that is computed, as in MATLAB's
    ``imfilter``; with ``flip`` that is its pixel ``side // 2``, as in SciPy.

    Args:
        images: (N, C, H, W) floating point.
        kernels: (N, k, l), or (1, k, l) for all images; of any dtype and device. Or a list of (k, l), one for each
            image, of sides of their own.
        border: What stands beyond the edges; kernels may be larger than the image.
        flip: False correlates, as OpenCV, torch, ``imfilter`` and the code of DASR, KDSR and Real-ESRGAN do; True
            convolves, as SciPy and the code of BSRGAN, USRNet and KAIR do. Symmetric kernels know no difference.

    Returns:
        (N, C, H, W) of the dtype of ``images``, slightly beyond their range where kernels have negative weights.

    Raises:
        ShapeError: If there are not as many kernels as images.
    """
    if not isinstance(kernels, Tensor) and len(kernels) == len(images) == 1:
        kernels = kernels[0].unsqueeze(0)
    several = [*kernels]
    if images.ndim != 4 or len(several) not in (1, len(images)) or any(kernel.ndim != 2 for kernel in several):
        shapes = tuple(kernels.shape) if isinstance(kernels, Tensor) else [tuple(kernel.shape) for kernel in several]
        raise ShapeError(
            f"Images of shape {tuple(images.shape)} were to be filtered with kernels of shape {shapes}; "
            "give images (N, C, H, W) and kernels (N, k, l), (1, k, l) or a list of N."
        )
    small = all(kernel.numel() <= _DIRECT_WEIGHTS for kernel in several)
    if small and images.dtype == torch.float32 and images.numel() and values_alone(images, *several):
        return _by_loops(images, several, border, flip)
    if len(images) > 1 and values_alone(images, *several):
        return _one_by_one(images, several, border, flip)
    if not isinstance(kernels, Tensor):
        return _in_groups(images, several, border, flip)
    kernels = kernels.to(images)
    if flip:
        kernels = kernels.flip(-2, -1)
    rows, columns = (_around(side, flip) for side in kernels.shape[-2:])
    padded = pad(images, rows, columns, border)
    count, channels = images.shape[:2]
    if not _goes_direct(padded, kernels[0].numel()):
        return _by_fourier(padded, kernels, images.shape[-2:])
    weights = kernels.expand(count, -1, -1).repeat_interleave(channels, 0).unsqueeze(1)
    planes = padded.reshape(1, count * channels, *padded.shape[-2:])
    return F.conv2d(planes, weights, groups=count * channels).view(images.shape)


def sharpen(images: Tensor, *, weight: float = 0.5, radius: int = 50, threshold: float = 10.0) -> Tensor:
    """Unsharp masking as Real-ESRGAN and BSRGAN do it to ground truths.

    Where an image differs from its blurred self by more than a threshold, part of the difference is added; the map of
    those places is blurred too. The blur's standard deviation is OpenCV's for the radius, 8.0 pixels for 50.

    Args:
        images: (N, C, H, W) in [0, 1].
        weight: Of the difference.
        radius: Side of the blur in pixels; the next odd number is taken. Borders are reflected.
        threshold: In 8-bit levels, for each channel.

    Returns:
        (N, C, H, W) in [0, 1] where ``images`` are.
    """
    side = radius + 1 - radius % 2
    steps = torch.arange(side, dtype=torch.float64, device=images.device) - side // 2
    line = torch.softmax(-0.5 * (steps / (0.3 * ((side - 1) * 0.5 - 1) + 0.8)).square(), 0)
    residual = images - filter_lines(images, line, line)
    mask = (residual.abs() * 255 > threshold).to(images.dtype)
    soft = filter_lines(mask, line, line)
    sharp = (images + weight * residual).clamp(0, 1)
    return soft * sharp + (1 - soft) * images


def filter_lines(images: Tensor, rows: Tensor, columns: Tensor, *, border: Border = "reflect") -> Tensor:
    """`filter2d` with one kernel that is the outer product of two lines, which is a good deal faster.

    Args:
        images: (N, C, H, W) floating point.
        rows: (k,) weights from top to bottom.
        columns: (l,) weights from left to right.
        border: What stands beyond the edges.
    """
    across = filter2d(images, columns.view(1, 1, -1), border=border)
    return filter2d(across, rows.view(1, -1, 1), border=border)


def pad(images: Tensor, rows: tuple[int, int], columns: tuple[int, int], border: Border) -> Tensor:
    """Extend images; borders wider than the image mirror or repeat it as often as it takes.

    Args:
        images: (N, C, H, W).
        rows: How many above and below.
        columns: How many to the left and right.
        border: What to extend with.
    """
    if border not in ("reflect", "replicate", "circular", "symmetric"):
        raise UsageError(f"There is no border {border!r}; choose one of reflect, replicate, circular, symmetric.")
    height, width = images.shape[-2:]
    if border != "symmetric" and max(rows) < height and max(columns) < width:
        return F.pad(images, (*columns, *rows), mode=border)
    for dim, side, (before, after) in ((-2, height, rows), (-1, width, columns)):
        images = images.index_select(dim, _sources(side, before, after, border).to(images.device))
    return images


def _sources(side: int, before: int, after: int, border: Border) -> Tensor:
    """The pixel that stands at each place from ``−before`` to ``side − 1 + after``."""
    places = torch.arange(-before, side + after)
    if border == "replicate":
        return places.clamp(0, side - 1)
    if border == "circular":
        return places % side
    if border == "symmetric":
        there = places % (2 * side)
        return torch.minimum(there, 2 * side - 1 - there)
    there = places % max(2 * side - 2, 1)
    return torch.minimum(there, 2 * side - 2 - there)


@lru_cache(maxsize=256)
def _places(side: int, before: int, after: int, border: Border) -> NDArray[np.int64]:
    """`_sources` for loops."""
    places: NDArray[np.int64] = _sources(side, before, after, border).numpy()
    return places


def _around(side: int, flip: bool) -> tuple[int, int]:
    """How many pixels of a kernel's side, turned if ``flip``, are before and after the one that is computed."""
    before = side - 1 - side // 2 if flip else (side - 1) // 2
    return before, side - 1 - before


def _in_groups(images: Tensor, kernels: Sequence[Tensor], border: Border, flip: bool) -> Tensor:
    """Kernels of about the same side together: 7 × 7 weights cost a ninth of 21 × 21."""
    groups: dict[int, list[int]] = {}
    for image, kernel in enumerate(kernels):
        groups.setdefault(-(-max(kernel.shape) // _GROUPED), []).append(image)
    filtered = torch.empty_like(images)
    for members in groups.values():
        side = max(kernels[image].shape[-1] for image in members)
        own = torch.stack([pad_to(kernels[image].unsqueeze(0), side)[0] for image in members])
        filtered[members] = filter2d(images[members], own, border=border, flip=flip)
    return filtered


def _by_loops(images: Tensor, kernels: Sequence[Tensor], border: Border, flip: bool) -> Tensor:
    from srbench.imaging.compiled.filtering import correlate  # imports a compiler

    images = images.detach().contiguous()
    filtered = torch.empty_like(images)
    planes, out = images.numpy(), filtered.numpy()
    weights = [(kernel.flip(-2, -1) if flip else kernel).detach().double().contiguous().numpy() for kernel in kernels]
    sources = {
        size: [
            _places(side, *_around(of_kernel, flip), border)
            for side, of_kernel in zip(images.shape[-2:], size, strict=True)
        ]
        for size in {one.shape for one in weights}
    }

    def filter_one(image: int) -> None:
        kernel = weights[image % len(weights)]
        rows, columns = sources[kernel.shape]
        middle = _around(kernel.shape[0], flip)[0], _around(kernel.shape[1], flip)[0]
        correlate(planes[image], kernel, middle, rows, columns, out[image])

    for_each(len(planes), filter_one)
    return filtered


def _one_by_one(images: Tensor, kernels: Sequence[Tensor], border: Border, flip: bool) -> Tensor:
    filtered = torch.empty_like(images, memory_format=torch.contiguous_format)

    def filter_one(image: int) -> None:
        one = slice(image, image + 1)
        filtered[one] = filter2d(images[one], kernels[image % len(kernels)].unsqueeze(0), border=border, flip=flip)

    for_each(len(images), filter_one)
    return filtered


def _goes_direct(images: Tensor, weights: int) -> bool:
    planes = images.shape[0] * images.shape[1]
    if images.dtype == torch.float64 or planes == 1:  # a single plane on a GPU would be lowered to TF32
        return weights == 1
    if images.device.type != "cpu":
        return weights <= _DIRECT_WEIGHTS
    return weights * -(-planes // _LANES) * _LANES <= _DIRECT_WEIGHTS * planes


def _by_fourier(padded: Tensor, kernels: Tensor, size: Sequence[int]) -> Tensor:
    sides = [_fast_side(side) for side in padded.shape[-2:]]
    spectrum = torch.fft.rfft2(padded, s=sides) * torch.fft.rfft2(kernels, s=sides).conj().unsqueeze(1)
    filtered: Tensor = torch.fft.irfft2(spectrum, s=sides)
    return filtered[..., : size[0], : size[1]]


def _fast_side(side: int) -> int:
    """The next number without prime factors beyond 5; transforms of other sides take several times as long."""
    while True:
        rest = side
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return side
        side += 1
