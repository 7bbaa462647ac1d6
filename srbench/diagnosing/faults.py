"""What is wrong with super-resolved images: exchanged channels, turns, shifts, levels, JPEG. Most can be repaired."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from srbench.diagnosing.colours import COLOURS, Planes
from srbench.imaging.folders import name_some
from srbench.imaging.seams import seam_visibility

SHIFT = 0.2
"""Pixels from which a shift is one; sub-pixel registration is right to about a tenth."""
ODD = 2.0
"""Pixels by which an image is shifted otherwise than most, from which it may be another image."""
LEVELS = 0.05
"""How much contrast may differ; that of limited range differs by 0.14."""
BRIGHTER = 3.0
"""Levels by which brightness may differ."""
BLOCKS = 1.2
"""Visibility of the seams between blocks of JPEG from which they are seen. RCAN's images have up to 1.03, and saved as
JPEG of quality 90, most have 1.3 to 1.7."""
LARGE = 128
"""Pixels of a side from which blocks of JPEG can be distinguished from the content of an image."""
MIDDLE = 512
"""Pixels of a side of an image that are looked at, or a few more."""
BETTER = 0.8
"""What remains of the squared error if exchanging or turning is right, at most."""
_CHANNELS = ("red", "green", "blue")
_TURNS: Mapping[str, Callable[[Planes], Planes]] = {
    "mirrored left to right": lambda planes: planes[..., ::-1],
    "mirrored top to bottom": lambda planes: planes[..., ::-1, :],
    "turned by 180 degrees": lambda planes: planes[..., ::-1, ::-1],
    "turned by 90 degrees": lambda planes: np.rot90(planes, axes=(-2, -1)),
    "turned by 270 degrees": lambda planes: np.rot90(planes, -1, axes=(-2, -1)),
    "transposed": lambda planes: np.swapaxes(planes, -2, -1),
}
"""How images may be turned, clockwise, with what undoes it for (…, H, W)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with most images."""

    kind: str
    about: str
    """A sentence."""
    remedy: str = ""
    """What undoes it, after "with": "red and blue exchanged"; empty if nothing does."""
    repair: Callable[[Planes], Planes] | None = None
    exact: bool = True
    """Whether the repaired image is what it was before, or close to it."""
    does_again: bool = False
    """Whether ``repair`` does the same damage once more instead, so that what it cost is estimated."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one image."""

    name: str
    """The name of its file."""
    order: tuple[int, int, int]
    """The channels of sr that are red, green and blue of hr."""
    turn: str
    """How sr is turned; empty for upright."""
    shift: tuple[float, float]
    """Pixels by which sr is below and to the right of hr."""
    contrast: float
    brightness: float
    """sr is about contrast x hr + brightness."""
    blocks: float
    """The visibility of seams at every eighth pixel; see `srbench.imaging.seams`."""
    jpeg: dict[int, Any] | None
    """The tables of quantisation, if its file is a JPEG."""


def look(sr: Planes, hr: Planes, path: Path) -> Look:
    """Look at one image, (C, H, W) from 0 to 255, beside its truth and its file."""
    sr, hr = _middle(sr), _middle(hr)
    grey, order = COLOURS["full"].of, _order(sr, hr)
    luma, true = grey(sr[list(order)] if len(sr) == 3 else sr)[0], grey(hr)[0]
    turn = _turn(luma, true)
    contrast, brightness = _levels(luma, true) if not turn else (1.0, 0.0)
    shift = _shift(luma, true) if not turn else (0.0, 0.0)
    return Look(
        name=path.name,
        order=order,
        turn=turn,
        shift=shift,
        contrast=contrast,
        brightness=brightness,
        blocks=_blocks(luma),
        jpeg=_tables(path),
    )


