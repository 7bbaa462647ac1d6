"""The pictures of a report: drawn again where that is possible, and otherwise left as they are."""

from __future__ import annotations

import importlib.util
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from srbench.files import atomic_path, short_stem
from srbench.report.formats import REIMPLEMENTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT = "#24292f", "#8c959f"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT,
    "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#eaeef2", "grid.linewidth": 0.8, "axes.axisbelow": True, "figure.facecolor": "white",
    "text.parse_math": False, "pdf.fonttype": 42, "svg.hashsalt": "srbench",
}  # fmt: skip
FigureFormat: TypeAlias = Literal["png", "pdf", "svg"]
FIGURE_FORMATS: tuple[FigureFormat, ...] = get_args(FigureFormat)
PAPER_WIDTHS = (3.4, 7.0)
"""Widths of one column and of two in a paper, in inches."""
PAPER_POINTS, SCREEN_POINTS = 7.0, 9.0
"""Sizes of letters in vector files, which are for papers, and in PNGs."""
_WIDEST_OF_ONE_COLUMN = 6.5
_NO_DATES: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
_STARRED = re.compile(r"\*(?=[\s,)]|$)")
"""A star that ends a name, as in the titles of reimplementations."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a report."""

    path: Path
    draw: Callable[[Path], None] | None
    """Writes it to a path, in the format of its suffix; None where the images that it shows are not here."""
    image: bool = False
    """Whether it shows images, so that there is only a PNG of it."""


def picture_name(kind: str, *parts: str) -> str:
    """Return a file name, with "-" for what a file name cannot hold everywhere: "gains_espcn_x2_bicubic.png"."""
    words = ("".join(c if c.isalnum() or c in "_-" else "-" for c in part) for part in parts)
    return short_stem(f"{kind}_{'_'.join(words)}") + ".png"


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_pictures(pictures: Iterable[Picture], kinds: Sequence[FigureFormat] = ("png",)) -> tuple[set[Path], list[str]]:
    """Draw pictures in some formats; one that cannot be drawn here is left as it is.

    Returns:
        The pictures that are there now, and sentences about those that were not drawn.
    """
    able = can_draw()
    drawn, left = set(), []
    for picture in pictures:
        for path in (picture.path.with_suffix(f".{kind}") for kind in kinds if kind == "png" or not picture.image):
            if able and picture.draw:
                picture.draw(path)
                drawn.add(path)
            elif path.is_file():
                left.append(path)
    warnings = (
        [] if able else ["No figures were drawn: matplotlib is missing; `pip install srbench[report]` brings it."]
    )
    if left:
        why = "the kept images that they show are not here" if able else "they may show an earlier state of the tables"
        warnings.append(f"These figures were left as they are: {', '.join(p.name for p in left)}; {why}.")
    return drawn | set(left), warnings


def sized(points: float) -> float:
    """Return the size of a letter or marker in the figure that is being drawn, from its size in a PNG, in points."""
    from matplotlib import rcParams

    return points * float(rcParams["font.size"]) / SCREEN_POINTS


@contextmanager
def figure_at(path: Path, width: float, height: float, *, dpi: int = 150, grid: bool = True) -> Iterator[Figure]:
    """Draw on a figure, and write it without a date: equal figures are equal files.

    Args:
        path: Its suffix is the format, one of `FIGURE_FORMATS`.
        width: Width of a PNG in inches. A vector file has one of `PAPER_WIDTHS`, and letters of `PAPER_POINTS`.
        height: Height in inches, likewise.
        dpi: Pixels in an inch of a PNG.
        grid: Whether axes have grids.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind = path.suffix[1:]
    style = STYLE | {"axes.grid": grid}
    if kind != "png":
        style |= {"font.size": PAPER_POINTS}
        width, height = PAPER_WIDTHS[width > _WIDEST_OF_ONE_COLUMN], height * PAPER_POINTS / SCREEN_POINTS
    with rc_context(style), atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the font lacks a character of a name
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        _explain_stars(figure, width, height)
        figure.savefig(temporary, format=kind, dpi=dpi, metadata=_NO_DATES[kind])


def _explain_stars(figure: Figure, width: float, height: float) -> None:
    """Write in a strip below a figure what a star says, if a name in it has one; all else keeps its place and size."""
    from matplotlib.text import Text

    if not any(_STARRED.search(text.get_text()) for text in figure.findobj(Text) if isinstance(text, Text)):
        return
    figure.draw_without_rendering()  # settles where legends are
    low = [legend for legend in figure.legends if legend.get_window_extent().y0 < figure.bbox.height / 3]
    strip = sized(8) * 2 / 72
    share = strip / (height + strip)
    figure.set_size_inches(width, height + strip)
    figure.set_layout_engine("constrained", rect=(0.0, share, 1.0, 1.0 - share))
    for legend in low:
        legend.borderaxespad += 72 * strip / sized(SCREEN_POINTS)  # what is above the lower edge, in letters
    note = figure.text(0.01, share / 2, f"* {REIMPLEMENTED}", fontsize=sized(8), va="center", color=INK)
    note.set_in_layout(False)
