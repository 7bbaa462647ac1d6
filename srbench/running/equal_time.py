"""How many steps fit into the time of plain training, from a ratio that is measured once and kept.

A training that is to take as long as plain training does may take fewer steps. How many is never decided by the clock
while it trains, or a resumed training would end with other weights: short trainings of both are timed in turns, so that
whatever else the machine does meets both alike, and the ratio is stored like any other result. The teachers' own
training is not counted.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.errors import TrainingError
from srbench.planning.cells import Model
from srbench.recipe import Recipe
from srbench.running.late_names import Named, Noted
from srbench.running.session import Session

if TYPE_CHECKING:
    from srbench.training.train_model import Training

TURNS = 3
TRIAL_STEPS = 40
GRAIN = 0.05
"""Ratios are rounded to multiples of this, so that another measurement mostly gives the same steps."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a method's training steps compare with those of plain training."""

    ratio: float
    """How many times as long they last; a multiple of `GRAIN`."""
    seconds_per_step: float
    plain_seconds_per_step: float
    named: Noted = field(default_factory=dict)
    """What the method asked for by name."""


def compare_paces(model: Model, session: Session) -> Pace:
    """Time the steps of a model's training and of plain training of the same student, in turns.

    Teachers have fresh weights, which cost the same.

    Raises:
        TrainingError: A phase of the method is so short that no step of it could be timed, or it cannot be trained.
    """
    import torch

    from srbench.networks.network import build_network
    from srbench.training.train_model import train_model

    catalog, device = session.catalog, torch.device(session.device)
    plain = replace(model, distiller="none", teachers=(), budget="steps", initial=None)
    named = Named(catalog, model.scales[0])

    def seconds(trial: Model, folder: Path) -> float:
        teachers = tuple(build_network(catalog.architectures[t.architecture], t.scales[0]) for t in trial.teachers)
        training = replace(training_of(trial, session, named), teachers=teachers, steps=TRIAL_STEPS)
        recipe = training.recipe
        if recipe.pool:  # as many passes through the pool, so that as much of it is remembered
            pool = max(1, round(recipe.pool * TRIAL_STEPS / recipe.steps))
            training = replace(training, recipe=recipe.model_copy(update={"pool": pool}))
        trained = train_model(training, device=device, work=folder, cache=session.cache / "patches")
        if trained.report.costs is None:
            raise TrainingError(f'No step of {trial.method} could be timed in {TRIAL_STEPS}; use budget = "steps".')
        return trained.report.costs.seconds_per_step

    times: list[tuple[float, float]] = []
    for _ in range(TURNS):
        with tempfile.TemporaryDirectory() as folder:
            own, other = (seconds(trial, Path(folder, trial.distiller)) for trial in (model, plain))
            times.append((own, other))
    ratio = statistics.median(own / other for own, other in times)
    own, other = (statistics.median(values) for values in zip(*times, strict=True))
    return Pace(round(max(round(ratio / GRAIN), 1) * GRAIN, 2), own, other, named.noted)


def steps_in_time(recipe: Recipe, ratio: float) -> int:
    """Steps that last as long as the recipe's steps of plain training, at least 1."""
    return max(1, int(recipe.steps / ratio))


def training_of(model: Model, session: Session, named: Named) -> Training:
    """Describe the training of a model; its teachers and what it starts from are left to the caller."""
    from srbench.training.train_model import Training

    catalog, recipe = session.catalog, model.recipe
    if recipe is None:
        raise ValueError(f"{model.title} has no recipe")
    return Training(
        spec=catalog.architectures[model.architecture],
        scales=model.scales,
        distiller=catalog.distillers[model.distiller],
        recipe=recipe,
        degradation=catalog.degradations[str(model.degradation)],
        losses={name: catalog.losses[name] for name in recipe.losses},
        images={name: session.library.images(catalog.datasets[name]) for name in recipe.datasets},
        build=named.network,
        find_degradation=named.degradation,
        seed=model.seed,
    )