def _middle(planes: Planes) -> Planes:
    """Return the middle of an image, from a block of JPEG on, and the same part of a mirrored one."""
    top, left = (max(side - MIDDLE, 0) // 16 * 8 for side in planes.shape[1:])
    return planes[:, top : planes.shape[1] - top, left : planes.shape[2] - left]


def faults(looks: Sequence[Look]) -> list[Fault]:
    """Return what is wrong with more than half of the images, and which images are unlike the others."""
    return [fault for find in (_jpeg, _exchanged, _turned, _shifted, _levelled, _odd) for fault in find(looks)]


def _most(looks: Sequence[Look], holds: Callable[[Look], bool]) -> bool:
    return 2 * sum(map(holds, looks)) > len(looks)


def _exchanged(looks: Sequence[Look]) -> Iterator[Fault]:
    order, count = Counter(one.order for one in looks).most_common(1)[0]
    if order == (0, 1, 2) or 2 * count <= len(looks):
        return
    moved = [name for place, name in enumerate(_CHANNELS) if order[place] != place]
    bgr = " OpenCV writes BGR: convert images before cv2.imwrite." if order == (2, 1, 0) else ""
    yield Fault(
        "channels",
        f"The channels of sr are in another order than those of hr.{bgr}",
        f"{' and '.join(moved)} exchanged" if len(moved) == 2 else "red, green and blue put in order",
        lambda planes: planes[list(order)] if len(planes) == 3 else planes,
    )


def _turned(looks: Sequence[Look]) -> Iterator[Fault]:
    turn, count = Counter(one.turn for one in looks).most_common(1)[0]
    if turn and 2 * count > len(looks):
        yield Fault("orientation", f"The images of sr are {turn}.", "sr turned back", _TURNS[turn])


def _shifted(looks: Sequence[Look]) -> Iterator[Fault]:
    down, right = (_settled(median(look.shift[axis] for look in looks)) for axis in (0, 1))
    near = _most(looks, lambda one: max(abs(one.shift[0] - down), abs(one.shift[1] - right)) <= SHIFT)
    if max(abs(down), abs(right)) < SHIFT or not near:
        return
    where = " and ".join(filter(None, (_way(down, "down", "up"), _way(right, "to the right", "to the left"))))
    yield Fault(
        "shift",
        f"sr is {where} of hr: a resize with other pixel centres, such as align_corners or every n-th pixel as lr.",
        "sr moved back",
        lambda planes: _moved(planes, -down, -right),
        exact=down == round(down) and right == round(right),
    )


def _settled(pixels: float) -> float:
    """Round to the nearest half, which most mistakes give, or to tenths."""
    half = round(2 * pixels) / 2
    return half if abs(half - pixels) <= SHIFT / 2 else round(pixels, 1)


def _odd(looks: Sequence[Look]) -> Iterator[Fault]:
    usual = Counter((one.order, one.turn) for one in looks).most_common(1)[0][0]
    middle = [median(one.shift[axis] for one in looks) for axis in (0, 1)]
    odd = [
        one.name
        for one in looks
        if (one.order, one.turn) != usual or max(abs(one.shift[axis] - middle[axis]) for axis in (0, 1)) > ODD
    ]
    if odd:
        about = "unlike the others in the order of channels, in orientation or in place; compare them with their hr"
        yield Fault("mixed", f"{name_some(odd)}: {about}.")


def _way(pixels: float, on: str, back: str) -> str:
    return f"{abs(pixels):g} px {on if pixels > 0 else back}" if abs(pixels) >= SHIFT / 2 else ""


def _levelled(looks: Sequence[Look]) -> Iterator[Fault]:
    contrast, brightness = median(one.contrast for one in looks), median(one.brightness for one in looks)
    middle = contrast * 128 + brightness - 128
    if abs(contrast - 1) <= LEVELS and abs(middle) <= BRIGHTER:
        return
    limited = abs(contrast - 219 / 255) < LEVELS / 2 and abs(brightness - 16) < BRIGHTER
    why = " It has the limited range of video, 16 to 235." if limited else ""
    yield Fault(
        "levels",
        f"sr has other levels than hr: about {contrast:.2f} x hr {brightness:+.0f}.{why}",
        "the levels of hr",
        lambda planes: np.clip((planes - brightness) / contrast, 0, 255),
        exact=False,
    )


def _jpeg(looks: Sequence[Look]) -> Iterator[Fault]:
    tables = [one.jpeg for one in looks if one.jpeg]
    if 2 * len(tables) > len(looks):
        own = tables[0]
        yield Fault(
            "jpeg",
            f"sr was saved as JPEG of quality {_quality(own)} or so, which changes its pixels; save PNG.",
            "sr before JPEG",
            lambda planes: _compressed(planes, own),
            exact=False,
            does_again=True,
        )
    elif _most(looks, lambda one: one.blocks >= BLOCKS):
        yield Fault("jpeg", "sr has the blocks of JPEG, although its files are lossless: it was saved as JPEG before.")


def _order(sr: Planes, hr: Planes) -> tuple[int, int, int]:
    if len(sr) != 3 or len(hr) != 3:
        return 0, 1, 2
    errors = [[float(np.square(ours - theirs).mean()) for ours in sr] for theirs in hr]

    def error(order: Sequence[int]) -> float:
        return sum(errors[place][own] for place, own in enumerate(order))

    best: tuple[int, int, int] = min(itertools.permutations((0, 1, 2), 3), key=error)
    return best if error(best) < BETTER * error((0, 1, 2)) else (0, 1, 2)


def _turn(luma: NDArray[np.float64], true: NDArray[np.float64]) -> str:
    errors = {"": BETTER * float(np.square(luma - true).mean())}
    for name, undo in _TURNS.items():
        if (upright := undo(luma)).shape == true.shape:
            errors[name] = float(np.square(upright - true).mean())
    return min(errors, key=lambda name: errors[name])


def _shift(luma: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float]:
    from skimage.registration import phase_cross_correlation

    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in true.shape))
    views = [window * (plane - np.average(plane, weights=window)) for plane in (true, luma)]
    moved = phase_cross_correlation(  # type: ignore[no-untyped-call]
        *views, upsample_factor=20, normalization=None
    )[0]
    return -float(moved[0]), -float(moved[1])


