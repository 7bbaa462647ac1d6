"""Sensor noise: Gaussian, speckle and photon noise, with a separate field for every image.

A field depends on the image's seed alone. It is made by a generator on the device of the images and in their dtype, or
by compiled loops in float32 on a CPU if only values are needed. Both ways have the same distribution and different
fields; frozen realisations are made on the CPU in float64. Levels are standard deviations in 8-bit levels. Results are
clamped only on demand.
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
"""Weights of red, green and blue in full-range luma (JPEG, OpenCV). Real-ESRGAN uses torchvision's, with 0.2989 for
red."""

_TABLES_FROM = 2**13
"""Number of values from which the photons of an image are counted with tables, which take time to make …"""
_TABLES_UP_TO = 2.0**16
"""… and grow with the photons of white; with more photons than this they are not used."""


def normal(images: Tensor, seeds: Sequence[int], grey: Sequence[bool] | None = None) -> Tensor:
    """Draw fields of standard normal numbers.

    Args:
        images: (N, C, H, W); decides shape, dtype and device.
        seeds: One for each image; equal seeds give equal fields.
        grey: Whether all channels of an image share one plane, for each image; default: none.

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
        clamp: Whether to clamp to [0, 1].
    """
    return add(images, fields, _levels(level, images), clamp=clamp)


def add(images: Tensor, differences: Tensor, factor: Values = 1.0, *, clamp: bool = False) -> Tensor:
    """Add fields from `normal` or `poisson`.

    Args:
        images: (N, C, H, W) in [0, 1].
        differences: (N, C, H, W), the fields.
        factor: Factor of the fields, one for all images or one for each.
        clamp: Whether to clamp to [0, 1].
    """
    factors = torch.as_tensor(factor, dtype=images.dtype, device=images.device).view(-1, 1, 1, 1)
    equal = images.shape == differences.shape and images.dtype == differences.dtype
    if equal and len(factors) in (1, len(images)) and compiled_serves(images, differences, factors):
        from srbench.imaging.compiled import noise as loops

        sums = torch.empty_like(images, memory_format=torch.contiguous_format)
        first, second, out = (_flat(some).reshape(len(images), -1) for some in (images, differences, sums))
        each = factors.detach().expand(len(images), 1, 1, 1).numpy().reshape(-1)
        in_shares(len(out), lambda share: loops.add(first[share], second[share], each[share], clamp, out[share]))
        return sums
    total = images + differences * factors
    return total.clamp(0, 1) if clamp else total


def speckle(images: Tensor, level: Values, fields: Tensor) -> Tensor:
    """Add noise in proportion to the image; on white it equals `gaussian`, which has the same arguments."""
    return images + images * fields * _levels(level, images)


def correlated(fields: Tensor, covariance: Tensor) -> Tensor:
    """Correlate the channels of fields.

    Args:
        fields: (N, C, H, W) from `normal`.
        covariance: (N, C, C) between channels. Negative eigenvalues count by their absolute value, as in NumPy's
            ``multivariate_normal``, which BSRGAN draws from.
    """
    values, vectors = torch.linalg.eigh(covariance.to("cpu", torch.float64))
    # the symmetric root, since its sign does not depend on the library
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
    """Draw photon noise: ``Poisson(x · peak) / peak − x``, with x rounded to 8 bits.

    Args:
        images: (N, C, H, W) in [0, 1]; values outside are clamped.
        peak: Number of photons of white, one for all images or one for each.
        seeds: One for each image.
        grey: Whether the photons of luma are counted and all channels share the noise, for each image.
        luma: Weights of red, green and blue.

    Returns:
        (N, C, H, W) to be added to ``images``.
    """
    _check_seeds(images, seeds)
    peaks = torch.as_tensor(peak, dtype=torch.float64).expand(len(images)).tolist()
    differences = torch.empty_like(images, memory_format=torch.contiguous_format)
    if compiled_serves(images) and images[0].numel() >= _TABLES_FROM and all(0 < one <= _TABLES_UP_TO for one in peaks):
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
    """Draw numbers of photons, Poisson distributed with the means ``rates``."""
    return torch.poisson(rates, generator)


def peaks_of_levels(
    images: Tensor, grey: Sequence[bool] | None = None, *, luma: tuple[float, float, float] = LUMA
) -> Tensor:
    """Return Real-ESRGAN's ``peak`` for `poisson`: the number of its 8-bit levels, rounded up to a power of two.

    It is (N,) float64, from 1 for an image of one level to 256.
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
    """Return (N, C, pixels), in the same memory if that is contiguous."""
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


@lru_cache(maxsize=16)  # for the powers of two from `peaks_of_levels`, and some more
def _tables(peak: float) -> Tables:
    from srbench.imaging.compiled.noise import tables_of_photons

    return tables_of_photons(peak)


def _levels(level: Values, images: Tensor) -> Tensor:
    return torch.as_tensor(level, dtype=images.dtype, device=images.device).view(-1, 1, 1, 1) / 255


def _on_levels(image: Tensor) -> Tensor:
    return settled(image * 255).round().clamp(0, 255) / 255


def _grey(image: Tensor, luma: tuple[float, float, float]) -> Tensor:
    """Return the luma of an image (C, H, W), as (1, H, W)."""
    if len(image) == 1:
        return image
    _check_colours(len(image))
    return (image * torch.tensor(luma, dtype=image.dtype, device=image.device).view(3, 1, 1)).sum(0, keepdim=True)


def _check_colours(channels: int) -> None:
    if channels != 3:
        raise ShapeError(f"Grey noise was asked for in an image of {channels} channels; give RGB or grey images.")
