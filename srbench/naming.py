"""Names and papers, which all specs have, and the mapping in which specs are looked up."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from srbench.errors import PluginError
from srbench.scales import RealScale, Scale

T = TypeVar("T")

NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_name(kind: str, name: str) -> None:
    """Refuse a name that is not lower_snake_case.

    Raises:
        PluginError: See above.
    """
    own, _, _ = name.partition(":")  # what follows belongs to the family that made it
    if not NAME.fullmatch(own):
        raise PluginError(
            f"The {kind} name {name!r} is not lower_snake_case ASCII; rename it, for example 'my_{kind}'."
        )


def expand_names(names: str) -> list[str]:
    """Expand ``"img_001-img_100"`` into a hundred names; any other text is one name."""
    match = re.fullmatch(r"(.*?)(\d+)-\1(\d+)", names)
    if not match:
        return [names]
    prefix, first, last = match.groups()
    return [f"{prefix}{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]


def check_scales(kind: str, name: str, scales: frozenset[Scale]) -> None:
    """Refuse an empty set of scales, and one with something else in it.

    Raises:
        PluginError: See above.
    """
    if not scales or any(not isinstance(s, int | RealScale) or s < 1 for s in scales):
        raise PluginError(
            f"{kind} {name!r} declares scales {sorted(scales)}; give whole numbers from 1, such as {{2, 3, 4}}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The publication of a method."""

    title: str
    venue: str
    year: int
    url: str


class SpecMap(Mapping[str, T]):
    """The specs of one kind by name, which families and chain files are given to look names up in."""

    @abstractmethod
    def code_hash(self, name: str) -> str:
        """Return a hash of the code that provides ``name``, to make part of one's own `extra_hash`."""
