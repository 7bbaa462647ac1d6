"""Train a planned model, as one of the processes that do so together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.planning.cells import Model
from srbench.running.equal_time import steps_in_time, training_of
from srbench.running.job_progress import JobProgress
from srbench.running.keys import Keys
from srbench.running.late_names import CodeByName, LateNames
from srbench.running.session import Session
from srbench.running.stages import CURVES
from srbench.training.tracking import NO_TRACKING

if TYPE_CHECKING:
    from srbench.training.group import Group
    from srbench.training.train_model import TrainedModel

TrainsTogether = Callable[[Session, Path, JobProgress, "Group"], "tuple[TrainedModel, CodeByName]"]
"""Trains one planned model as one of the processes of a group."""


def train_planned(
    model: Model, time_ratio: float | None, session: Session, folder: Path, progress: JobProgress, group: Group
) -> tuple[TrainedModel, CodeByName]:
    """Train a model, from the last checkpoint in ``folder`` if there is one.

    Args:
        model: A model to be trained.
        time_ratio: The `srbench.running.stages.Pace.ratio` that decides the steps; None: as the recipe says.
        session: That of this process, whose device is its own.
        folder: The folder of the result in the store, which all processes of the group share.
        progress: Shows how far it is.
        group: The processes that train together.

    Returns:
        The result, and the code of what the distiller asked for by name.
    """
    import torch

    from srbench.running.models import stored_model
    from srbench.training.train_model import train_model

    keys, device = Keys(session), torch.device(session.device)
    names = LateNames(session.catalog, session.library, model.scales[0], model.recipe)
    training = training_of(model, session, names)
    training = replace(
        training,
        teachers=tuple(stored_model(teacher, session, keys, device).network for teacher in model.teachers),
        steps=steps_in_time(training.recipe, time_ratio) if time_ratio else None,
    )
    if model.initial:
        start = stored_model(model.initial, session, keys, device).network
        training = replace(training, initial=start.module.state_dict())
    trained = train_model(
        training,
        device=device,
        work=folder / "work",
        cache=session.cache / "patches",
        progress=progress,
        curves=folder / CURVES if group.leads else None,
        tracking=session.tracking if group.leads else NO_TRACKING,
        key=folder.name,
        group=group,
    )
    return trained, names.code
