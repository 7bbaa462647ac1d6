"""The images of a labelled set at one size, decoded once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srbench.errors import StoreError
from srbench.imaging.pixels import to_tensor, to_uint8
from srbench.imaging.resize import imresize
from srbench.training.patches.images import TrainingImages
from srbench.training.patches.pixels import PixelFile

Array = NDArray[np.uint8]


class SizedImages:
    """Every image of a set, (H, W) large.

    Attributes:
        names: Their names, in order.
    """

    def __init__(self, folder: Path, images: Mapping[str, Path], size: tuple[int, int], cover: float = 1.0) -> None:
        """Decode and resize the images, unless the folder holds them.

        Args:
            folder: Keeps what was decoded.
            images: Name to file; not empty.
            size: Height and width.
            cover: Images are resized until they cover this multiple of ``size``, and the centre is cut out; an image
                that is (H, W) large is taken as it is if this is 1.

        Raises:
            DataError: An image cannot be read.
            StoreError: The folder cannot be written.
        """
        self.names = tuple(images)
        decoded = TrainingImages(folder, images)
        self._whole, self._size = decoded.hr, size
        self._file = _made_once(folder / f"{decoded.key}.{size[0]}x{size[1]}.{cover:g}.sized", self._whole, size, cover)

    def __len__(self) -> int:
        return len(self.names)

    def at(self, numbers: Sequence[int]) -> Tensor:
        """Return images by their numbers, (N, 3, H, W) float32 in [0, 1]."""
        pixels = np.stack([self._file.image(number) for number in numbers])
        return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)

    def crop(self, number: int, box: tuple[int, int, int, int]) -> Tensor:
        """Cut ``box`` (top, left, height, width) out of an image of original size, resized to (1, 3, H, W)."""
        top, left, height, width = box
        return resized(self._whole.image(number)[top : top + height, left : left + width], self._size)

    def original_size(self, number: int) -> tuple[int, int]:
        """Return height and width of an image before it was resized."""
        height, width, _ = self._whole.image(number).shape
        return height, width


def _made_once(path: Path, whole: PixelFile, size: tuple[int, int], cover: float) -> PixelFile:
    def images() -> Iterator[tuple[str, Array]]:
        for number, name in enumerate(whole.names):
            centre = to_uint8(_centre(whole.image(number), size, cover))[0]
            yield name, centre.permute(1, 2, 0).contiguous().numpy()

    try:
        return PixelFile(path)
    except StoreError:  # absent, or damaged by something outside srbench
        return PixelFile.make(path, images())


def _centre(image: Array, size: tuple[int, int], cover: float) -> Tensor:
    height, width = image.shape[:2]
    if (height, width) == size and cover == 1:
        return to_tensor(image)[None]
    factor = max(cover * size[0] / height, cover * size[1] / width)
    tall, wide = (max(round(side * factor), wanted) for side, wanted in zip((height, width), size, strict=True))
    top, left = (tall - size[0]) // 2, (wide - size[1]) // 2
    return resized(image, (tall, wide))[..., top : top + size[0], left : left + size[1]]


def resized(image: Array, size: tuple[int, int]) -> Tensor:
    """Resize (H, W, 3) bicubically with antialiasing to (1, 3, height, width) in [0, 1]."""
    return imresize(to_tensor(image)[None], size=size).clamp(0, 1)
