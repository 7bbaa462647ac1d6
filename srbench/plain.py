"""A terminal for text from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from srbench.escaping import one_line, visible


class PlainConsole(Console):
    """Prints text as it is: no markup, no emoji codes and no control characters act. Sentences stay unbroken."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - options of rich
        """Take the options of `rich.console.Console`."""
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - as above
        """Print objects; text alone is one line at any width of the terminal."""
        options.setdefault("soft_wrap", all(isinstance(part, str | Text) for part in objects))
        super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - as above
        """Return text as one line."""
        return super().render_str(one_line(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render an object, with control characters spelled out."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
