"""Scales, and the sizes of the images that they connect.

A scale is a whole number, or a `RealScale`: 2.3, or 3.7x1.5 (height x width). This module is the only one that computes
sizes with it. At a factor s,

- lr of side h belongs to hr of side round(h·s), where a half goes to the even number;
- an image of side H has lr of side floor(H/s), and is cropped at the bottom and right to the hr of that.

The factors are fractions, so that 2.3 is exactly 23/10 and no side depends on a rounding error. lr and hr cover the
same area: the centre of lr's pixel i is at (i + 1/2)·H/h - 1/2 in pixels of hr ("align_corners=False"). So a resize
or a network works with the ratio of the sides, which is s itself where h·s is whole.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import total_ordering
from typing import TYPE_CHECKING, Any, TypeAlias

from srbench.errors import ShapeError

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

Sides: TypeAlias = "tuple[int, int]"
"""Height and width of an image in pixels."""

LARGEST_SCALE = 64
SMALLEST_STEP = Fraction(1, 10_000)
"""Factors are multiples of it, so that they are written with at most four decimals."""

REAL_SCALE = r"(?:\d+\.\d+(?:x\d+(?:\.\d+)?)?|\d+x\d+\.\d+)"
"""A pattern of scales with a decimal in names of files and folders."""

_FACTORS = re.compile(r"(\d+(?:\.\d+)?)(?:x(\d+(?:\.\d+)?))?", re.ASCII)


@total_ordering
@dataclass(frozen=True, slots=True, eq=True)
class RealScale:
    """An up-sampling factor for each axis, which are not one whole number.

    Scales are in the order of the areas by which they enlarge, also beside whole numbers.
    """

    height: Fraction
    width: Fraction

    def __post_init__(self) -> None:
        for factor in (self.height, self.width):
            if not 1 <= factor <= LARGEST_SCALE or factor % SMALLEST_STEP:
                raise ValueError(_expected())
        if self.height == self.width and self.height.denominator == 1:
            raise ValueError(f"a whole scale is an int; write {self.height}")

    def __str__(self) -> str:
        height, width = _decimal(self.height), _decimal(self.width)
        return height if height == width else f"{height}x{width}"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, int | RealScale):
            return NotImplemented
        return _order(self) < _order(other)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        """Read and write its plain form; see `plain_scale`."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _real,
            serialization=core_schema.plain_serializer_function_ser_schema(
                plain_scale,
                return_schema=core_schema.union_schema([core_schema.float_schema(), core_schema.str_schema()]),
            ),
        )


Scale: TypeAlias = int | RealScale
"""Up-sampling factor."""


def parse_scale(text: str) -> Scale:
    """Read a scale as people type it: "2", "2.3", "3.7x1.5" (height x width); "2.0" is 2.

    Raises:
        ValueError: It is not a scale; the message says what was expected.
    """
    found = _FACTORS.fullmatch(text)
    if found is None or len(text) > 20:
        raise ValueError(_expected())
    height, width = Fraction(found[1]), Fraction(found[2] or found[1])
    if height == width and height.denominator == 1 and 1 <= height <= LARGEST_SCALE:
        return int(height)
    return RealScale(height, width)


def read_scale(value: object) -> Scale:
    """Read a scale from TOML or JSON, where it is a number, or a text for two factors; see `plain_scale`.

    Raises:
        ValueError: It is not a scale; the message says what was expected.
    """
    if isinstance(value, RealScale):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return parse_scale(repr(value))
    return parse_scale(value if isinstance(value, str) and "x" in value else "")


def plain_scale(scale: Scale) -> int | float | str:
    """Return a scale as JSON has it: 2, 2.3 or "3.7x1.5"."""
    if isinstance(scale, int):
        return scale
    return float(scale.height) if scale.height == scale.width else str(scale)


def factors(scale: Scale) -> tuple[Fraction, Fraction]:
    """Return the factors of height and width."""
    return (Fraction(scale), Fraction(scale)) if isinstance(scale, int) else (scale.height, scale.width)


def is_isotropic(scale: Scale) -> bool:
    """Return True if height and width have the same factor."""
    return isinstance(scale, int) or scale.height == scale.width


def whole_scale(scale: Scale) -> int:
    """Return a scale that is a whole number, for methods that need one.

    Raises:
        ShapeError: It is not.
    """
    if isinstance(scale, int):
        return scale
    raise ShapeError(f"A whole scale is needed here, and {scale} is not; choose a whole one, or another method.")


def next_whole(scale: Scale) -> int:
    """Return the smallest whole number that neither factor exceeds."""
    return scale if isinstance(scale, int) else math.ceil(max(scale.height, scale.width))


def as_number(scale: Scale) -> float:
    """Return a scale as one number, for axes and ranges; of two factors, the geometric mean."""
    return scale if isinstance(scale, int) else math.sqrt(area(scale))


@functools.cache
def area(scale: Scale) -> float:
    """Return how many pixels of hr there are for one of lr."""
    height, width = factors(scale)
    return float(height * width)


def hr_size(lr: Sides, scale: Scale) -> Sides:
    """Return the size of the hr that belongs to an lr."""
    if isinstance(scale, int):
        return lr[0] * scale, lr[1] * scale
    return round(lr[0] * scale.height), round(lr[1] * scale.width)


def hr_side(lr_side: int, scale: Scale) -> int:
    """Return the side of the hr that belongs to a square lr, at a scale with one factor."""
    return hr_size((lr_side, lr_side), scale)[0]


def lr_size(hr: Sides, scale: Scale) -> Sides:
    """Return the size of the lr that belongs to a cropped hr: the inverse of `hr_size`.

    For an hr of any other size, it is the largest lr whose hr is not larger.
    """
    if isinstance(scale, int):
        return hr[0] // scale, hr[1] // scale
    return _lr_side(hr[0], scale.height), _lr_side(hr[1], scale.width)


def crop_size(image: Sides, scale: Scale) -> Sides:
    """Return the size that an image is cropped to before its lr is made; a side is 0 if it has no pixel of lr."""
    if isinstance(scale, int):
        return image[0] - image[0] % scale, image[1] - image[1] % scale
    return hr_size((math.floor(image[0] / scale.height), math.floor(image[1] / scale.width)), scale)


def covering_lr_size(hr: Sides, scale: Scale) -> Sides:
    """Return the smallest size of lr that covers an hr of any size at the scale's factors."""
    height, width = factors(scale)
    return math.ceil(hr[0] / height), math.ceil(hr[1] / width)


def _lr_side(hr: int, factor: Fraction) -> int:
    side = math.floor((hr + Fraction(1, 2)) / factor)
    return side if round(side * factor) <= hr else side - 1


def _order(scale: Scale) -> tuple[Fraction, Fraction]:
    height, width = factors(scale)
    return height * width, height


def _decimal(factor: Fraction) -> str:
    return f"{float(factor):.4f}".rstrip("0").rstrip(".")


def _real(value: Any) -> RealScale:  # noqa: ANN401 - any value that JSON or TOML has
    scale = read_scale(value)
    if isinstance(scale, RealScale):
        return scale
    raise ValueError(f"a whole scale is an int; write {scale}")


def _expected() -> str:
    return (
        f"expected a number from 1 to {LARGEST_SCALE} with at most four decimals, such as 2 or 2.3, or two of them for "
        'height and width, such as "3.7x1.5"'
    )
