"""Decoded images, end to end in one memory-mapped file: what training reads its patches from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srbench.errors import StoreError
from srbench.files import atomic_path

Array = NDArray[np.uint8]
Index = NDArray[np.int64]

_MAGIC = b"srbench pixels 1"


class PixelFile:
    """RGB images of any sizes in one file: their bytes, then an index, then the length of that index.

    The file is mapped, not read: many trainings share one copy in the system's page cache, and a set larger than the
    memory works too.

    Attributes:
        names: The images' names, in order.
        heights: (images,) in pixels.
        widths: (images,) in pixels.
    """

    def __init__(self, path: Path) -> None:
        """Map an existing file.

        Raises:
            StoreError: The file is damaged; delete it and it is made again.
        """
        damaged = f"The image cache {path} is damaged; delete it and it will be made again."
        try:
            with path.open("rb") as file:
                file.seek(-len(_MAGIC) - 8, os.SEEK_END)
                tail = file.read()
                length = int.from_bytes(tail[:8], "little")
                if tail[8:] != _MAGIC:
                    raise StoreError(damaged)
                file.seek(-len(tail) - length, os.SEEK_END)
                size = file.tell()
                index = json.loads(file.read(length))
        except (OSError, ValueError) as error:
            raise StoreError(damaged) from error
        self.names: tuple[str, ...] = tuple(index["names"])
        self.heights: Index = np.array(index["heights"], np.int64)
        self.widths: Index = np.array(index["widths"], np.int64)
        ends = np.cumsum(self.heights * self.widths * 3)
        if not len(ends) or ends[-1] != size:
            raise StoreError(damaged)
        self._starts: Index = np.concatenate((ends[:1] * 0, ends[:-1]))
        self._bytes: Array = np.asarray(np.memmap(path, np.uint8, mode="r", shape=(size,)))
        self._runs: dict[int, Array] = {}

    @classmethod
    def make(cls, path: Path, images: Iterable[tuple[str, Array]]) -> PixelFile:
        """Write ``images``, names and (H, W, 3) arrays, one after the other; whole or not at all.

        Raises:
            StoreError: The folder cannot be written, or the disk is full.
        """
        names, heights, widths = [], [], []
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            for name, image in images:
                names.append(name)
                heights.append(image.shape[0])
                widths.append(image.shape[1])
                file.write(np.ascontiguousarray(image).data)
            index = json.dumps({"names": names, "heights": heights, "widths": widths}).encode()
            file.write(index + len(index).to_bytes(8, "little") + _MAGIC)
        return cls(path)

    def __len__(self) -> int:
        return len(self.names)

    def image(self, number: int) -> Array:
        """Return one image, (H, W, 3), not copied."""
        height, width = int(self.heights[number]), int(self.widths[number])
        start = int(self._starts[number])
        return self._bytes[start : start + height * width * 3].reshape(height, width, 3)

    def cut(self, image: Index, top: Index, left: Index, side: int) -> Array:
        """Cut the square patches of a whole batch in one gather.

        Args:
            image: (N,) which image each patch is from.
            top: (N,) its first row.
            left: (N,) its first column.
            side: Its side, in pixels; patches must be inside their images.

        Returns:
            (N, side, side, 3).
        """
        # A patch row is a run of 3 * side bytes anywhere in the file, so the file seen as all its overlapping runs is
        # indexed once with the first byte of every row of every patch.
        run = 3 * side
        if run not in self._runs:
            shape = (len(self._bytes) - run + 1, run)
            self._runs[run] = np.lib.stride_tricks.as_strided(self._bytes, shape, (1, 1), writeable=False)
        rows = top[:, None] + np.arange(side)
        first = self._starts[image][:, None] + (rows * self.widths[image][:, None] + left[:, None]) * 3
        patches: Array = self._runs[run][first].reshape(len(image), side, side, 3)
        return patches
