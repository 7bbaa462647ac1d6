"""The lr and hr images of a cell, and the source of lr."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from srbench.datasets.library import Library
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.kernels import kernel_of
from srbench.degrading.lr_images import draw_seed, lr_image, lr_image_exact
from srbench.degrading.spec import DegradationSpec
from srbench.errors import DataError, ShapeError
from srbench.imaging.borders import mod_crop
from srbench.imaging.files import read_image
from srbench.imaging.pixels import Pixels, to_tensor
from srbench.measuring.protocol import Protocol
from srbench.measuring.provided_lr import verdict_on
from srbench.scales import Scale


@dataclass(frozen=True, eq=False)
class Pair:
    """One image of a cell. Where lr is not made from it, hr is read when somebody asks for it, not before."""

    name: str
    lr: Tensor
    """Input of the network, (1, C, h, w) in [0, 1]. C is 1 if the network computes on luma and the protocol keeps the
    image grey, else 3. float64 if the protocol keeps lr unrounded, else float32."""
    read_hr: Callable[[], Tensor | None] = field(repr=False)
    """Gives hr."""
    conditions: Mapping[str, float] | None = None
    """Named numbers that describe the degradation of the image; None if the degradation does not describe itself."""
    kernel: Tensor | None = None
    """(k, k): the blur before pixels were dropped; see `srbench.degrading.kernels`. None if there was another kind."""

    @cached_property
    def hr(self) -> Tensor | None:
        """(1, C, scale*h, scale*w) in [0, 1]; C is 1 if its file is greyscale or luma comes first, else 3.

        `Scorer` decides what is compared. None for images without ground truth.
        """
        return self.read_hr()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Iterates over the pairs of one dataset at one scale under one degradation.

    Bicubic LR that comes with a dataset is used, as in the papers, and so is the LR of real pairs. Images without hr
    are lr themselves. Any other lr is made here.
    """

    library: Library
    dataset: DatasetSpec
    degradation: DegradationSpec
    code_hash: str
    """Hash of the code that provides the degradation; LR is cached under it."""
    scale: Scale
    protocol: Protocol
    limit: int | None = None
    realisation: int = 0
    """Number of the frozen realisation of a random degradation."""
    colours: int = 3
    """Channels that the network computes on: 3, or 1 for luma; `measure` sets it."""

    def _provided(self) -> Mapping[str, Path] | None:
        if self.degradation.provided:
            provided = self.library.lr_images(self.dataset, self.scale)
            if provided is None:
                raise DataError(
                    f"{self.dataset.label} has no x{self.scale} LR, and srbench cannot make that of the degradation "
                    f"{self.degradation.name}; choose a dataset of real pairs, or another degradation."
                )
            return provided
        if not self.protocol.takes_provided_lr(self.degradation.name):
            return None
        return self.library.lr_images(self.dataset, self.scale)

    def lr_source(self) -> str:
        """Name the source of lr for the id: "bicubic-u8", "provided-replicate-u8", "provided-unknown-u8"."""
        if self.degradation.provided:
            return f"{self.degradation.name}-u8"
        made = f"{self.degradation.name}-{self.protocol.lr_rounding}"
        if self._provided() is None:
            return made
        verdict = verdict_on(self.dataset, self.library, self.degradation, self.code_hash, self.scale)
        if verdict == "identical":
            return made
        return f"provided-{self.dataset.lr_border if verdict == 'differs in border' else 'unknown'}-u8"

    def __len__(self) -> int:
        total = len(self.library.images(self.dataset))
        return total if self.limit is None else min(total, self.limit)

    def __iter__(self) -> Iterator[Pair]:
        if not self.dataset.truth:
            yield from self._unpaired()
            return
        provided = self._provided()
        for name, path in list(self.library.images(self.dataset).items())[: len(self)]:
            yield self._made(name, path) if provided is None else self._provided_pair(name, path, provided[name])

    def _made(self, name: str, path: Path) -> Pair:
        pixels = self.protocol.levels(read_image(path, keep_grey=True))
        hr = self._hr(name, pixels)
        lr, drawn = self._degraded(name, pixels)
        kernel = kernel_of(self.degradation, drawn, self.scale)
        return self._pair(name, lr, lambda: hr, drawn, kernel)

    def _provided_pair(self, name: str, path: Path, lr_path: Path) -> Pair:
        lr = to_tensor(self.protocol.levels(read_image(lr_path, keep_grey=True)))[None]
        return self._pair(name, lr, lambda: self._hr(name, self.protocol.levels(read_image(path, keep_grey=True))))

    def _pair(
        self, name: str, lr: Tensor, read_hr: Callable[[], Tensor], drawn: Mapping[str, Any] = MappingProxyType({}),
        kernel: Tensor | None = None,
    ) -> Pair:  # fmt: skip
        describe = self.degradation.describe
        grey = self.colours == 1 and self.protocol.keep_grey and read_hr().shape[1] == 1
        return Pair(
            name=name,
            lr=self._cropped(lr.expand(-1, 3, -1, -1)[:, : 1 if grey else 3], name, of_lr=True),
            read_hr=read_hr,
            conditions=describe(drawn) if describe else None,
            kernel=kernel,
        )

    def _hr(self, name: str, pixels: Pixels) -> Tensor:
        try:
            hr = mod_crop(to_tensor(pixels)[None], self.scale)
        except ShapeError as error:
            raise ShapeError(f"{self.dataset.label}, image {name}: {error}") from error
        return self._cropped(hr, name)

    def _unpaired(self) -> Iterator[Pair]:
        if not self.degradation.provided:
            raise DataError(
                f"{self.dataset.label} holds lr without hr, to which {self.degradation.name} cannot be applied; "
                "measure it under the degradation real."
            )
        for name, path in list(self.library.images(self.dataset).items())[: len(self)]:
            lr = to_tensor(read_image(path))[None].expand(-1, 3, -1, -1)
            yield Pair(name=name, lr=self._cropped(lr, name, of_lr=True), read_hr=lambda: None)

    def _cropped(self, image: Tensor, name: str, *, of_lr: bool = False) -> Tensor:
        try:
            return self.protocol.cropped(image, self.scale, of_lr=of_lr)
        except ShapeError as error:
            raise ShapeError(f"{self.dataset.label}, image {name}: {error}") from error

    def _degraded(self, name: str, pixels: Pixels) -> tuple[Tensor, Mapping[str, Any]]:
        number = self.realisation
        seed = draw_seed(self.degradation.name, self.dataset.name, name, self.scale, number)
        if self.protocol.lr_rounding == "none":
            made, drawn = lr_image_exact(pixels, self.degradation, self.scale, seed=seed, number=number)
            exact = torch.from_numpy(made)
            return exact[None, None] if exact.ndim == 2 else exact.permute(2, 0, 1)[None], drawn
        lr, drawn = lr_image(
            pixels, self.degradation, self.scale, seed=seed, number=number, image=name, code_hash=self.code_hash
        )
        return to_tensor(lr)[None], drawn
