"""Photographs as viewers show them: upright, with transparency, 16 bits and colour profiles; read, and written again.

`srbench.imaging.files` reads what is measured, and refuses files that programs show in different ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srbench.errors import DataError, UnavailableError
from srbench.files import atomic_path
from srbench.imaging.files import ORIENTATION, bits_of, opened_image
from srbench.imaging.png import write_png

Values: TypeAlias = NDArray[np.unsignedinteger[Any]]
"""8 or 16 bits, as uint8 or uint16."""

DEEP = (".png", ".tif", ".tiff")
"""Suffixes of formats that can hold 16 bits a channel."""
TRANSPARENT = (".png", ".tif", ".tiff", ".webp")
"""Suffixes of formats that can hold transparency."""
_QUALITY = 95
"""The quality of files in lossy formats, from 0 to 100."""
_TIFF_PROFILE = 34675
"""The number of the TIFF tag of a colour profile."""
_TIFF_STRUCTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 297, 317, 320, 322, 323, 324, 325, 338}
) | {339, 340, 341, 347, 529, 530, 531, 532, _TIFF_PROFILE}
"""Tags that say how a TIFF file stores its pixels (TIFF 6.0), which among EXIF data would be wrong of another file."""
_UPRIGHT: dict[int, Callable[[Any], Any]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
"""What turns the pixels of a file upright, by its orientation (EXIF 2.3, tag 0x0112)."""


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """The picture in an image file."""

    colours: Values
    """(H, W, 3), or (H, W) for grey."""
    alpha: Values | None = None
    """(H, W), how opaque each pixel is, in as many bits; None without transparency."""
    beside: Mapping[str, bytes] = field(default_factory=dict)
    """The colour profile and the EXIF data of the file, without its orientation, under Pillow's names."""

    @property
    def largest(self) -> int:
        """The value of white: 255 or 65535."""
        return int(np.iinfo(self.colours.dtype).max)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.colours.shape[0], self.colours.shape[1]


def read_photograph(path: Path) -> Photograph:
    """Read an image file upright, with its transparency and all of its bits.

    Raises:
        DataError: There is no such file, it is not an image, it is damaged, it has several frames, more than 16 bits,
            or colours other than RGB and grey.
        UnavailableError: It has more than 8 bits, and OpenCV is not installed.
    """
    with opened_image(path) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a photograph and its preview
            raise DataError(f"{path} has {frames} frames, and one image is needed. Save one frame as an image.")
        exif = image.getexif()
        orientation = exif.pop(ORIENTATION, 1)
        for tag in _TIFF_STRUCTURE & set(exif):
            del exif[tag]
        beside = {"icc_profile": image.info.get("icc_profile"), "exif": exif.tobytes() if len(exif) else None}
        pixels = _deep(path) if bits_of(path, image) > 8 else _shallow(path, image)
    upright = np.ascontiguousarray(_UPRIGHT.get(orientation, lambda same: same)(pixels))
    colours, alpha = _without_alpha(upright)
    return Photograph(colours, alpha, {name: value for name, value in beside.items() if value})


def write_photograph(path: Path, photograph: Photograph) -> None:
    """Write an image file whole or not at all, in the format of its suffix.

    Raises:
        DataError: The format cannot hold transparency or 16 bits, or is unknown.
        StoreError: It cannot be written (no permission, a full disk).
    """
    suffix, deep = path.suffix.lower(), photograph.largest > 255
    if (deep and suffix not in DEEP) or (photograph.alpha is not None and suffix not in TRANSPARENT):
        what = "16 bits" if deep else "transparency"
        raise DataError(f"{path} cannot hold {what}; write a PNG.")
    with atomic_path(path) as temporary:
        if suffix == ".png":
            beside = photograph.beside
            profile, exif = beside.get("icc_profile", b""), beside.get("exif", b"")
            write_png(temporary, photograph.colours, photograph.alpha, profile=profile, exif=exif)
            return
        if deep:
            _write_tiff(temporary, photograph)
            return
        if photograph.alpha is None:
            image = Image.fromarray(photograph.colours)
        else:
            image = Image.fromarray(np.dstack((photograph.colours, photograph.alpha)))
        lossy = {"quality": _QUALITY, "subsampling": 0} if suffix in (".jpg", ".jpeg") else {"quality": _QUALITY}
        options = {".webp": lossy, ".jpg": lossy, ".jpeg": lossy}.get(suffix, {})
        try:
            image.save(temporary, format=Image.registered_extensions()[suffix], **options, **photograph.beside)
        except KeyError:
            raise DataError(f"{path} is in no format that srbench writes; give it the suffix .png.") from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise DataError(f"{path} cannot be written: {error}. Write a PNG.") from error


def _shallow(path: Path, image: Image.Image) -> Values:
    transparent = "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("LA" if transparent else "L"))
    if image.mode in ("RGB", "RGBA", "RGBa", "RGBX", "P", "PA"):
        return np.asarray(image.convert("RGBA" if transparent else "RGB"))
    raise DataError(
        f"{path} is stored as {image.mode}, which has no single meaning in RGB. Convert it to RGB or greyscale."
    )


def _deep(path: Path) -> Values:
    """Read 16 bits a channel, which Pillow shortens to 8 in colour images."""
    cv2 = _opencv(path)
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise DataError(f"{path} has no 8 or 16 bits per channel in RGB or grey. Convert it to a PNG of 16 bits.")
    return _other_order(pixels)


def _write_tiff(path: Path, photograph: Photograph) -> None:
    """Write 16 bits a channel, which Pillow cannot in colour."""
    import tifffile

    colours, alpha = photograph.colours, photograph.alpha
    if alpha is not None:  # in colour, as Pillow reads no grey with transparency
        colours = np.dstack((colours, alpha) if colours.ndim == 3 else (colours, colours, colours, alpha))
    profile = photograph.beside.get("icc_profile", b"")
    tifffile.imwrite(
        path, colours, photometric="minisblack" if colours.ndim == 2 else "rgb",
        extrasamples=["unassalpha"] if alpha is not None else None,
        extratags=[(_TIFF_PROFILE, 7, len(profile), profile, True)] if profile else (),
    )  # fmt: skip


def _other_order(pixels: Values) -> Values:
    """Exchange red and blue: OpenCV's order is BGR."""
    if pixels.ndim == 2:
        return pixels
    order = [2, 1, 0, *range(3, pixels.shape[2])]
    return pixels[..., order]


def _without_alpha(pixels: Values) -> tuple[Values, Values | None]:
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels, None
    colours = pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :-1]
    return colours.copy(), pixels[..., -1].copy()


def _opencv(path: Path) -> Any:  # noqa: ANN401 - an optional module
    try:
        import cv2
    except ImportError:
        raise UnavailableError(
            f"{path} has more than 8 bits per channel, and OpenCV, which reads these, is not installed. "
            "Run: pip install opencv-python-headless."
        ) from None
    return cv2
