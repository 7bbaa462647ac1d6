"""Write PNG files strip by strip, so that an image is never in memory twice (PNG specification, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2
"""The filter that stores the difference to the row above (9.2): fast, and close to the best one for photographs."""
_STRIP = 2**22
"""Bytes that are compressed at once."""
_COLOUR_TYPES = {(1, False): 0, (3, False): 2, (1, True): 4, (3, True): 6}
"""The number in the header (11.2.1), by the number of colours and whether there is transparency."""


def write_png(
    path: Path,
    colours: NDArray[np.unsignedinteger[Any]],
    alpha: NDArray[np.unsignedinteger[Any]] | None = None,
    *,
    profile: bytes = b"",
    exif: bytes = b"",
) -> None:
    """Write an image of 8 or 16 bits a channel.

    Args:
        path: The file, which is replaced if it is there.
        colours: (H, W, 3), or (H, W) for grey, as uint8 or uint16.
        alpha: (H, W) of the same type, how opaque each pixel is.
        profile: An ICC profile.
        exif: EXIF data, with or without "Exif" before it.

    Raises:
        OSError: It cannot be written.
    """
    height, width = colours.shape[:2]
    colour_type = _COLOUR_TYPES[1 if colours.ndim == 2 else 3, alpha is not None]
    header = struct.pack(">IIBBBBB", width, height, 8 * colours.itemsize, colour_type, 0, 0, 0)
    compressor = zlib.compressobj(1)
    with path.open("wb") as file:
        file.write(_SIGNATURE)
        _write_chunk(file, b"IHDR", header)
        if profile:
            _write_chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
        if exif:
            _write_chunk(file, b"eXIf", exif.removeprefix(b"Exif\0\0"))
        for strip in _filtered(colours, alpha):
            if data := compressor.compress(strip.tobytes()):
                _write_chunk(file, b"IDAT", data)
        _write_chunk(file, b"IDAT", compressor.flush())
        _write_chunk(file, b"IEND", b"")


def _filtered(
    colours: NDArray[np.unsignedinteger[Any]], alpha: NDArray[np.unsignedinteger[Any]] | None
) -> Iterator[NDArray[np.uint8]]:
    """Yield strips of rows as the file has them before compression: big-endian samples, a filter's number in front."""
    planes = colours[..., None] if colours.ndim == 2 else colours
    height, width, channels = planes.shape
    row = width * (channels + (alpha is not None)) * planes.itemsize
    above = np.zeros(row, np.uint8)
    for top in range(0, height, lines := max(_STRIP // row, 1)):
        part = planes[top : top + lines]
        if alpha is not None:
            part = np.concatenate((part, alpha[top : top + lines, :, None]), axis=2)
        samples = np.ascontiguousarray(part, dtype=part.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, row)
        made = np.full((len(samples), row + 1), _UP, np.uint8)
        np.subtract(samples[:1], above, out=made[:1, 1:])
        np.subtract(samples[1:], samples[:-1], out=made[1:, 1:])
        above = samples[-1]
        yield made


def _write_chunk(file: IO[bytes], name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))
