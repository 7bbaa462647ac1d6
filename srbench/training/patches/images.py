"""A training set, decoded once, with its LR images."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srbench.degrading.spec import DegradationSpec
from srbench.errors import DataError, StoreError, TrainingError
from srbench.imaging.files import read_image
from srbench.imaging.pixels import to_tensor, to_uint8
from srbench.scales import Scale, crop_size, hr_size, lr_size
from srbench.training.patches.pixels import Array, PixelFile
from srbench.training.seeds import stream


class TrainingImages:
    """A training set, decoded once; its LR images are made once for every deterministic degradation and scale.

    Attributes:
        hr: The images.
        key: A hash of where they come from.
    """

    def __init__(self, folder: Path, images: Mapping[str, Path] | Iterable[Array]) -> None:
        """Decode the images (name to file, or (H, W, 3) arrays), unless the folder holds them.

        There they are in a file that is named by the sources' paths, sizes and times.

        Raises:
            DataError: There is no image, or one cannot be read.
            StoreError: The folder cannot be written.
        """
        named = images if isinstance(images, Mapping) else {str(n): image for n, image in enumerate(images)}
        if not named:
            raise DataError("The training set holds no image; add some, or name another set in the recipe.")
        self._folder, self.key = folder, _key(named)
        self.hr = _made_once(folder / f"{self.key}.hr", lambda: _decoded(named))
        self._lr: dict[tuple[str, Scale], PixelFile] = {}

    def lr(self, degradation: DegradationSpec, scale: Scale) -> PixelFile:
        """Return every image, cropped at the bottom and right to a multiple of ``scale``, degraded whole, on 8 bits.

        A degradation is identified by its name and by what it does to a probe, so a changed one is noticed.
        """
        key = (degradation.name, scale)
        if key not in self._lr:
            path = self._folder / f"{self.key}.x{scale}.{_probe_hash(degradation, scale)}.lr"
            self._lr[key] = _made_once(path, lambda: self._degraded(degradation, scale))
        return self._lr[key]

    def _degraded(self, degradation: DegradationSpec, scale: Scale) -> Iterator[tuple[str, Array]]:
        for number, name in enumerate(self.hr.names):
            image = self.hr.image(number)
            height, width = crop_size((image.shape[0], image.shape[1]), scale)
            if not height or not width:  # too small to degrade, and to be cut: kept so that numbers stay the same
                yield name, np.zeros((0, 0, 3), np.uint8)
                continue
            lr = degraded(to_tensor(image[:height, :width])[None], degradation, scale, stream(name))
            yield name, to_uint8(lr)[0].permute(1, 2, 0).contiguous().numpy()


def _decoded(images: Mapping[str, Path | Array]) -> Iterator[tuple[str, Array]]:
    """Decode in parallel, a few at a time; decoders release the interpreter's lock."""
    waiting = iter(images.items())
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        while some := list(islice(waiting, 2 * workers)):
            pixels = pool.map(
                lambda image: read_image(image) if isinstance(image, Path) else image, dict(some).values()
            )
            for (name, _), image in zip(some, pixels, strict=True):
                if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                    raise DataError(
                        f"Training image {name} is {image.dtype} of shape {image.shape}; (height, width, 3) uint8 was "
                        "expected."
                    )
                yield name, image


def _made_once(path: Path, images: Callable[[], Iterator[tuple[str, Array]]]) -> PixelFile:
    try:
        return PixelFile(path)
    except StoreError:  # absent, or damaged by something outside srbench
        return PixelFile.make(path, images())


def _key(images: Mapping[str, Path | Array]) -> str:
    digest = hashlib.sha256()
    for name, image in images.items():
        if isinstance(image, Path):
            try:
                facts = image.stat()
            except OSError as error:
                raise DataError(f"Training image {image} cannot be read ({error.strerror}); restore it.") from error
            digest.update(repr((name, str(image.resolve()), facts.st_size, facts.st_mtime_ns)).encode())
        else:
            digest.update(repr((name, image.shape)).encode() + image.tobytes())
    return digest.hexdigest()[:24]


def _probe_hash(degradation: DegradationSpec, scale: Scale) -> str:
    probe = torch.rand((1, 3, *hr_size((32, 40), scale)), generator=stream("probe"))
    lr = to_uint8(degraded(probe, degradation, scale, stream("probe")))
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", degradation.name)[:100]
    return f"{name}-{hashlib.sha256(lr.numpy().tobytes()).hexdigest()[:8]}"


def degraded(hr: Tensor, degradation: DegradationSpec, scale: Scale, generator: torch.Generator) -> Tensor:
    """Make the LR of ``hr`` (N, C, H, W), on 8 bits, in [0, 1], and check its size.

    Raises:
        TrainingError: The degradation returned another size.
    """
    with torch.no_grad():
        lr = degradation.apply(hr, scale, generator)
    expected = (*hr.shape[:2], *lr_size((hr.shape[2], hr.shape[3]), scale))
    if tuple(lr.shape) != expected:
        raise TrainingError(
            f"The degradation {degradation.name} made {tuple(lr.shape)} of hr {tuple(hr.shape)} at x{scale}; it must "
            f"return {expected}."
        )
    return to_uint8(lr).to(torch.float32).div_(255)
