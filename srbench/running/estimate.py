"""Estimate how long jobs will take on this machine."""

from __future__ import annotations

import functools
import math
import time
from contextlib import suppress
from itertools import pairwise

from srbench.errors import SrbenchError
from srbench.naming import Scale
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe
from srbench.records import Stored
from srbench.running.equal_time import TRIAL_STEPS, TURNS
from srbench.running.jobs import Job, MeasureJob, PaceJob, ProfileJob, TrainJob
from srbench.running.session import Session

_BACKWARD = 3.0
"""A training step costs about three forward passes."""
_TRAINING_EFFICIENCY = 0.35
"""Share of the matrix-multiply rate that small convolutions reach."""
_PROFILE_OVERHEAD = 4.0


def seconds_left(job: Job[Stored], session: Session) -> float:
    """Return about how many seconds a job will take; 0 if there is no way to know."""
    if isinstance(job, PaceJob):
        whole = seconds_left(TrainJob(job.model), session)
        return 2 * TURNS * TRIAL_STEPS * whole / job.model.recipe.steps if job.model.recipe else 0.0
    if isinstance(job, TrainJob):
        recipe = job.model.recipe
        spec = session.catalog.architectures[job.model.architecture]
        if recipe is None:
            return 0.0
        scale = job.model.scales[0]
        side = recipe.lr_side(recipe.patch, scale)
        macs = _macs(spec, scale, side, side)
        passes = _BACKWARD * _lr_pixels(recipe, scale) / side**2
        for teacher in job.model.teachers:
            its_spec = session.catalog.architectures[teacher.architecture]
            macs += _macs(its_spec, scale, side, side) / _BACKWARD
        return passes * macs / (_macs_a_second() * _TRAINING_EFFICIENCY)
    if isinstance(job, MeasureJob):
        pixels = 0.0
        with suppress(SrbenchError):
            dataset = session.catalog.datasets[job.cell.dataset]
            entries = dataset.entries[: session.limit]
            pixels = sum(e.height * e.width for e in entries) / job.cell.scale**2
        spec = session.catalog.architectures[job.cell.model.architecture]
        views = 8 if job.cell.inference.self_ensemble else 1
        per_pixel = _macs(spec, job.cell.scale, 64, 64) / 64**2
        # Metrics and image files cost about a second a megapixel of HR.
        return views * pixels * per_pixel / (_macs_a_second() * _TRAINING_EFFICIENCY) + pixels * job.cell.scale**2 / 1e6
    if isinstance(job, ProfileJob):
        return job.profiling.latency_seconds + _PROFILE_OVERHEAD
    return 1.0


def _lr_pixels(recipe: Recipe, scale: Scale) -> int:
    """How many a whole training sees."""
    starts = [0, *(step for step, _, _ in recipe.progressive if step < recipe.steps), recipe.steps]
    pixels = 0
    for start, end in pairwise(starts):
        patch, batch = recipe.patches_at(start)
        pixels += (end - start) * batch * recipe.lr_side(patch, scale) ** 2
    return pixels


def in_words(seconds: float) -> str:
    """A duration for people: 40 s, 3 min, 2.5 h, 4 days."""
    for limit, unit, size in ((90, "s", 1), (90 * 60, "min", 60), (48 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.1f} days"


def _macs(spec: ArchitectureSpec, scale: Scale, height: int, width: int) -> float:
    return _count(spec.name, scale, max(height, spec.min_size), max(width, spec.min_size), _Held(spec))


class _Held:
    """Lets a spec ride along in a cached call without being part of its key."""

    def __init__(self, spec: ArchitectureSpec) -> None:
        self.spec = spec

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)


@functools.lru_cache(maxsize=512)
def _count(_name: str, scale: Scale, height: int, width: int, held: _Held) -> float:
    from srbench.profiling.complexity import count_macs

    spec = held.spec
    multiple = spec.size_multiple
    size = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
    try:
        counted = count_macs(
            lambda: spec.network(scale),
            lambda network, lr: network(lr, scale) if spec.multi_scale else network(lr),
            size,
            1 if spec.channels == "y" else 3,
        )
    except SrbenchError:
        return 0.0
    return float(counted.total)


@functools.cache
def _macs_a_second() -> float:
    """What this machine multiplies, measured in a tenth of a second."""
    import torch

    size, fastest, start = 512, math.inf, time.perf_counter()
    a, b = torch.rand(size, size), torch.rand(size, size)
    while time.perf_counter() - start < 0.1:
        begun = time.perf_counter()
        a @ b
        fastest = min(fastest, time.perf_counter() - begun)  # whatever else the machine is doing
    return float(size**3 / fastest)
