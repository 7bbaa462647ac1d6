"""A hash of the pixels of an image, independent of its file format."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def pixel_hash(image: NDArray[np.uint8]) -> str:
    r"""sha256 of an image's pixels, the same however the file was compressed.

    It is taken over ``"{height}x{width}x{channels}\n"`` and the values, rows first, channels last. A colour image
    whose three channels are equal is hashed as the grey image it is.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3), 8 bit.
    """
    if image.ndim == 2:
        image = image[..., None]
    if (
        image.shape[2] == 3
        and np.array_equal(image[..., 0], image[..., 1])
        and np.array_equal(image[..., 0], image[..., 2])
    ):
        image = image[..., :1]
    height, width, channels = image.shape
    digest = hashlib.sha256(f"{height}x{width}x{channels}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
