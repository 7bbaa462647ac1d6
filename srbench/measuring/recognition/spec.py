"""The specs of metrics of recognition: of what a model answered, and of what it was fed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from srbench.measuring.metrics.spec import MetricSpec, ScoreSpec

if TYPE_CHECKING:
    from srbench.measuring.recognition.answers import Answers, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionScoreSpec(ScoreSpec):
    """What the scores of recognition have in common: a `RecognitionMetricSpec` or a `FrontMetricSpec`."""

    task: ClassVar[str] = "recognition"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionMetricSpec(RecognitionScoreSpec):
    """A score of what a model answered about labelled images, usually in percent."""

    questions: frozenset[str]
    """The questions whose answers it scores: "classification", "multilabel", "verification", "identification"."""
    score: Callable[[Answers], Result]
    """``score(answers)``; the answers are to one of ``questions``. May raise `UnavailableError`: the column is then
    empty with that reason."""
    unit: str = "%"
    decimals: int = 2

    @property
    def scored(self) -> str:
        """The questions."""
        return ", ".join(sorted(self.questions))


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMetricSpec(RecognitionScoreSpec):
    """A score of the images that a recogniser is fed, against HR: how good the network in front of it is."""

    of_input: ClassVar[bool] = True
    compares: MetricSpec
    """The metric of super-resolution that is applied, to whole images that are not rounded."""

    @classmethod
    def applying(cls, metric: MetricSpec) -> FrontMetricSpec:
        """Return the spec that applies a metric: "front_psnr_y" for "psnr_y"."""
        return cls(
            name=f"front_{metric.name}", label=f"Front {metric.label}", unit=metric.unit, decimals=metric.decimals,
            higher_is_better=metric.higher_is_better, version=metric.version, unavailable=metric.unavailable,
            compares=metric,
        )  # fmt: skip

    @property
    def scored(self) -> str:
        """The images and their channels."""
        return f"what is fed, {self.compares.channels}"