def _moved(planes: Planes, down: float, right: float) -> Planes:
    from scipy.ndimage import shift

    made: Planes = np.stack([shift(plane, (down, right), order=5, mode="mirror") for plane in planes])
    return made.clip(0, 255)


def _levels(luma: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float]:
    """Fit contrast and brightness to means of blocks, which a blur or a shift hardly changes."""
    rows, columns = (side // 8 * 8 for side in true.shape)
    ours, theirs = (
        plane[:rows, :columns].reshape(rows // 8, 8, columns // 8, 8).mean(axis=(1, 3)).ravel()
        for plane in (luma, true)
    )
    if np.ptp(theirs) < BRIGHTER:
        return 1.0, float(ours.mean() - theirs.mean())
    contrast, brightness = np.polyfit(theirs, ours, 1)
    return float(contrast), float(brightness)


def _blocks(luma: NDArray[np.float64]) -> float:
    """Return the visibility of seams between blocks of JPEG, beside their middle, where pixels of lr may meet too."""
    if min(luma.shape) < LARGE:
        return 1.0
    return float(seam_visibility(torch.from_numpy(np.ascontiguousarray(luma))[None, None], 8, 4))


def _tables(path: Path) -> dict[int, Any] | None:
    with Image.open(path) as image:
        return getattr(image, "quantization", None) if image.format == "JPEG" else None


def _quality(tables: dict[int, Any]) -> int:
    """Return the quality for which libjpeg has tables like these."""
    with io.BytesIO() as file:
        Image.new("L", (8, 8)).save(file, "JPEG", quality=50)
        with Image.open(file) as image:
            base: Any = image.quantization  # type: ignore[attr-defined]
            percent = float(100 * sum(tables[0]) / sum(base[0]))
    quality = 5000 / percent if percent > 100 else (200 - percent) / 2
    return max(1, min(100, round(quality)))


def _compressed(planes: Planes, tables: dict[int, Any]) -> Planes:
    """Compress once more, with the blocks elsewhere."""
    pixels = np.roll(planes, (3, 3), axis=(1, 2)).round().clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    with io.BytesIO() as file:
        picture.save(file, "JPEG", qtables=tables if len(pixels) == 3 else {0: tables[0]})
        made = np.asarray(Image.open(file), dtype=np.float64)
    rolled = made[None] if made.ndim == 2 else made.transpose(2, 0, 1)
    return np.roll(rolled, (-3, -3), axis=(1, 2))
