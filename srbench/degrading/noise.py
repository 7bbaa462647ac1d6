"""Noise of sensors: Gaussian, speckle and photon noise, a field of its own for every image.

A field is made from the image's seed by a generator of its own on the device of the images and in their dtype. Other
devices and dtypes therefore give other fields of the same distribution; frozen realisations are made on the CPU in
float64. Levels are standard deviations in 8-bit levels. Nothing here clamps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from srbench.degrading.kernels import Values
from srbench.degrading.levels import settled
from srbench.errors import ShapeError

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in full-range luma (JPEG, OpenCV); torchvision's, which Real-ESRGAN uses, have 0.2989
for red."""


def normal(images: Tensor, seeds: Sequence[int], grey: Sequence[bool] | None = None) -> Tensor:
    """Fields of standard normal numbers.

    Args:
        images: (N, C, H, W); for its shape, dtype and device.
        seeds: One for each image; equal seeds give equal fields.
        grey: For each image, whether all its channels share one plane; none does if absent.

    Returns:
        (N, C, H, W).
    """
    fields = torch.empty_like(images, memory_format=torch.contiguous_format)
    for number, (field, generator) in enumerate(zip(fields, _generators(images, seeds), strict=True)):
        if grey is not None and grey[number]:
            field[0].normal_(generator=generator)
            field[1:] = field[0]
        else:
            field.normal_(generator=generator)
    return fields


def gaussian(images: Tensor, level: Values, fields: Tensor) -> Tensor:
    """Add noise that does not depend on the image.

    Args:
        images: (N, C, H, W) in [0, 1].
        level: Standard deviation in 8-bit levels, one for all images or one for each.
        fields: (N, C, H, W) from `normal`.
    """
    return images + fields * _levels(level, images)


def speckle(images: Tensor, level: Values, fields: Tensor) -> Tensor:
    """Add noise in proportion to the image: where it is white, that of `gaussian`, whose arguments these are."""
    return images + images * fields * _levels(level, images)


def correlated(fields: Tensor, covariance: Tensor) -> Tensor:
    """Fields whose channels go together.

    Args:
        fields: (N, C, H, W) from `normal`.
        covariance: (N, C, C) between channels. Where it is none, having negative eigenvalues, these count by their
            size, as in NumPy's ``multivariate_normal`` that BSRGAN draws from.
    """
    values, vectors = torch.linalg.eigh(covariance.to("cpu", torch.float64))
    # the symmetric root is the only one that no library may return with another sign
    root = (vectors * values.abs().sqrt().unsqueeze(1)) @ vectors.mT
    return torch.einsum("nij,njhw->nihw", root.to(fields), fields)


def poisson(
    images: Tensor,
    peak: Values,
    seeds: Sequence[int],
    grey: Sequence[bool] | None = None,
    *,
    luma: tuple[float, float, float] = LUMA,
) -> Tensor:
    """The difference that counting photons makes: ``Poisson(x · peak) / peak − x``, with x rounded to 8 bits.

    Args:
        images: (N, C, H, W) in [0, 1]; values outside are clamped.
        peak: Photons that white gives, one number for all images or one for each.
        seeds: One for each image.
        grey: For each image, whether the photons of its luma are counted and all channels differ alike.
        luma: Weights of red, green and blue.

    Returns:
        (N, C, H, W) to be added to ``images``.
    """
    peaks = torch.as_tensor(peak, dtype=torch.float64).expand(len(images)).tolist()
    differences = torch.empty_like(images)
    for number, (image, generator) in enumerate(zip(images, _generators(images, seeds), strict=True)):
        seen = _on_levels(_grey(image, luma) if grey is not None and grey[number] else image)
        differences[number] = count_photons(seen * peaks[number], generator) / peaks[number] - seen
    return differences


def count_photons(rates: Tensor, generator: Generator) -> Tensor:
    """Numbers of photons, Poisson distributed with these means."""
    return torch.poisson(rates, generator)


def peaks_of_levels(
    images: Tensor, grey: Sequence[bool] | None = None, *, luma: tuple[float, float, float] = LUMA
) -> Tensor:
    """How many photons Real-ESRGAN has white give: the power of two that the number of levels in the image leads to.

    Args:
        images: (N, C, H, W) in [0, 1].
        grey: See `poisson`.
        luma: See `poisson`.

    Returns:
        (N,) float64, from 1 for an image of one level to 256.
    """
    peaks = []
    for number, image in enumerate(images):
        seen = _grey(image, luma) if grey is not None and grey[number] else image
        at = (_on_levels(seen) * 255).round().long().flatten()
        levels = int(torch.zeros(256, device=images.device).index_fill_(0, at, 1).sum())
        peaks.append(2.0 ** (levels - 1).bit_length())
    return torch.tensor(peaks, dtype=torch.float64)


def _generators(images: Tensor, seeds: Sequence[int]) -> list[Generator]:
    if len(seeds) != len(images):
        raise ShapeError(f"{len(images)} images were given {len(seeds)} seeds of noise; give one for each.")
    return [Generator(images.device).manual_seed(seed) for seed in seeds]


def _levels(level: Values, images: Tensor) -> Tensor:
    return torch.as_tensor(level, dtype=images.dtype, device=images.device).view(-1, 1, 1, 1) / 255


def _on_levels(image: Tensor) -> Tensor:
    return settled(image * 255).round().clamp(0, 255) / 255


def _grey(image: Tensor, luma: tuple[float, float, float]) -> Tensor:
    """(1, H, W)."""
    if len(image) == 1:
        return image
    if len(image) != 3:
        raise ShapeError(f"Grey noise was asked for in an image of {len(image)} channels; give RGB or grey images.")
    return (image * torch.tensor(luma, dtype=image.dtype, device=image.device).view(3, 1, 1)).sum(0, keepdim=True)
