"""Say by which resize lr was made of hr, and sr of lr, if sr is an interpolation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from srbench.diagnosing.pairs import Files
from srbench.diagnosing.resizes import nearest_resize, resizes
from srbench.imaging.files import image_size, read_image
from srbench.imaging.pixels import Pixels
from srbench.scales import Scale, crop_size, lr_size

LOOKED_AT = 2
"""Images that are compared with resizes, the smallest ones."""
PAPERS = "MATLAB's bicubic imresize"
_LIKELY_LR = (PAPERS, "Pillow's BICUBIC", "OpenCV's INTER_CUBIC", "torch's bicubic interpolate")
"""Resizes that may have made lr that is not there."""


def origins(files: Sequence[Files], scale: Scale) -> Iterator[str]:
    """Yield a sentence on how lr was made, and one on how sr was, where a resize made them.

    Args:
        files: The files of each image.
        scale: The factor.
    """
    own = sorted((one for one in files if one.lr), key=_pixels) or sorted(files, key=_pixels)
    sr = [read_image(one.sr) for one in own[:LOOKED_AT]]
    hr = [_cropped(read_image(one.hr), scale) for one in own[:LOOKED_AT]]
    lr = [read_image(one.lr) for one in own[:LOOKED_AT] if one.lr]
    by = "lr"
    if lr:
        yield _of_lr(_zipped(lr, hr))
    else:
        by, lr = _likely_lr(sr, hr, scale)
    found = nearest_resize(_zipped(sr, lr), smaller=False)
    if found.made_it:
        yield f"sr is {by} enlarged by {found.name}."


def _likely_lr(sr: Sequence[Pixels], hr: Sequence[Pixels], scale: Scale) -> tuple[str, list[Pixels]]:
    """Return the lr from which the interpolation nearest to the first image is made, and how that was made."""
    made = {
        f"hr reduced by {name} and": [resize(true, lr_size((true.shape[0], true.shape[1]), scale)) for true in hr]
        for name, resize in resizes(smaller=True).items()
        if name in _LIKELY_LR
    }
    by = min(made, key=lambda name: nearest_resize([(sr[0], made[name][0])], smaller=False).difference)
    return by, made[by]


def _of_lr(images: Sequence[tuple[Pixels, Pixels]]) -> str:
    made = nearest_resize(images, smaller=True)
    if not made.made_it:
        return f"No known resize made lr of hr: the nearest is {made.name}, {made.difference:.1f} levels away."
    papers = PAPERS in made.name.split(" or ")
    other = "" if papers else f" Papers use {PAPERS}; scores with other lr are other scores."
    return f"lr is hr reduced by {made.name}.{other}"


def _zipped(made: Sequence[Pixels], source: Sequence[Pixels]) -> list[tuple[Pixels, Pixels]]:
    return list(zip(made, source, strict=True))


def _pixels(files: Files) -> int:
    return prod(image_size(files.sr))


def _cropped(hr: Pixels, scale: Scale) -> Pixels:
    rows, columns = crop_size((hr.shape[0], hr.shape[1]), scale)
    return hr[:rows, :columns]
