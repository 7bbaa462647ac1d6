"""The specs of scores, and of those of super-resolution: of images, of a set of them, of samples of one."""

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
    """What the scores of all tasks have in common: of a `SrScoreSpec` or a `RecognitionScoreSpec`."""

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
class SrScoreSpec(ScoreSpec):
    """What the scores of sr have in common: a `MetricSpec`, a `SetMetricSpec` or a `SampleMetricSpec`.

    What ``load(device)`` returns may have an attribute ``weights_sha256``, whose first digits are part of the protocol
    id. It may raise `UnavailableError`: the column is then empty with that reason.
    """

    task: ClassVar[str] = "sr"
    load: Callable[[torch.device], Callable[..., Tensor]]
    """What ``load(device)`` returns is called with images, float64 in [0, 1] on ``device``."""
    needs_hr: bool = True
    channels: Literal["rgb", "y"] = "rgb"
    shaved: bool = True
    """Whether the protocol's border is removed first."""

    @property
    def scored(self) -> str:
        """The channels."""
        return self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec(SrScoreSpec):
    """A score of each sr, with or without hr.

    ``load(device)`` returns ``metric(sr, hr) -> (N,)``; sr and hr are (N, C, H, W). With `needs_uncertainty` it is
    called ``metric(sr, hr, uncertainty)``, and with `needs_lr` ``metric(sr, hr, lr)``.
    """

    needs_lr: bool = False
    """Whether it compares with lr, (N, C, h, w), which is not rounded or shaved here."""
    needs_uncertainty: Literal["", "order", "deviation"] = ""
    """What it needs of the network's map of its uncertainty, (N, C, H, W): nothing, an order, or standard deviations in
    units of [0, 1]. Its column is empty for networks that do not have that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMetricSpec(SrScoreSpec):
    """A score of all sr of a dataset together, usually a distance from all hr: FID, KID.

    ``load(device)`` returns ``features(images) -> (N, D)`` for images (N, C, H, W), called once for each image.
    """

    score: Callable[[Tensor, Tensor], float]
    """``score(sr_features, hr_features)``, both (images, D) float64 on the CPU, in the same order; where it does not
    need hr, both are of sr. May raise `UnavailableError`."""

    @property
    def scored(self) -> str:
        """That it is the set, and the channels."""
        return f"the set, {self.channels}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleMetricSpec(SrScoreSpec):
    """A score of several sr that a model makes of one image: how much they differ.

    ``load(device)`` returns ``metric(samples) -> ()`` for samples (K, C, H, W) of one image, K at least 2.
    """

    needs_hr: bool = False

    @property
    def scored(self) -> str:
        """That it is samples, and the channels."""
        return f"samples, {self.channels}"


Spec = TypeVar("Spec", bound=ScoreSpec)


def all_of(kind: type[Spec], specs: Iterable[ScoreSpec]) -> list[Spec]:
    """Return specs that are all of one class.

    Raises:
        UsageError: One of them scores another task, or something else of the task.
    """
    found = []
    for spec in specs:
        if not isinstance(spec, kind) and spec.task == kind.task:
            raise UsageError(
                f"The metric {spec.name!r} scores {spec.scored}, for which one pair of images is not enough; leave it "
                "out, or measure a dataset."
            )
        if not isinstance(spec, kind):
            raise UsageError(
                f"The metric {spec.name!r} scores the task {spec.task!r}, not {kind.task!r}; leave it out, or name "
                f"another (srbench list metrics)."
            )
        found.append(spec)
    return found
