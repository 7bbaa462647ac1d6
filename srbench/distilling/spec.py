"""What a plugin declares of a distiller, and of a training loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from srbench.naming import Paper, check_name

if TYPE_CHECKING:
    from torch import Tensor

    from srbench.distilling.distiller import Distiller, Setup


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillerSpec:
    """A way to train a student."""

    name: str
    build: Callable[[Setup], Distiller]
    label: str = ""
    needs_teacher: bool = True
    several_teachers: bool = False
    """True if it learns from all teachers that a suite names; otherwise it gets the first."""
    paper: Paper | None = None
    license: str = "unknown"
    reconstruction: bool = False
    """True where the paper leaves the method open and this is our reading of it."""
    form: Literal["plain", "corrected", "official"] = "plain"
    """"official" keeps a mistake of the authors' release, "corrected" does what the release means to do, and
    "plain" has no such mistake to keep."""
    tasks: frozenset[str] = frozenset({"sr"})
    """The tasks whose students it can train: "sr", "recognition"."""
    trains_uncertainty: bool = False
    """Whether it trains the map of a student that returns its uncertainty; metrics of the map are empty otherwise."""
    tried_on: tuple[str, str] | None = None
    """Student and teacher for its contract, where it does not work with every network."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("distiller", self.name)

    @property
    def title(self) -> str:
        """The label for tables."""
        return self.label or self.name

    @property
    def points(self) -> bool:
        """True if it can train on points of patches; see `Distiller.points`."""
        return self._says("points")

    @property
    def objectives(self) -> bool:
        """True if it can train students by their own objective; see `Distiller.objectives`."""
        return self._says("objectives")

    def _says(self, attribute: str) -> bool:
        build: object = self.build
        while isinstance(build, partial):
            build = build.func
        return bool(getattr(build, attribute, False))


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSpec:
    """A training loss."""

    name: str
    build: Callable[[], Callable[[Tensor, Tensor], Tensor]]
    """``build()`` gives ``loss(sr, hr) -> ()``, both (N, C, H, W) in [0, 1]; for recognition, ``loss(logits, labels)``,
    (N, K) and (N,). May be an ``nn.Module``."""
    task: str = "sr"
    """The task whose outputs it compares: "sr" or "recognition"."""
    label: str = ""
    paper: Paper | None = None
    reconstruction: bool = False
    """True where the paper leaves the loss open and this is our reading of it."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("loss", self.name)
