"""What the jobs of a run need of the machines that do them: from the suite, or estimated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from srbench.catalog.executors import Needs
from srbench.planning.needs import NeedsOfKind
from srbench.records.stored import Stored
from srbench.running.jobs import CertifyJob, Job, TrainJob
from srbench.running.schedule import Schedule, ScheduledJob

_LONGER = 3.0
"""A job may take so many times as long as estimated, on a slower machine or a busy one."""
_LEAST_HOURS = 0.5
USUAL_CPUS = 2
USUAL_MEMORY_GIB = 8.0
_RUNTIME_GIB = 3.0
"""Python, PyTorch, and the images of a training set, which are mapped from the cache."""
_PASSES_PER_STEP = 4.0
"""A training step holds so many times the memory of a forward pass: for the backward one, gradients and optimiser."""


def needs_by_kind(schedule: Schedule, jobs: Sequence[ScheduledJob[Stored]], *, estimated: bool) -> dict[str, Needs]:
    """Return what the jobs of each kind need: "train", "measure", "certify", "profile" or "pace".

    Args:
        schedule: Of a suite, which may say what they need.
        jobs: Those of its jobs that are to be done.
        estimated: Whether time and memory matter, and are estimated; that builds every network once.
    """
    session, estimator = schedule.session, schedule.estimator
    kinds: dict[str, list[Job[Stored]]] = {}
    for scheduled in jobs:
        if scheduled.name is not None:
            kinds.setdefault(scheduled.name.stage.name, []).append(scheduled.job)
    usual = Needs(memory_gib=USUAL_MEMORY_GIB, hours=_LEAST_HOURS)
    memory = _training_memory(schedule) if estimated else {}
    asked = cast("Mapping[str, NeedsOfKind]", schedule.plan.suite.needs)
    found = {}
    for kind, own in kinds.items():
        nodes = session.nodes if isinstance(own[0], TrainJob) else 1
        processes = session.devices // nodes if isinstance(own[0], TrainJob) else 1
        computes = session.device == "cuda" and not isinstance(own[0], CertifyJob)
        cpus = max(session.threads, processes) if session.threads else USUAL_CPUS * processes  # they share the threads
        needs = replace(usual, kind=kind, nodes=nodes, gpus=processes * computes, cpus=cpus)
        if estimated:
            hours = math.ceil(_LONGER * max(map(estimator.seconds, own)) / 1800) / 2  # in halves
            trained = [memory.get(job.model.architecture, 0.0) for job in own if isinstance(job, TrainJob)]
            needs = replace(needs, hours=max(hours, needs.hours), memory_gib=max(needs.memory_gib, *trained, 0.0))
        given = asked.get(kind)
        found[kind] = given.applied_to(needs) if given else needs
    return found


def _training_memory(schedule: Schedule) -> dict[str, float]:
    """Estimate GiB for a training of each architecture whose profile is stored, for its largest batch here."""
    found: dict[str, float] = {}
    settings = schedule.plan.suite.profile
    for cell, jobs in schedule.cells.items():
        recipe = cell.model.recipe
        profile = schedule.result(jobs.profile) if jobs.profile else None
        if recipe is None or profile is None or profile.peak_memory_mib.value is None:
            continue
        pixels = recipe.batch * math.prod(recipe.lr_size(cell.model.scales[0]))
        one_pass = profile.peak_memory_mib.value / 1024 * pixels / (settings.latency_height * settings.latency_width)
        architecture = cell.model.architecture
        gib = float(math.ceil(_RUNTIME_GIB + _PASSES_PER_STEP * one_pass))
        found[architecture] = max(found.get(architecture, 0.0), gib)
    return found
