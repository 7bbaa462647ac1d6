"""Estimate how long jobs will take on this machine."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterable
from contextlib import suppress

from srbench.errors import SrbenchError
from srbench.planning.cells import Cell, Model
from srbench.records.stored import Stored
from srbench.running.equal_time import TRIAL_STEPS, TRIAL_TURNS
from srbench.running.jobs import Job, MeasureJob, OnnxJob, PaceJob, ProfileJob, TrainJob
from srbench.running.session import Session
from srbench.scales import Scale, area

_FORWARDS_PER_STEP = 3.0
"""A training step costs about three forward passes."""
_CONVOLUTION_EFFICIENCY = 0.35
"""Share of the matrix-multiply rate that small convolutions reach."""
_SECONDS_PER_RESIZED_PIXEL = 3e-8
"""The time of one core, for all colours; 30 ns for bicubic reduction by 4."""
_SECONDS_PER_MODULE = {"student": 1.2e-4, "teacher": 4e-5}
"""A training step spends this on each module of a network, however small the images: on calls, not on arithmetic."""
_MEASURE_OVERHEAD = 1.0
"""Reading weights and images; sets whose sizes are not in their manifest count with this alone."""
_PROFILE_OVERHEAD = 4.0
_CONVERSION = 8.0
"""Writing an ONNX file, and half of that again for its quantisation."""


class Estimator:
    """Estimates the jobs of a session, and counts the work of each network once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._counts: dict[tuple[str, Scale, tuple[int, int]], float] = {}
        self._modules: dict[tuple[str, Scale], int] = {}
        self._pixels: dict[str, int] = {}

    def seconds(self, job: Job[Stored]) -> float:
        """Return about how many seconds a job will take; 0 if there is no way to know."""
        match job:
            case PaceJob(model):
                steps = model.recipe.steps if model.recipe else 1
                return 2 * TRIAL_TURNS * TRIAL_STEPS / steps * self._training(model)
            case TrainJob(model):
                return self._training(model)
            case MeasureJob(cell, profiling):
                timed = job.alone and profiling.enabled
                return self._measuring(cell) + timed * (profiling.latency_seconds + _PROFILE_OVERHEAD)
            case OnnxJob():
                return _CONVERSION
            case ProfileJob(profiling=profiling):
                return profiling.latency_seconds + _PROFILE_OVERHEAD
        return 1.0

    def elapsed(self, jobs: Iterable[Job[Stored]], workers: int = 1) -> float:
        """Return about how many seconds a run of jobs takes; what times something runs alone."""
        seconds = {True: 0.0, False: 0.0}
        for job in jobs:
            seconds[job.alone] += self.seconds(job)
        return seconds[True] + seconds[False] / workers

    def _training(self, model: Model) -> float:
        recipe, scale = model.recipe, model.scales[0]
        if recipe is None:
            return 0.0
        size = recipe.lr_size(scale)
        macs = _FORWARDS_PER_STEP * self._macs(model.architecture, scale, size)
        calls = _SECONDS_PER_MODULE["student"] * self._module_count(model.architecture, scale)
        for teacher in model.teachers:
            seen = scale if scale in teacher.scales else teacher.scales[0]
            macs += self._macs(teacher.architecture, seen, recipe.lr_size(seen))
            calls += _SECONDS_PER_MODULE["teacher"] * self._module_count(teacher.architecture, seen)
        arithmetic = macs * recipe.lr_pixels(scale) / math.prod(size) / self._rate
        return arithmetic + recipe.steps * calls + recipe.resized_pixels(scale) * _SECONDS_PER_RESIZED_PIXEL

    def _measuring(self, cell: Cell) -> float:
        pixels = self._hr_pixels(cell.dataset) / area(cell.scale)
        macs = (
            self._evaluations(cell) * pixels * self._macs(cell.model.architecture, cell.network_scale, (64, 64)) / 64**2
        )
        # Metrics and image files take about a second a megapixel of HR.
        samples = cell.inference.sampling.samples if cell.inference.sampling else 1
        return _MEASURE_OVERHEAD + macs / self._rate + samples * pixels * area(cell.scale) / 1e6

    def _hr_pixels(self, dataset: str) -> int:
        """Return the pixels of the images that are measured; 0 where the manifest does not say."""
        if dataset not in self._pixels:
            self._pixels[dataset] = 0
            with suppress(SrbenchError):
                entries = self._session.catalog.datasets[dataset].entries[: self._session.limit]
                self._pixels[dataset] = sum(entry.height * entry.width for entry in entries)
        return self._pixels[dataset]

    def _evaluations(self, cell: Cell) -> float:
        """Return how often a network is evaluated for all sr of an image; a training step counts as several times."""
        how = cell.inference
        if how.sampling:
            samplers = self._session.catalog.networks[cell.model.architecture].samplers
            own = next(sampler for sampler in samplers if sampler.name == how.sampling.sampler)
            return how.sampling.samples * how.sampling.steps * own.evaluations
        if how.fitting:
            return _FORWARDS_PER_STEP * how.fitting.steps
        return 8 if how.self_ensemble else 1

    @property
    def _rate(self) -> float:
        """Multiply-accumulates of convolutions a second, on the threads of the session."""
        import torch

        threads = self._session.threads or torch.get_num_threads()
        return _macs_a_second() * threads * _CONVOLUTION_EFFICIENCY

    def _module_count(self, architecture: str, scale: Scale) -> int:
        import torch

        key = (architecture, scale)
        if key not in self._modules:
            self._modules[key] = 0
            with suppress(Exception), torch.device("meta"):  # a network may raise anything; its training will say so
                network = self._session.catalog.networks[architecture].network(scale)
                self._modules[key] = sum(1 for _ in network.modules())
        return self._modules[key]

    def _macs(self, architecture: str, scale: Scale, size: tuple[int, int]) -> float:
        """Return the multiply-accumulates of one evaluation; of a network that samples, forward draws once."""
        from srbench.profiling.complexity import macs_at

        key = (architecture, scale, size)
        if key not in self._counts:
            self._counts[key] = 0.0
            with suppress(SrbenchError):
                spec = self._session.catalog.networks[architecture]
                drawn = spec.samplers[0].steps[0] * spec.samplers[0].evaluations if spec.samplers else 1
                self._counts[key] = macs_at(spec, scale, size).total / drawn
        return self._counts[key]


def in_words(seconds: float) -> str:
    """Write a duration for people: 40 s, 3 min, 2.5 h, 4 days."""
    for limit, unit, size in ((90, "s", 1), (90 * 60, "min", 60), (48 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.1f} days"


@functools.cache
def _macs_a_second() -> float:
    """Measure in a tenth of a second how fast a core of this machine multiplies matrices, by processor time.

    So other work on the machine, which may end sooner than the jobs, does not count.
    """
    import torch

    size, fastest = 512, math.inf
    a, b = torch.rand(size, size), torch.rand(size, size)
    start = begun = time.process_time()
    while begun - start < 0.1:  # once at least
        a @ b
        ended = time.process_time()
        begun, fastest = ended, min(fastest, ended - begun)
    return float(size**3 / fastest)
