"""Frozen realisations: everything that was drawn for one image, written down so that its lr can be made again.

Frozen images go through a chain in float64 on the CPU: the last bits, in which machines differ, then stay far below
the 8-bit levels that lr is rounded to.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Generator, Tensor

from srbench.degrading.draws import Random
from srbench.degrading.spec import DegradationSpec
from srbench.degrading.steps import Size
from srbench.errors import DataError, ShapeError
from srbench.imaging.pixels import settled


class Realisation(BaseModel):
    """The JSON beside a frozen lr."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    degradation: str
    """Its name …"""
    version: str
    """… and the version of it."""
    srbench: str
    """Version of srbench that drew it."""
    image: str = ""
    height: int = Field(gt=0)
    """Of hr, in pixels …"""
    width: int = Field(gt=0)
    scale: int = Field(gt=0)
    realisation: int = Field(default=0, ge=0)
    """Number among the image's frozen realisations."""
    seed: int = Field(ge=0)
    """What everything was drawn from."""
    drawn: dict[str, Any] | None = None
    """What was drawn, nested as the chain is; None for a degradation that is no chain, which draws from the seed."""

    @property
    def size(self) -> Size:
        """What was degraded."""
        return Size(self.height, self.width, self.scale, self.realisation)

    @classmethod
    def read(cls, path: Path) -> Realisation:
        """Read one from a file.

        Raises:
            DataError: There is no such file, or it holds something else.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DataError(f"The realisation {path} cannot be read ({error.strerror}); check the path.") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise DataError(
                f"{path} is no realisation that `srbench degrade` wrote ({where}: {first['msg']}); draw it again."
            ) from error


def freeze(degradation: DegradationSpec, size: Size, seed: int, image: str = "") -> Realisation:
    """Draw everything that is random of one image.

    Args:
        degradation: What is to happen.
        size: Of hr; its ``realisation`` counts from 0.
        seed: Decides every draw.
        image: A name for people.
    """
    chain = degradation.chain
    random = Random(seed).branch("own", batch=Random(seed).branch("shared"))
    return Realisation(
        degradation=degradation.name,
        version=degradation.version,
        srbench=importlib.metadata.version("srbench"),
        image=image,
        height=size.height,
        width=size.width,
        scale=size.scale,
        realisation=size.realisation or 0,
        seed=seed,
        drawn=None if chain is None else chain.draw(random, size),
    )


def realise(degradation: DegradationSpec, hr: Tensor, realisation: Realisation, *, exact: bool = False) -> Tensor:
    """Make the lr that a realisation describes.

    Args:
        degradation: The one that the realisation names.
        hr: (1, C, H, W) in [0, 1], float64, on the CPU.
        realisation: What was drawn.
        exact: Keep what 8-bit arithmetic on the way would lose, where the degradation can.

    Returns:
        (1, C, h, w) float64, not rounded to 8 bits.

    Raises:
        DataError: The realisation is another degradation's, or another version's.
        ShapeError: hr has another size than it had.
    """
    known, meant = (degradation.name, degradation.version), (realisation.degradation, realisation.version)
    if known != meant:
        raise DataError(
            f"The realisation is of {meant[0]!r}, version {meant[1]}, and not of {known[0]!r}, version {known[1]}; it "
            "can be made again by what drew it alone."
        )
    size = realisation.size
    if tuple(hr.shape[-2:]) != (size.height, size.width):
        raise ShapeError(
            f"The realisation was drawn for an image of {size.height} x {size.width} pixels, and this one has "
            f"{hr.shape[-2]} x {hr.shape[-1]}; give the same image."
        )
    if degradation.chain is not None:
        try:
            with torch.no_grad():
                lr = degradation.chain.degrade(hr, [realisation.drawn or {}], size)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DataError(
                f"What the realisation says was drawn does not fit the steps of {degradation.name!r} "
                f"({type(error).__name__}: {error}); draw it again."
            ) from error
        return settled(lr * 255) / 255
    apply = degradation.unrounded or degradation.apply if exact else degradation.apply
    with torch.no_grad():
        lr = apply(hr if exact else hr.float(), size.scale, Generator().manual_seed(realisation.seed))
    return lr.double()
