"""The specs of scores, and of those that compare images: the metrics of super-resolution."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from srbench.errors import UsageError
from srbench.naming import check_name

if TYPE_CHECKING:
    import torch
    from torch import Tensor

UNIT_IN_COLUMN = {"%": "percent"}
"""Names of units whose sign cannot be part of a column's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSpec:
    """What the scores of all tasks have in common: of a `MetricSpec`, `RecognitionMetricSpec` or `FrontMetricSpec`."""

    task: ClassVar[str] = ""
    """Name of the task whose results it scores: "sr", "recognition"."""
    of_input: ClassVar[bool] = False
    """Whether it scores what a model is given, not what it makes of it."""
    name: str
    unavailable: Callable[[], str | None] | None = None
    """Returns, without loading, the reason why it cannot be loaded, or None if it can; when this changes, cells that
    lack the metric are measured again. None: always available."""
    label: str
    unit: str = ""
    """"dB", "%", or empty."""
    higher_is_better: bool = True
    decimals: int = 4
    version: str = "1"
    """Part of the protocol id; raised whenever a value changes."""

    def __post_init__(self) -> None:
        check_name("metric", self.name)

    @property
    def column(self) -> str:
        """Name of the column, with its unit."""
        unit = UNIT_IN_COLUMN.get(self.unit, self.unit.lower())
        return f"{self.name}_{unit}" if unit else self.name

    @property
    def scored(self) -> str:
        """What it looks at, in a few words for lists."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec(ScoreSpec):
    """A score of sr, with or without hr."""

    task: ClassVar[str] = "sr"
    load: Callable[[torch.device], Callable[..., Tensor]]
    """``load(device)`` returns ``metric(sr, hr) -> (N,)``; sr and hr are (N, C, H, W) float64 in [0, 1] on ``device``.
    With `needs_uncertainty` it is called ``metric(sr, hr, uncertainty)``. May raise `UnavailableError`: the column is
    then empty with that reason."""
    needs_hr: bool = True
    needs_uncertainty: Literal["", "order", "deviation"] = ""
    """What it needs of the network's map of its uncertainty, (N, C, H, W): nothing, an order, or standard deviations in
    units of [0, 1]. Its column is empty for networks that do not have that."""
    channels: Literal["rgb", "y"] = "rgb"
    shaved: bool = True
    """Whether the protocol's border is removed first."""

    @property
    def scored(self) -> str:
        """The channels."""
        return self.channels


Spec = TypeVar("Spec", bound=ScoreSpec)


def all_of(kind: type[Spec], specs: Iterable[ScoreSpec]) -> list[Spec]:
    """Return specs that are all of one class.

    Raises:
        UsageError: One of them scores another task.
    """
    found = []
    for spec in specs:
        if not isinstance(spec, kind):
            raise UsageError(
                f"The metric {spec.name!r} scores the task {spec.task!r}, not {kind.task!r}; leave it out, or name "
                f"another (srbench list metrics)."
            )
        found.append(spec)
    return found
