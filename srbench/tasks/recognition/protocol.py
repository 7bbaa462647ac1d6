"""Protocols of recognition: what size HR has, and what a student sees of LR."""

from __future__ import annotations

from dataclasses import dataclass

from srbench.errors import UnknownNameError
from srbench.recipe import RecognitionRecipe
from srbench.scales import Scale, lr_size

PRESET = "recognition"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionProtocol:
    """How test images are prepared. It follows the recipe, so that students are tested on what they were trained on."""

    name: str = PRESET
    height: int
    """Height of HR in pixels."""
    width: int
    """Width of HR in pixels."""
    cover: float
    """Images are resized to this multiple of HR's size, whose centre is cut out."""
    view: str
    """See `srbench.tasks.recognition.views.VIEWS`."""

    def describe(self, scale: Scale) -> str:  # noqa: ARG002 - the size of LR follows from that of HR
        """Return the form in protocol ids: "recognition:hr=28x28,view=small"."""
        cover = "" if self.cover == 1 else f",cover={self.cover:g}"
        return f"{self.name}:hr={self.height}x{self.width}{cover},view={self.view}"

    def takes_provided_lr(self, degradation: str) -> bool:  # noqa: ARG002
        """Return False: LR is always made from HR."""
        return False

    def input_size(self, scale: Scale) -> tuple[int, int]:
        """Return height and width of what a student sees."""
        size = self.height, self.width
        return lr_size(size, scale) if self.view == "small" else size


def protocol_by(name: str, recipe: RecognitionRecipe) -> RecognitionProtocol:
    """Return the protocol of a recipe's students.

    Raises:
        UnknownNameError: The preset is not the only one.
    """
    if name != PRESET:
        raise UnknownNameError.among("protocol", name, {PRESET}, "It is the only one of the task recognition.")
    return RecognitionProtocol(height=recipe.height, width=recipe.width, cover=recipe.cover, view=recipe.view)
