"""Compress images with real codecs, one after the other, and return exactly the pixels that a file would give back.

Exactly reproducible with the same version of the codec; Pillow contains libjpeg-turbo and libwebp. No gradients.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from srbench.errors import ShapeError, UsageError
from srbench.imaging.pixels import settled

Rounding: TypeAlias = Literal["nearest", "down"]
"""How images are rounded to 8 bits: as OpenCV does, or down as APISR does before WebP. Both clamp to [0, 1] first;
otherwise bright noise would turn black."""

Options: TypeAlias = dict[str, str | int]
"""Options of Pillow."""

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def jpeg_bytes(
    images: Tensor,
    quality: int | Sequence[int],
    *,
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0",
    rounding: Rounding = "nearest",
) -> Tensor:
    """Write as JPEG and read again, as OpenCV's ``imencode`` and ``imdecode`` do, which BSRGAN uses.

    Args:
        images: (N, 3 or 1, H, W) in [0, 1].
        quality: From 1 to 100, for all images or for each.
        subsampling: Subsampling of the chroma.
        rounding: See `Rounding`.

    Returns:
        (N, C, H, W) on the 255 levels in [0, 1], in the dtype and on the device of ``images``.
    """
    options: list[Options] = [
        {"format": "JPEG", "quality": one, "subsampling": _SUBSAMPLING[subsampling]} for one in _each(images, quality)
    ]
    return _through(images, options, rounding)


def webp_bytes(
    images: Tensor, quality: int | Sequence[int], *, method: int | Sequence[int] = 4, rounding: Rounding = "nearest"
) -> Tensor:
    """Write as lossy WebP and read again, as `jpeg_bytes` does; ``method`` is the encoder's effort, from 0 to 6."""
    options: list[Options] = [
        {"format": "WEBP", "quality": one, "method": effort}
        for one, effort in zip(_each(images, quality), _each(images, method, 0, 6, "method"), strict=True)
    ]
    return _through(images, options, rounding)


def _through(images: Tensor, options: Sequence[Options], rounding: Rounding) -> Tensor:
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ShapeError(f"A codec takes images (N, 3, H, W) or (N, 1, H, W), not {tuple(images.shape)}.")
    to_levels: Callable[[Tensor], Tensor] = torch.round if rounding == "nearest" else torch.floor
    levels = to_levels(settled(images.detach().clamp(0, 1) * 255)).to("cpu", torch.uint8).permute(0, 2, 3, 1).numpy()
    pixels = np.stack([_pixels(image, how) for image, how in zip(levels, options, strict=True)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().to(images) / 255


def _pixels(levels: NDArray[np.uint8], options: Options) -> NDArray[np.uint8]:
    grey = levels.shape[-1] == 1
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels[..., 0] if grey else levels)).save(file, **options)  # type: ignore[arg-type]
    decoded = np.asarray(Image.open(file).convert("L" if grey else "RGB"))
    return decoded[..., None] if grey else decoded


def _each(
    images: Tensor, values: int | Sequence[int], low: int = 1, high: int = 100, name: str = "quality"
) -> Sequence[int]:
    each = [values] * len(images) if isinstance(values, int) else list(values)
    if len(each) != len(images) or not all(isinstance(one, int) and low <= one <= high for one in each):
        raise UsageError(
            f"A codec was given the {name} {values!r} for {len(images)} images; give a whole number from {low} to "
            f"{high}, or one for each image."
        )
    return each
