"""Frozen realisations: all draws for one image, stored so that the same lr can be made again.

Frozen images are degraded in float64 on the CPU. The last bits, in which machines differ, are then far below the 8-bit
levels that lr is rounded to.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from torch import Generator, Tensor

from srbench.degrading.draws import Random
from srbench.degrading.spec import DegradationSpec
from srbench.degrading.steps import Size
from srbench.errors import DataError, ShapeError, reason_of
from srbench.imaging.pixels import settled
from srbench.scales import Scale, read_scale


class Realisation(BaseModel):
    """The JSON beside a frozen lr."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    degradation: str
    version: str
    """Version of the degradation."""
    srbench: str
    """Version of srbench that drew it."""
    image: str = ""
    height: int = Field(gt=0)
    """Height of hr in pixels."""
    width: int = Field(gt=0)
    scale: Annotated[Scale, BeforeValidator(read_scale)]
    realisation: int = Field(default=0, ge=0)
    """Number among the image's frozen realisations."""
    seed: int = Field(ge=0)
    """The seed of all draws."""
    drawn: dict[str, Any] | None = None
    """The draws, nested like the chain; None for a degradation without a chain, which draws from the seed."""

    @property
    def size(self) -> Size:
        """The size of hr, with the scale and the realisation."""
        return Size(self.height, self.width, self.scale, self.realisation)

    @classmethod
    def read(cls, path: Path) -> Realisation:
        """Read a realisation from a file.

        Raises:
            DataError: The file does not exist, or is not a realisation.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DataError(f"The realisation {path} cannot be read ({error.strerror}); check the path.") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise DataError(
                f"{path} is not a realisation that `srbench degrade` wrote ({where}: {first['msg']}); draw it again."
            ) from error


def freeze(degradation: DegradationSpec, size: Size, seed: int, image: str = "") -> Realisation:
    """Draw all random values for one image.

    Args:
        degradation: The degradation.
        size: The size of hr; its ``realisation`` counts from 0.
        seed: Decides every draw.
        image: The image's name, for people.
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
        degradation: The degradation that the realisation names.
        hr: (1, C, H, W) in [0, 1], float64, on the CPU.
        realisation: The draws.
        exact: Whether to avoid the degradation's own 8-bit arithmetic, if it can.

    Returns:
        (1, C, h, w) float64, not rounded to 8 bits.

    Raises:
        DataError: The realisation is of another degradation or version.
        ShapeError: hr has another size than when it was drawn.
    """
    given, drawn = (degradation.name, degradation.version), (realisation.degradation, realisation.version)
    if given != drawn:
        raise DataError(
            f"The realisation is of {drawn[0]!r}, version {drawn[1]}, and not of {given[0]!r}, version {given[1]}; "
            "use the degradation that drew it, or draw it again."
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
                f"The draws of the realisation do not fit the steps of {degradation.name!r} "
                f"({reason_of(error)}); draw it again."
            ) from error
        return settled(lr * 255) / 255
    apply = degradation.unrounded or degradation.apply if exact else degradation.apply
    with torch.no_grad():
        lr = apply(hr if exact else hr.float(), size.scale, Generator().manual_seed(realisation.seed))
    return lr.double()
