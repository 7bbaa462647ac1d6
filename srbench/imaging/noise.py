"""Noise of sensors: Gaussian, speckle and photon noise, a field of its own for every image.

A field is made from the image's seed alone, by a generator of its own on the device of the images and in their dtype,
or by compiled loops in float32 on a CPU where only values are wanted. Each way gives other fields of the same
distribution; frozen realisations are made on the CPU in float64. Levels are standard deviations in 8-bit levels.
Nothing here clamps unless it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from srbench.errors import ShapeError
from srbench.imaging.kernels import Values
from srbench.imaging.parallel import compiled_serves, for_each, in_shares
from srbench.imaging.pixels import settled

if TYPE_CHECKING:
    from srbench.imaging.compiled.noise import Tables

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in full-range luma (JPEG, OpenCV); torchvision's, which Real-ESRGAN uses, have 0.2989
for red."""

_LARGE = 2**13
"""Values of an image from which on its photons are counted by tables of all levels, which take a while to make …"""
_MOST_PHOTONS = 2.0**16
"""… and grow with the photons that white gives."""


def normal(images: Tensor, seeds: Sequence[int], grey: Sequence[bool] | None = None) -> Tensor:
    """Fields of standard normal numbers.

    Args:
        images: (N, C, H, W); for its shape, dtype and device.
        seeds: One for each image; equal seeds give equal fields.
        grey: For each image, whether all its channels share one plane; none does if absent.

    Returns:
        (N, C, H, W).
    """
    _check_seeds(images, seeds)
    fields = torch.empty_like(images, memory_format=torch.contiguous_format)
    if compiled_serves(images):
        from srbench.imaging.compiled import noise as loops

        planes = fields.flatten(2).numpy()

        def make_one(image: int) -> None:
            drawn = planes[image, :1] if grey is not None and grey[image] else planes[image]
            loops.normal(drawn.reshape(-1), _word(seeds[image]))
            planes[image, len(drawn) :] = planes[image, 0]

        for_each(len(planes), make_one)
        return fields
    for number, (field, seed) in enumerate(zip(fields, seeds, strict=True)):
        drawn = field[:1] if grey is not None and grey[number] else field
        drawn.normal_(generator=_generator(images, seed))
        field[len(drawn) :] = field[0]
    return fields


def gaussian(images: Tensor, level: Values, fields: Tensor, *, clamp: bool = False) -> Tensor:
    """Add noise that does not depend on the image.

    Args:
        images: (N, C, H, W) in [0, 1].
        level: Standard deviation in 8-bit levels, one for all images or one for each.
        fields: (N, C, H, W) from `normal`.
        clamp: To [0, 1].
    """
    return add(images, fields, _levels(level, images), clamp=clamp)


