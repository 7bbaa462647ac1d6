"""The tasks by name."""

from __future__ import annotations

from collections.abc import Mapping

from srbench.errors import UnknownNameError
from srbench.networks.spec import ArchitectureSpec
from srbench.tasks.recognition.task import Recognition
from srbench.tasks.super_resolution.task import SuperResolution
from srbench.tasks.task import Task

TASKS: Mapping[str, Task] = {task.name: task for task in (SuperResolution(), Recognition())}


def task_named(name: str) -> Task:
    """Return a task, or raise `UnknownNameError`."""
    if name not in TASKS:
        raise UnknownNameError.among("task", name, TASKS)
    return TASKS[name]


def task_of(spec: ArchitectureSpec) -> Task:
    """Return the task of a network."""
    return task_named(spec.task)
