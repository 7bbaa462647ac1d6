"""The pictures of a report: drawn again where that is possible, and otherwise left as they are."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a report."""

    path: Path
    draw: Callable[[], None] | None
    """Writes it; None where the images that it shows are not here."""


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_pictures(pictures: Iterable[Picture]) -> tuple[set[Path], list[str]]:
    """Draw pictures; one that cannot be drawn here is left as it is.

    Returns:
        The pictures that are there now, and sentences about those that were not drawn.
    """
    able = can_draw()
    drawn, left = set(), []
    for picture in pictures:
        if able and picture.draw:
            picture.draw()
            drawn.add(picture.path)
        elif picture.path.is_file():
            left.append(picture.path)
    warnings = (
        [] if able else ["No figures were drawn: matplotlib is missing; `pip install srbench[report]` brings it."]
    )
    if left:
        why = "the kept images that they show are not here" if able else "they may show an earlier state of the tables"
        warnings.append(f"These figures were left as they are: {', '.join(p.name for p in left)}; {why}.")
    return drawn | set(left), warnings