def add(images: Tensor, differences: Tensor, factor: Values = 1.0, *, clamp: bool = False) -> Tensor:
    """Add what `normal` or `poisson` gave.

    Args:
        images: (N, C, H, W) in [0, 1].
        differences: (N, C, H, W).
        factor: Of the differences, one for all images or one for each.
        clamp: To [0, 1].
    """
    factors = torch.as_tensor(factor, dtype=images.dtype, device=images.device).view(-1, 1, 1, 1)
    alike = images.shape == differences.shape and images.dtype == differences.dtype
    if alike and len(factors) in (1, len(images)) and compiled_serves(images, differences, factors):
        from srbench.imaging.compiled import noise as loops

        sums = torch.empty_like(images, memory_format=torch.contiguous_format)
        first, second, out = (_flat(some).reshape(len(images), -1) for some in (images, differences, sums))
        each = factors.detach().expand(len(images), 1, 1, 1).numpy().reshape(-1)
        in_shares(len(out), lambda share: loops.add(first[share], second[share], each[share], clamp, out[share]))
        return sums
    total = images + differences * factors
    return total.clamp(0, 1) if clamp else total


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
    _check_seeds(images, seeds)
    peaks = torch.as_tensor(peak, dtype=torch.float64).expand(len(images)).tolist()
    differences = torch.empty_like(images, memory_format=torch.contiguous_format)
    if compiled_serves(images) and images[0].numel() >= _LARGE and all(0 < one <= _MOST_PHOTONS for one in peaks):
        from srbench.imaging.compiled import noise as loops

        out = _flat(differences)

        def count_one(image: int, levels: NDArray[np.uint8]) -> None:
            counted = out[image, : len(levels)].reshape(-1)
            loops.count_photons(levels.reshape(-1), peaks[image], _word(seeds[image]), _tables(peaks[image]), counted)
            out[image, len(levels) :] = out[image, 0]

        _for_each_on_levels(images, grey, luma, count_one)
        return differences
    for number, (image, seed) in enumerate(zip(images, seeds, strict=True)):
        seen = _on_levels(_grey(image, luma) if grey is not None and grey[number] else image)
        differences[number] = count_photons(seen * peaks[number], _generator(images, seed)) / peaks[number] - seen
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
    numbers = [1] * len(images)
    if compiled_serves(images):
        from srbench.imaging.compiled import noise as loops

        def count_one(image: int, levels: NDArray[np.uint8]) -> None:
            numbers[image] = loops.count_levels(levels)

        _for_each_on_levels(images, grey, luma, count_one)
    else:
        for number, image in enumerate(images):
            seen = _grey(image, luma) if grey is not None and grey[number] else image
            at = (_on_levels(seen) * 255).round().long().flatten()
            numbers[number] = int(torch.zeros(256, device=images.device).index_fill_(0, at, 1).sum())
    return torch.tensor([2.0 ** (levels - 1).bit_length() for levels in numbers], dtype=torch.float64)


def _check_seeds(images: Tensor, seeds: Sequence[int]) -> None:
    if len(seeds) != len(images):
        raise ShapeError(f"{len(images)} images were given {len(seeds)} seeds of noise; give one for each.")


def _generator(images: Tensor, seed: int) -> Generator:
    return Generator(images.device).manual_seed(seed)


def _word(seed: int) -> np.uint64:
    return np.uint64(seed % 2**64)


def _flat(images: Tensor) -> NDArray[np.float32]:
    """(N, C, pixels), in the same memory where it lies in one piece."""
    pixels: NDArray[np.float32] = images.detach().contiguous().flatten(2).numpy()
    return pixels


def _for_each_on_levels(
    images: Tensor,
    grey: Sequence[bool] | None,
    luma: tuple[float, float, float],
    work: Callable[[int, NDArray[np.uint8]], None],
) -> None:
    """Call ``work`` with the number of every image and its 8-bit levels (C, pixels), or those of its luma if grey."""
    from srbench.imaging.compiled.noise import to_levels

    pixels, channels = _flat(images), images.shape[1]
    planes = [1 if grey is not None and grey[number] else channels for number in range(len(images))]
    if min(planes) < channels:
        _check_colours(channels)

    def do_one(image: int) -> None:
        levels = np.empty((planes[image], pixels.shape[-1]), np.uint8)
        to_levels(pixels[image], np.array(luma, np.float32), levels)
        work(image, levels)

    for_each(len(images), do_one)


@lru_cache(maxsize=16)  # the powers of two that `peaks_of_levels` gives, and some more
def _tables(peak: float) -> Tables:
    from srbench.imaging.compiled.noise import tables_of_photons

    return tables_of_photons(peak)


def _levels(level: Values, images: Tensor) -> Tensor:
    return torch.as_tensor(level, dtype=images.dtype, device=images.device).view(-1, 1, 1, 1) / 255


def _on_levels(image: Tensor) -> Tensor:
    return settled(image * 255).round().clamp(0, 255) / 255


def _grey(image: Tensor, luma: tuple[float, float, float]) -> Tensor:
    """(1, H, W)."""
    if len(image) == 1:
        return image
    _check_colours(len(image))
    return (image * torch.tensor(luma, dtype=image.dtype, device=image.device).view(3, 1, 1)).sum(0, keepdim=True)


def _check_colours(channels: int) -> None:
    if channels != 3:
        raise ShapeError(f"Grey noise was asked for in an image of {channels} channels; give RGB or grey images.")
