"""The spec of a metric of recognition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from srbench.measuring.metrics.spec import ScoreSpec

if TYPE_CHECKING:
    from srbench.measuring.recognition.answers import Answers, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionMetricSpec(ScoreSpec):
    """A score of what a model answered about labelled images, usually in percent."""

    task: ClassVar[str] = "recognition"
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
