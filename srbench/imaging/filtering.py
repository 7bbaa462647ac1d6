"""Filter images with kernels of any size, one for every image, under each border convention in use; and sharpen."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from srbench.errors import ShapeError
from srbench.imaging.borders import Border, check_border, margins, pad
from srbench.imaging.kernels import pad_to
from srbench.imaging.parallel import compiled_serves, for_each, values_alone

_DIRECT_WEIGHTS = 441
"""On a CPU, kernels of more weights are applied by Fourier transforms. 16 RGB images of 256² take the same time both
ways at 21 × 21. The direct way always computes 16 planes at a time, even if there are fewer, and is slow in float64."""
_LANES = 16
_GROUPED = 6
"""Kernels of a list are applied together if their sides differ by less."""


def filter2d(
    images: Tensor, kernels: Tensor | Sequence[Tensor], *, border: Border = "reflect", flip: bool = False
) -> Tensor:
    """Filter every image with its own kernel, the same for all its channels.

    The pixel of a kernel that is laid on the computed pixel is ``(side − 1) // 2``, as in MATLAB's ``imfilter``; with
    ``flip`` it is ``side // 2``, as in SciPy. The two differ for even sides.

    Args:
        images: (N, C, H, W) floating point.
        kernels: (N, k, l), or (1, k, l) for all images; of any dtype and device. Or a list with one (k, l) for each
            image, whose sides may differ.
        border: How the image goes on beyond its edges; kernels may be larger than the image.
        flip: False correlates, as OpenCV, torch, ``imfilter`` and the code of DASR, KDSR and Real-ESRGAN do; True
            convolves, as SciPy and the code of BSRGAN, USRNet and KAIR do. For symmetric kernels both are the same.

    Returns:
        (N, C, H, W) of the dtype of ``images``, slightly beyond their range where kernels have negative weights.

    Raises:
        ShapeError: The numbers of kernels and images differ.
        UsageError: The border is unknown.
    """
    if not isinstance(kernels, Tensor) and len(kernels) == len(images) == 1:
        kernels = kernels[0].unsqueeze(0)
    several = [*kernels]
    if images.ndim != 4 or len(several) not in (1, len(images)) or any(kernel.ndim != 2 for kernel in several):
        shapes = tuple(kernels.shape) if isinstance(kernels, Tensor) else [tuple(kernel.shape) for kernel in several]
        raise ShapeError(
            f"Images of shape {tuple(images.shape)} cannot be filtered with kernels of shape {shapes}; "
            "give images (N, C, H, W) and kernels (N, k, l), (1, k, l) or a list of N."
        )
    check_border(border)
    if compiled_serves(images, *several) and all(kernel.numel() <= _DIRECT_WEIGHTS for kernel in several):
        from srbench.imaging.compiled import filtering as compiled  # imports a compiler

        return compiled.filter2d(images, several, border=border, flip=flip)
    if len(images) > 1 and values_alone(images, *several):
        return _one_by_one(images, several, border, flip)
    if not isinstance(kernels, Tensor):
        return _in_groups(images, several, border, flip)
    kernels = kernels.to(images)
    if flip:
        kernels = kernels.flip(-2, -1)
    rows, columns = (margins(side) for side in kernels.shape[-2:])
    padded = pad(images, rows, columns, border)
    count, channels = images.shape[:2]
    if not _goes_direct(padded, kernels[0].numel()):
        return _by_fourier(padded, kernels, images.shape[-2:])
    weights = kernels.expand(count, -1, -1).repeat_interleave(channels, 0).unsqueeze(1)
    planes = padded.reshape(1, count * channels, *padded.shape[-2:])
    return F.conv2d(planes, weights, groups=count * channels).view(images.shape)


def filter_lines(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Filter with the outer product of ``rows`` (k,) and ``columns`` (l,), much faster than `filter2d` would."""
    return filter2d(filter2d(images, columns.view(1, 1, -1)), rows.view(1, -1, 1))


def sharpen(images: Tensor, *, weight: float = 0.5, radius: int = 50, threshold: float = 10.0) -> Tensor:
    """Apply the unsharp masking with which Real-ESRGAN and BSRGAN sharpen ground truths.

    Where an image differs from its blurred version by more than a threshold, part of the difference is added. The map
    of those places is blurred too. The blur has OpenCV's standard deviation for the radius: 8.0 pixels for 50.

    Args:
        images: (N, C, H, W) in [0, 1].
        weight: Which part of the difference is added.
        radius: Side of the blur in pixels; the next odd number is taken. Borders are reflected.
        threshold: Smallest difference that counts, in 8-bit levels and for each channel.

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


def _in_groups(images: Tensor, kernels: Sequence[Tensor], border: Border, flip: bool) -> Tensor:
    """Filter with kernels of about the same side together: 7 × 7 weights cost a ninth of 21 × 21."""
    groups: dict[int, list[int]] = {}
    for image, kernel in enumerate(kernels):
        groups.setdefault(-(-max(kernel.shape) // _GROUPED), []).append(image)
    filtered = torch.empty_like(images)
    for members in groups.values():
        side = max(kernels[image].shape[-1] for image in members)
        own = torch.stack([pad_to(kernels[image].unsqueeze(0), side)[0] for image in members])
        filtered[members] = filter2d(images[members], own, border=border, flip=flip)
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
    """Return the next number without a prime factor above 5; other sides take several times as long to transform."""
    while True:
        rest = side
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return side
        side += 1
