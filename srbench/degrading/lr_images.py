"""Make LR images from HR, cached by content; random degradations are frozen.

Every cached LR of a chain has its realisation beside it: the drawn numbers, from which the LR can be made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from srbench.degrading.spec import DegradationSpec
from srbench.errors import DataError, ShapeError
from srbench.files import atomic_write, cache_root
from srbench.imaging.files import read_image, write_png
from srbench.imaging.pixels import pixel_hash
from srbench.scales import Scale, crop_size, lr_size, plain_scale

if TYPE_CHECKING:
    from srbench.degrading.realisation import Realisation

_VERSION = 1
"""Raise it when the LR of the same inputs changes for a reason that no hash contains."""


def draw_seed(degradation: str, dataset: str, image: str, scale: Scale, seed: int = 0) -> int:
    """Return the seed of the frozen realisation under which an image is measured.

    It depends on its arguments only: not on the order of images, the machine or the run. ``seed`` is the number of the
    realisation.
    """
    text = json.dumps([degradation, seed, dataset, image, plain_scale(scale)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def draw_realisation(
    hr: NDArray[np.uint8], degradation: DegradationSpec, scale: Scale, *, seed: int, number: int = 0, image: str = ""
) -> Realisation:
    """Draw all random values for one image; see `lr_image` for the arguments.

    Raises:
        ShapeError: The image is smaller than one LR pixel.
    """
    from srbench.degrading.realisation import freeze
    from srbench.degrading.steps import Size

    height, width = crop_size((hr.shape[0], hr.shape[1]), scale)
    if not height or not width:
        raise ShapeError(
            f"{image or 'The image'} has {hr.shape[0]}×{hr.shape[1]} pixels, too few for an LR at x{scale}; use a "
            "smaller scale, or leave it out."
        )
    return freeze(degradation, Size(height, width, scale, number), seed, image)


def make_lr(hr: NDArray[np.uint8], degradation: DegradationSpec, realisation: Realisation) -> NDArray[np.uint8]:
    """Return the lr that a realisation describes, rounded to 8 bits.

    Args:
        hr: (H, W) or (H, W, 3); cropped at the bottom and right so that its sides divide by the scale.
        degradation: The one that the realisation names.
        realisation: The drawn numbers.

    Returns:
        (h, w) or (h, w, 3).

    Raises:
        ShapeError: The image has another size, or the degradation returned a wrong shape.
        DataError: The realisation is of another degradation, or values are not finite.
    """
    lr = _made(hr, degradation, realisation, exact=False)
    # half up, as MATLAB does; training rounds half to even, see docs/protocol.md
    return np.floor(lr.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def lr_image(
    hr: NDArray[np.uint8],
    degradation: DegradationSpec,
    scale: Scale,
    *,
    seed: int = 0,
    number: int = 0,
    image: str = "",
    code_hash: str | None = None,
) -> tuple[NDArray[np.uint8], Mapping[str, Any]]:
    """Degrade one whole image, rounded to 8 bits.

    Args:
        hr: (H, W) or (H, W, 3); cropped at the bottom and right so that its sides divide by ``scale``.
        degradation: The degradation to apply.
        scale: Factor.
        seed: See `draw_seed`; deterministic degradations ignore it.
        number: Of the realisation, from 0.
        image: See `draw_realisation`.
        code_hash: Hash of the code that provides the degradation (``catalog.degradations.code_hash(name)``). With
            it the result is cached; without it nothing is.

    Returns:
        The LR, (h, w) or (h, w, 3), and the numbers that the chain drew; {} for a degradation that is not a chain.

    Raises:
        ShapeError: The image is smaller than one LR pixel, or the degradation returned a wrong shape.
        DataError: The degradation returned values that are not finite.
        StoreError: The cache cannot be written.
    """
    key = None if code_hash is None else _key(hr, degradation, scale, seed, number, code_hash)
    path = None if key is None else cache_root() / "lr" / key[:2] / f"{key}.png"
    if path is not None:
        try:
            return read_image(path, keep_grey=True), _drawn_beside(path, degradation)
        except DataError:  # a file is missing or damaged: make both again
            pass
    realisation = draw_realisation(hr, degradation, scale, seed=seed, number=number, image=image)
    lr = make_lr(hr, degradation, realisation)
    if path is not None:
        if degradation.chain is not None:
            atomic_write(path.with_suffix(".json"), realisation.model_dump_json(indent=1))
        write_png(path, lr)
    return lr, realisation.drawn or {}


def lr_image_exact(
    hr: NDArray[np.uint8], degradation: DegradationSpec, scale: Scale, *, seed: int = 0, number: int = 0
) -> tuple[NDArray[np.float64], Mapping[str, Any]]:
    """Degrade in double precision without any rounding, for protocols that keep lr unrounded.

    Returns:
        The LR in units of [0, 1], (h, w) or (h, w, 3), with the undershoots and overshoots of bicubic reduction, and
        the numbers that the chain drew, see `lr_image`.
    """
    realisation = draw_realisation(hr, degradation, scale, seed=seed, number=number)
    return _made(hr, degradation, realisation, exact=True), realisation.drawn or {}


def _drawn_beside(path: Path, degradation: DegradationSpec) -> Mapping[str, Any]:
    from srbench.degrading.realisation import Realisation

    return {} if degradation.chain is None else Realisation.read(path.with_suffix(".json")).drawn or {}


def _made(
    hr: NDArray[np.uint8], degradation: DegradationSpec, realisation: Realisation, *, exact: bool
) -> NDArray[np.float64]:
    import torch

    from srbench.degrading.realisation import realise

    scale = realisation.scale
    rows, columns = crop_size((hr.shape[0], hr.shape[1]), scale)
    height, width = lr_size((rows, columns), scale)
    cropped = hr[:rows, :columns]
    planes = cropped[None] if cropped.ndim == 2 else cropped.transpose(2, 0, 1)
    tensor = torch.from_numpy(np.ascontiguousarray(planes)).double().div(255)[None]
    lr = realise(degradation, tensor, realisation, exact=exact)
    if tuple(lr.shape) != (1, len(planes), height, width):
        raise ShapeError(
            f"Degradation {degradation.name!r} gave lr of shape {tuple(lr.shape)} at x{scale}, not "
            f"{(1, len(planes), height, width)}; fix the plugin: lr has 1/scale of hr's sides, and its channels."
        )
    if not lr.isfinite().all():
        raise DataError(f"Degradation {degradation.name!r} gave values that are not finite at x{scale}; fix it.")
    values: NDArray[np.float64] = lr[0].numpy()
    return values[0] if hr.ndim == 2 else np.ascontiguousarray(values.transpose(1, 2, 0))


def _key(
    hr: NDArray[np.uint8], degradation: DegradationSpec, scale: Scale, seed: int, number: int, code_hash: str
) -> str:
    drawn = [seed, number] if degradation.stochastic else None
    identity = [degradation.name, degradation.version, degradation.extra_hash, code_hash]
    parts = [_VERSION, pixel_hash(hr), hr.ndim, *identity, plain_scale(scale), drawn]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
