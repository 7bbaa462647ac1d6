"""Name the jobs of a session by the hash of everything that decides their results, so that cached means equal."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from srbench.deploying.backend import Backend
from srbench.deploying.writer import writer_of
from srbench.errors import CheckpointError
from srbench.files import sha256_of
from srbench.planning.cells import Cell, Model
from srbench.profiling.machine import this_machine
from srbench.profiling.settings import Profiling
from srbench.recipe import TrainingRecipe
from srbench.records.costs import Profile
from srbench.records.scores import Certification
from srbench.running.late_names import current_code
from srbench.running.programs import Program, program_of
from srbench.running.session import Session
from srbench.running.stages import (
    CERTIFY,
    MEASURE,
    ONNX,
    PACE,
    PROFILE,
    TRAIN,
    JobName,
    MeasuredCell,
    OnnxFile,
    Pace,
    Stage,
    Trained,
)
from srbench.scales import Scale, plain_scale
from srbench.tasks.table import task_of

REPORTING = {"name", "source", "checkpoint_every", "validate_every"}
"""Fields of a recipe that do not decide what a training becomes."""
TIMED = Profiling()
"""How backends are timed unless a suite says otherwise."""
READING_VERSION = 2
"""Raise it whenever `srbench.networks.weights` takes other weights from the same file."""

WithLateNames = TypeVar("WithLateNames", Pace, Trained)


class Keys:
    """The names of a session's jobs."""

    def __init__(self, session: Session) -> None:
        self._session, self._catalog, self._library = session, session.catalog, session.library
        self._models: dict[Model, JobName[Trained]] = {}
        self._tests: dict[tuple[object, ...], dict[str, object]] = {}

    def model(self, model: Model) -> JobName[Trained]:
        """Name the training of a model; for weights that are not trained here, only the key has a meaning.

        Raises:
            DataError: A training set is missing or damaged.
            CheckpointError: The file of weights is missing.
        """
        if model not in self._models:
            self._models[model] = self._with_late_names(TRAIN, self._weights(model))
        return self._models[model]

    def pace(self, model: Model) -> JobName[Pace]:
        """Name the comparison of a training's steps with those of plain training; seeds and weights do not matter."""
        same = replace(model, budget="steps", seed=0, teachers=(), initial=None)
        teachers = [self._architecture(teacher.architecture) for teacher in model.teachers]
        own = {"teachers": teachers, "machine": self._machine, "threads": self._session.threads}
        return self._with_late_names(PACE, self._weights(same) | own)

    def program(self, program: Program) -> JobName[OnnxFile]:
        """Name a model as an ONNX file.

        Raises:
            DataError: A training set for its calibration is missing or damaged.
        """
        datasets = self._catalog.datasets
        return ONNX.job(
            {
                "model": self.model(program.model).key,
                "scale": plain_scale(program.scale),
                "precision": program.precision,
                "quantisation": program.quantisation,
                "data": {name: self._library.content_hash(datasets[name]) for name in program.calibrated_on},
                "degradation": self._degradation(program.degradation) if program.degradation else None,
                "device": self._device_kind,
                "writer": writer_of(quantised=program.precision == "int8"),
            }
        )

    def cell(self, cell: Cell, profiling: Profiling = TIMED) -> JobName[MeasuredCell]:
        """Name a measurement; one with times or by a limit of time belongs to a machine, and to the way of timing."""
        version = task_of(self._catalog.networks[cell.model.architecture]).measuring_version
        fitting = cell.inference.fitting
        return MEASURE.job(
            {"model": self.model(cell.model).key}
            | self._test(cell)
            | ({"task": version} if version > 1 else {})
            | ({"machine": self._machine} if fitting and fitting.seconds else {})
            | self._deployment(cell, profiling)
        )

    def _test(self, cell: Cell) -> dict[str, object]:
        """Return what decides a measurement besides the model; made once, since a test is given to many models."""
        same = (
            cell.dataset, cell.scale, cell.degradation, cell.realisation, cell.protocol, cell.inference, cell.metrics
        )  # fmt: skip
        if same not in self._tests:
            catalog, dataset = self._catalog, self._catalog.datasets[cell.dataset]
            takes_provided = cell.protocol.takes_provided_lr(cell.degradation)
            provided = catalog.degradations[cell.degradation].provided or takes_provided
            self._tests[same] = {
                "dataset": self._library.content_hash(dataset),
                "lr": self._library.lr_hash(dataset, cell.scale) if provided else None,
                "scale": plain_scale(cell.scale),
                "degradation": self._degradation(cell.degradation),
                "realisation": cell.realisation or 0,
                "protocol": [cell.protocol.name, cell.protocol.describe(cell.scale)],
                "inference": cell.inference.id(),
                "metrics": {name: self._metric(name) for name in cell.metrics},
                "limit": self._session.limit,
                "images_kept": self._session.images_kept,
                "device": self._device_kind,
            }
        return self._tests[same]

    def _deployment(self, cell: Cell, profiling: Profiling) -> dict[str, object]:
        backend = cell.inference.backend
        if backend is None:
            return {}
        program = program_of(cell, self._session)
        deployment = {
            "runtime": self._catalog.runtimes.code_hash(backend.runtime),
            "program": None if program is None else self.program(program).key,
            "profiling": profiling.model_dump(mode="json"),
            "machine": self._machine,
        }
        return {"deployment": deployment}

    def certificate(self, task: str, dataset: str, scale: Scale) -> JobName[Certification]:
        """Name the certification of a dataset."""
        spec = self._catalog.datasets[dataset]
        return CERTIFY.job(
            {
                "task": task,
                "dataset": self._library.content_hash(spec),
                "lr": self._library.lr_hash(spec, scale),
                "scale": plain_scale(scale),
                "row": [list(spec.bicubic.get(scale, ())), spec.bicubic_protocol, spec.bicubic_source],
            }
        )

    def profile(
        self, architecture: str, scale: Scale, profiling: Profiling, size: tuple[int, int] | None,
        backend: Backend | None = None,
    ) -> JobName[Profile]:  # fmt: skip
        """Name the profile of a network on this machine."""
        ran = self._ran(backend) if backend else []
        return PROFILE.job(
            {
                "architecture": self._architecture(architecture),
                "scale": plain_scale(scale),
                "profiling": profiling.model_dump(mode="json"),
                "size": size,
                "machine": self._machine,
                "device": self._session.device,
            }
            | ({"backend": ran} if ran else {})
        )

    def _ran(self, backend: Backend) -> list[object]:
        opens_file = backend.precision in self._catalog.runtimes[backend.runtime].onnx
        writer = [writer_of(quantised=backend.precision == "int8")] if opens_file else []
        return [backend.name, self._catalog.runtimes.code_hash(backend.runtime), *writer]

    def _with_late_names(self, stage: Stage[WithLateNames], inputs: dict[str, object]) -> JobName[WithLateNames]:
        """Name a job; another name if the code has changed that it asked for by name."""
        job = stage.job(inputs)
        stored = self._session.store.read(job)
        noted = stored.late_names if stored else {}
        current = current_code(self._catalog, noted)
        return job if current == noted else stage.job(inputs | {"late_names": current})

    def _weights(self, model: Model) -> dict[str, object]:
        spec = self._catalog.networks[model.architecture]
        inputs: dict[str, object] = {
            "architecture": self._architecture(spec.name),
            "scales": [plain_scale(scale) for scale in model.scales],
            "source": model.source,
        }
        if model.source == "composed":
            inputs["parts"] = [self.model(part).key for part in model.parts]
        elif model.source == "checkpoint":
            inputs["sha256"] = [found.sha256 for found in spec.published(model.checkpoint, model.scales)]
        elif model.files:
            inputs |= {"sha256": files_hash(model.files), "reading": READING_VERSION}
        elif model.recipe is not None:
            inputs |= self._training(model, model.recipe)
        return inputs

    def _training(self, model: Model, recipe: TrainingRecipe) -> dict[str, object]:
        catalog = self._catalog
        return {
            "recipe": recipe.model_dump(mode="json", exclude=REPORTING | recipe.left_out()),
            "losses": {name: catalog.losses.code_hash(name) for name in recipe.losses},
            "degradation": self._degradation(str(model.degradation)),
            "distiller": [model.distiller, catalog.distillers.code_hash(model.distiller)],
            "teachers": [self.model(teacher).key for teacher in model.teachers],
            "initial": self.model(model.initial).key if model.initial else None,
            "pace": self.pace(model).key if model.budget == "time" else None,
            "seed": model.seed,
            "data": {name: self._library.content_hash(catalog.datasets[name]) for name in recipe.read_sets},
            "device": self._device_kind,
        }

    def _architecture(self, name: str) -> list[str]:
        spec = self._catalog.networks[name]
        return [spec.name, self._catalog.networks.code_hash(name), spec.extra_hash]

    def _degradation(self, name: str) -> list[str]:
        spec = self._catalog.degradations[name]
        return [name, self._catalog.degradations.code_hash(name), spec.version, spec.extra_hash]

    def _metric(self, name: str) -> list[str | bool]:
        spec = self._catalog.metrics[name]
        absent = spec.unavailable is not None and spec.unavailable() is not None
        return [spec.version, self._catalog.metrics.code_hash(name), absent]

    @property
    def _device_kind(self) -> str:
        return self._session.device.partition(":")[0]

    @cached_property
    def _machine(self) -> str:
        return this_machine(self._session.threads).id  # the threads of a worker, not those of this process


def files_hash(paths: Sequence[Path]) -> str:
    """Return the sha256 of a file of weights; of several, whose mean is used, the sha256 of their hashes.

    Raises:
        CheckpointError: A file cannot be read.
    """
    hashes = [file_hash(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """Return the sha256 of a file of weights.

    Raises:
        CheckpointError: It cannot be read.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise CheckpointError(f"The weights file {path} cannot be read: {error.strerror}; check the path.") from error
    return _file_hash(path, facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _file_hash(path: Path, _size: int, _changed: int) -> str:
    return sha256_of(path)
