"""The pictures of a report: drawn again where that is possible, and otherwise left as they are."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srbench.files import atomic_path, short_stem

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT = "#24292f", "#8c959f"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT,
    "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#eaeef2", "grid.linewidth": 0.8, "axes.axisbelow": True, "figure.facecolor": "white",
    "text.parse_math": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a report."""

    path: Path
    draw: Callable[[], None] | None
    """Writes it; None where the images that it shows are not here."""


def picture_name(kind: str, *parts: str) -> str:
    """Return a file name, with "-" for what a file name cannot hold everywhere: "gains_espcn_x2_bicubic.png"."""
    words = ("".join(c if c.isalnum() or c in "_-" else "-" for c in part) for part in parts)
    return short_stem(f"{kind}_{'_'.join(words)}") + ".png"


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


@contextmanager
def figure_at(path: Path, width: float, height: float, *, dpi: int = 150, grid: bool = True) -> Iterator[Figure]:
    """Draw on a figure of a size in inches, and write it as a PNG without a date: equal figures are equal files."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(STYLE | {"axes.grid": grid}), atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the font lacks a character of a name
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        figure.savefig(temporary, format="png", dpi=dpi, metadata={"Software": None})
