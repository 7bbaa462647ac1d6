"""The models that fit a budget, as facts for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srbench.picking.candidates import Candidates
from srbench.picking.choice import Choice, Priced
from srbench.records.stored import Measured


@dataclass(frozen=True, slots=True)
class PickedModel:
    """A model with its score and its costs."""

    name: str
    """What ``srbench upscale --model`` takes."""
    backend: str
    """What runs it, such as "openvino-int8-qdq-pc"; empty for PyTorch with its module as it is."""
    score: float
    """Its score."""
    costs: dict[str, Measured]
    """Its costs on this machine by name."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The models that fit a budget, and those that would be better."""

    metric: str
    """The score's name, with its unit."""
    dataset: str
    """The dataset of the scores."""
    protocol: str
    """How they were taken."""
    reported: bool
    """Whether the scores are those of the models' authors."""
    fitting: tuple[PickedModel, ...]
    """The models that fit, best first."""
    over: tuple[PickedModel, ...]
    """Models with a better score than the best that fits, nearest to the budget first."""
    untried: int
    """The number of models with lower scores, which were not measured."""


def picked(choice: Choice, candidates: Candidates) -> Picked:
    """Return a choice as facts."""
    return Picked(
        metric=candidates.metric,
        dataset=candidates.dataset,
        protocol=candidates.protocol,
        reported=candidates.reported,
        fitting=_models(choice.fitting),
        over=_models(choice.over),
        untried=choice.untried,
    )


def _models(priced: Sequence[Priced]) -> tuple[PickedModel, ...]:
    return tuple(
        PickedModel(
            name=own.candidate.name,
            backend=own.candidate.backend.name if own.candidate.backend else "",
            score=own.candidate.score,
            costs=dict(own.costs),
        )
        for own in priced
    )
