"""How many steps fit into the time of plain training, from a ratio that is measured once and stored.

A training that takes as long as plain training may take fewer steps. The clock never decides how many while it trains,
or a resumed training would end with other weights. Instead, short trainings of both are timed in turns, so that other
work of the machine slows both down, and the ratio is stored like any other result. The training of the teachers is not
counted.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.errors import TrainingError
from srbench.planning.cells import Model
from srbench.recipe import TrainingRecipe
from srbench.running.late_names import LateNames
from srbench.running.session import Session
from srbench.running.stages import Pace
from srbench.tasks.table import task_of
from srbench.tasks.task import TrainingRequest

if TYPE_CHECKING:
    from srbench.training.train_model import Training

TRIAL_TURNS = 3
TRIAL_STEPS = 40
RATIO_GRAIN = 0.05
"""Ratios are rounded to multiples of this, so that measuring again gives the same steps most of the time."""


def compare_paces(model: Model, session: Session) -> Pace:
    """Time the steps of a model's training and those of plain training of the same student, in turns.

    Teachers have fresh weights; a step takes the same time with them.

    Raises:
        TrainingError: A phase of the method is so short that no step of it could be timed, or it cannot be trained.
    """
    import torch

    from srbench.running.models import untrained
    from srbench.training.train_model import train_model

    catalog, device = session.catalog, torch.device(session.device)
    plain = replace(model, distiller="none", teachers=(), budget="steps", initial=None)
    names = LateNames(catalog, session.library, model.scales[0], model.recipe)

    def seconds(trial: Model, folder: Path) -> float:
        teachers = tuple(untrained(teacher, session.library, catalog) for teacher in trial.teachers)
        training = replace(training_of(trial, session, names), teachers=teachers, steps=TRIAL_STEPS)
        training = replace(training, recipe=training.recipe.shortened(TRIAL_STEPS))
        trained = train_model(training, device=device, work=folder, cache=session.cache / "patches")
        if trained.report.costs is None:
            raise TrainingError(f'No step of {trial.method} could be timed in {TRIAL_STEPS}; use budget = "steps".')
        return trained.report.costs.seconds_per_step

    times = []
    for _ in range(TRIAL_TURNS):
        with tempfile.TemporaryDirectory() as folder:
            times.append([seconds(trial, Path(folder, trial.distiller)) for trial in (model, plain)])
    ratio = statistics.median(trial / plain for trial, plain in times)
    trial_seconds, plain_seconds = (statistics.median(values) for values in zip(*times, strict=True))
    return Pace(
        ratio=round(max(round(ratio / RATIO_GRAIN), 1) * RATIO_GRAIN, 2),
        seconds_per_step=trial_seconds,
        plain_seconds_per_step=plain_seconds,
        late_names=names.code,
    )


def steps_in_time(recipe: TrainingRecipe, ratio: float) -> int:
    """Return how many steps take as long as the recipe's steps of plain training, at least 1."""
    return max(1, int(recipe.steps / ratio))


def training_of(model: Model, session: Session, names: LateNames) -> Training:
    """Describe the training of a model; its teachers and what it starts from are left to the caller."""
    catalog, recipe = session.catalog, model.recipe
    if recipe is None:
        raise ValueError(f"{model.title} has no recipe")
    spec = catalog.networks[model.architecture]
    request = TrainingRequest(
        spec=spec,
        scales=model.scales,
        distiller=catalog.distillers[model.distiller],
        recipe=recipe,
        degradation=catalog.degradations[str(model.degradation)],
        losses={name: catalog.losses[name] for name in recipe.losses},
        build=names.network,
        find_degradation=names.degradation,
        seed=model.seed,
    )
    return task_of(spec).training(request, session.library, catalog)
