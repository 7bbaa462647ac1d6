"""Image files: read without silent change, or refused with the reason; written whole or not at all."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from srbench.errors import DataError
from srbench.files import atomic_path
from srbench.imaging.pixels import Pixels

_HINT = "Convert it to an 8-bit RGB or greyscale PNG."
ORIENTATION = 0x0112
"""The number of the EXIF tag that says how a viewer turns an image."""
_SRGB_GAMMA = 0.45455
# What Pillow's decoders raise for broken files; SyntaxError means a malformed header.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError, AttributeError)


def read_image(path: Path | str, *, keep_grey: bool = False) -> Pixels:
    """Read an image as 8-bit pixels, exactly as they are stored.

    Palettes are looked up; alpha that is opaque everywhere is dropped; 16-bit PNGs whose values are 8-bit values times
    257 are read as 8-bit. A file that viewers do not show as its pixels is refused: transparent pixels, several frames
    or pages, an orientation other than upright. A colour profile or gamma is not applied, as in MATLAB's ``imread``;
    `colours_of` names it.

    Args:
        path: An image file of any format that Pillow reads.
        keep_grey: Whether a greyscale file stays ``(H, W)``; otherwise its channel is repeated three times.

    Returns:
        ``(H, W, 3)`` or ``(H, W)`` uint8, contiguous and writable.

    Raises:
        DataError: If there is no such file, it is not an image, it is damaged, has transparent pixels, several frames,
            an orientation, more than 8 bits, or colours other than RGB and grey.
    """
    path = Path(path)
    with opened_image(path) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a photograph and its preview
            raise DataError(f"{path} has {frames} frames, and one image is needed. Save one frame as an image.")
        if (orientation := image.getexif().get(ORIENTATION, 1)) not in (0, 1):
            raise DataError(
                f"{path} is stored turned or mirrored (orientation {orientation}), and programs disagree on whether to "
                "turn it back. Save it upright, without the tag."
            )
        deep = bits_of(path, image) > 8
        pixels = _eight_bits(path, image) if deep else _pixels(path, image)
    if pixels.ndim == 2 and not keep_grey:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return np.array(pixels, dtype=np.uint8, order="C")


def image_size(path: Path | str) -> tuple[int, int]:
    """Read height and width from the header alone.

    Raises:
        DataError: If there is no such file or it is not an image.
    """
    with opened_image(Path(path)) as image:
        return image.height, image.width


def colours_of(path: Path | str) -> str:
    """Return what a viewer applies to the colours of an image and `read_image` does not.

    Args:
        path: An image file.

    Returns:
        "its colour profile Adobe RGB (1998)", "its gamma 1.0", both, or "" for sRGB and images that state nothing.

    Raises:
        DataError: If there is no such file or it is not an image.
    """
    with opened_image(Path(path)) as image:
        profile, gamma = image.info.get("icc_profile"), image.info.get("gamma")
    name = _profile_name(profile) if profile else "sRGB"
    parts = [] if "srgb" in name.lower() else [f"its colour profile {name}"]
    if gamma and not profile and abs(gamma - _SRGB_GAMMA) > 0.01:
        parts.append(f"its gamma {1 / gamma:.2f}")
    return " and ".join(parts)


def _profile_name(profile: bytes) -> str:
    from PIL import ImageCms

    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip() or "without a name"
    except (ImageCms.PyCMSError, OSError, ValueError):
        return "that is damaged"


def write_png(path: Path | str, pixels: Pixels) -> None:
    """Write a PNG whole or not at all, even if the program is killed meanwhile.

    Args:
        path: The file; its folder is made.
        pixels: ``(H, W)`` or ``(H, W, 3)`` uint8.

    Raises:
        DataError: If the array is not an 8-bit image.
        StoreError: If it cannot be written (no permission, a full disk).
    """
    path = Path(path)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or not pixels.size:
        raise DataError(
            f"{path} cannot be written from {pixels.dtype} pixels of shape {pixels.shape}; "
            "give uint8 of shape (H, W) or (H, W, 3)."
        )
    with atomic_path(path) as temporary:
        # level 1 is several times faster than the default, for files about a tenth larger
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG", compress_level=1)


@contextmanager
def opened_image(path: Path) -> Iterator[Image.Image]:
    """Open an image and read its header.

    Raises:
        DataError: There is no such file, it is not an image, or an error inside says that it is damaged.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder, not an image.")
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is not a regular file but a pipe, socket or device. Give an image file.")
    try:
        # Pillow warns about tags that no pixel depends on; it raises what matters.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                yield image
    except FileNotFoundError as error:
        raise DataError(f"There is no image at {path}. Check the path.") from error
    except PermissionError as error:
        raise DataError(f"{path} cannot be read by this user. Change its permissions.") from error
    except UnidentifiedImageError as error:
        what = "is empty" if path.stat().st_size == 0 else "is not an image, or its header is damaged"
        raise DataError(f"{path} {what}. Fetch or copy it again.") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} has more pixels than srbench reads. Cut it into parts.") from error
    except _BROKEN as error:
        raise DataError(f"{path} is damaged: {str(error) or type(error).__name__}. Fetch or copy it again.") from error


def _pixels(path: Path, image: Image.Image) -> Pixels:
    if image.mode in ("1", "L", "RGB") and "transparency" not in image.info:
        return np.asarray(image.convert("L") if image.mode == "1" else image)
    if image.mode in ("1", "L", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "P", "PA"):
        grey = image.mode in ("1", "L", "LA", "La")
        pixels = np.asarray(image.convert("LA" if grey else "RGBA"))
        return _without_alpha(path, pixels)
    raise DataError(f"{path} is stored as {image.mode}, which has no single meaning in RGB. {_HINT}")


def _without_alpha(path: Path, pixels: Pixels) -> Pixels:
    if pixels[..., -1].min() < 255:
        raise DataError(f"{path} has transparent pixels, and their background is unknown. {_HINT}")
    return pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :-1]


def bits_of(path: Path, image: Image.Image) -> int:
    """Return the bits per channel in the file; Pillow's mode hides that it shortens 16-bit colour to 8."""
    if image.format == "PNG":
        with path.open("rb") as file:
            header = file.read(25)
        return header[24]
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(258, 8)
        return max(bits) if isinstance(bits, tuple) else int(bits)
    return 16 if image.mode.startswith(("I", "F")) else 8


def _eight_bits(path: Path, image: Image.Image) -> Pixels:
    """Return the 8-bit pixels of a 16-bit PNG, if that is all it contains."""
    bits = bits_of(path, image)
    if image.format != "PNG" or image.mode not in ("I;16", "I;16B", "I", "RGB", "RGBA") or "transparency" in image.info:
        raise DataError(f"{path} has {bits} bits per channel, and srbench measures 8. {_HINT}")
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int64)
        high, low = wide >> 8, wide & 255
    else:
        # Pillow keeps one byte of two; the other byte order gives the byte that it drops.
        high = np.asarray(image).astype(np.int64)
        with Image.open(path) as again:
            again.tile = [tile._replace(args=str(tile.args).replace("16B", "16L")) for tile in again.tile]
            low = np.asarray(again).astype(np.int64)
    if not np.array_equal(high, low):
        raise DataError(f"{path} has {bits} bits per channel, and its values do not fit into 8. {_HINT}")
    pixels = high.astype(np.uint8)
    return _without_alpha(path, pixels) if pixels.ndim == 3 and pixels.shape[2] == 4 else pixels
