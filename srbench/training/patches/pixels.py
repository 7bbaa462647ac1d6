"""Decoded images, end to end in one memory-mapped file: what training reads its patches from."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from srbench.errors import StoreError
from srbench.files import atomic_path

Array = NDArray[np.uint8]
Index = NDArray[np.int64]

ALWAYS_CHECKED = 2**30
"""Bytes up to which a file is hashed whenever it is opened, so that a bit that flipped on the disk is noticed: 0.6
seconds at most, where a training takes minutes. To read more from a disk may take longer than the training itself."""

_MAGIC = b"srbench pixels 2"


class PixelFile:
    """RGB images of any sizes in one file: their bytes, then an index, then the length of that index.

    The index has the hash of the bytes and the time when they were written. A file of at most `ALWAYS_CHECKED` bytes,
    or one that was changed later, is read in full when it is opened, and used only if its bytes are the same.

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
                changed = os.fstat(file.fileno()).st_mtime_ns != index["written"]
            self.names: tuple[str, ...] = tuple(map(str, index["names"]))
            self.heights: Index = np.array(index["heights"], np.int64)
            self.widths: Index = np.array(index["widths"], np.int64)
            sha256 = str(index["sha256"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise StoreError(damaged) from error
        if not self.heights.shape == self.widths.shape == (len(self.names),) != (0,):
            raise StoreError(damaged)
        ends = np.cumsum(self.heights * self.widths * 3)
        if ends[-1] != size:
            raise StoreError(damaged)
        self._starts: Index = np.concatenate((ends[:1] * 0, ends[:-1]))
        self._bytes: Array = np.asarray(np.memmap(path, np.uint8, mode="r", shape=(size,)))
        if (changed or size <= ALWAYS_CHECKED) and hashlib.sha256(self._bytes.data).hexdigest() != sha256:
            raise StoreError(damaged)
        self._runs: dict[int, Array] = {}

    @classmethod
    def make(cls, path: Path, images: Iterable[tuple[str, Array]]) -> PixelFile:
        """Write ``images``, names and (H, W, 3) arrays, one after the other; whole or not at all.

        Raises:
            StoreError: The folder cannot be written, or the disk is full.
        """
        names, heights, widths = [], [], []
        digest, written = hashlib.sha256(), time.time_ns()
        with atomic_path(path) as temporary:
            with temporary.open("wb") as file:
                for name, image in images:
                    names.append(name)
                    heights.append(image.shape[0])
                    widths.append(image.shape[1])
                    pixels = np.ascontiguousarray(image).data
                    digest.update(pixels)
                    file.write(pixels)
                facts = {"names": names, "heights": heights, "widths": widths}
                index = json.dumps(facts | {"sha256": digest.hexdigest(), "written": written}).encode()
                file.write(index + len(index).to_bytes(8, "little") + _MAGIC)
            os.utime(temporary, ns=(written, written))
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
