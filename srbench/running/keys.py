"""Store keys: the hash of everything that decides a result, so that cached means equal."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from srbench.catalog.catalog import Catalog
from srbench.errors import CheckpointError
from srbench.files import sha256_of
from srbench.naming import Scale
from srbench.planning.cells import Cell, Model
from srbench.profiling.machine import this_machine
from srbench.profiling.settings import Profiling
from srbench.running.late_names import today
from srbench.running.session import Session
from srbench.running.store import content_key


class Keys:
    """The keys of one session's models, cells and profiles."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._catalog: Catalog = session.catalog
        self._library = session.library
        self._models: dict[Model, str] = {}

    def model(self, model: Model) -> str:
        """The key of a set of weights.

        Raises:
            DataError: A training set is missing or damaged.
            CheckpointError: The file of weights is missing.
        """
        if model not in self._models:
            self._models[model] = self._heeding_names("train", self._model_inputs(model))
        return self._models[model]

    def _heeding_names(self, stage: str, inputs: dict[str, Any]) -> str:
        """The key of a training, or another one where code that it is known to have asked for by name has changed."""
        key = content_key(stage, inputs)
        noted = (self._session.store.read(stage, key) or {}).get("named", {})
        now = today(self._catalog, noted)
        return key if now == noted else content_key(stage, inputs | {"named": now})

    def _model_inputs(self, model: Model) -> dict[str, Any]:
        catalog, recipe = self._catalog, model.recipe
        spec = catalog.architectures[model.architecture]
        inputs: dict[str, Any] = {
            "architecture": [spec.name, catalog.architectures.code_hash(spec.name), spec.extra_hash],
            "scales": model.scales,
            "source": model.source,
        }
        if model.source == "checkpoint":
            inputs["sha256"] = [
                c.sha256 for c in spec.checkpoints if c.tag == model.checkpoint and c.scale in (*model.scales, None)
            ]
        elif model.files:
            inputs["sha256"] = files_hash(model.files)
        elif recipe is not None:
            # How often it reports and checkpoints does not decide what it becomes. Fields that recipes gained later
            # count where they are used, so that what was trained before them keeps its key.
            gained = {"patch_of", "progressive", "permute_colours", "mixup", "mixup_shape", "pool", "start_from"}
            unused = gained - recipe.model_dump(exclude_defaults=True).keys()
            inputs |= {
                "recipe": recipe.model_dump(
                    mode="json", exclude={"name", "source", "checkpoint_every", "validate_every"} | unused
                ),
                "losses": {name: catalog.losses.code_hash(name) for name in recipe.losses},
                "degradation": self._degradation(str(model.degradation)),
                "distiller": [model.distiller, catalog.distillers.code_hash(model.distiller)],
                "teacher": self._taught(model.teachers),
                "initial": self.model(model.initial) if model.initial else None,
                "seed": model.seed,
                "data": {name: self._library.content_hash(catalog.datasets[name]) for name in recipe.datasets},
                "device": self._session.device.partition(":")[0],
            }
            if model.budget == "time":
                inputs["pace"] = self.pace(model)
        return inputs

    def pace(self, model: Model) -> str:
        """The key of how much longer a training's steps last than plain training's; seeds and weights do not matter."""
        machine = this_machine(self._session.threads).id  # of a worker, which has threads of its own
        alike = replace(model, budget="steps", seed=0, teachers=(), initial=None)
        teachers = [self._catalog.architectures[teacher.architecture] for teacher in model.teachers]
        return self._heeding_names(
            "pace",
            self._model_inputs(alike)
            | {
                "teacher": [[t.name, self._catalog.architectures.code_hash(t.name), t.extra_hash] for t in teachers],
                "machine": machine,
                "threads": self._session.threads,
            },
        )

    def _taught(self, teachers: tuple[Model, ...]) -> str | list[str] | None:
        """One teacher's key stands alone, as it did before there could be several."""
        keys = [self.model(teacher) for teacher in teachers]
        return keys if len(keys) > 1 else next(iter(keys), None)

    def cell(self, cell: Cell) -> str:
        """The key of a measurement."""
        catalog, dataset = self._catalog, self._catalog.datasets[cell.dataset]
        # The first of several realisations is the one that is measured where there is only one.
        number: dict[str, Any] = {"realisation": cell.realisation} if cell.realisation else {}
        if cell.protocol.keep_grey and catalog.architectures[cell.model.architecture].channels == "y":
            number |= {"grey": "is luma"}  # once it was made RGB first; other cells keep their keys
        return content_key(
            "measure",
            number
            | {
                "model": self.model(cell.model),
                "dataset": self._library.content_hash(dataset),
                "lr": self._library.lr_hash(dataset, cell.scale)
                if catalog.degradations[cell.degradation].provided or cell.protocol.takes_provided_lr(cell.degradation)
                else None,
                "scale": cell.scale,
                "degradation": self._degradation(cell.degradation),
                "protocol": [cell.protocol.name, cell.protocol.describe(cell.scale)],
                "inference": cell.inference.id(),
                "metrics": {name: self._metric(name) for name in cell.metrics},
                "limit": self._session.limit,
                "images_kept": self._session.images_kept,
                "device": self._session.device.partition(":")[0],
            },
        )

    def _degradation(self, name: str) -> list[str]:
        """What makes lr; of most, name and code tell all, as they did before there was a version and a file."""
        spec = self._catalog.degradations[name]
        more = [spec.version, spec.extra_hash] if (spec.version, spec.extra_hash) != ("1", "") else []
        return [name, self._catalog.degradations.code_hash(name), *more]

    def _metric(self, name: str) -> list[str | bool]:
        spec = self._catalog.metrics[name]
        absent = spec.unavailable is not None and spec.unavailable() is not None
        return [spec.version, self._catalog.metrics.code_hash(name), absent]

    def certificate(self, dataset: str, scale: Scale) -> str:
        """The key of a dataset's certification."""
        spec = self._catalog.datasets[dataset]
        row = [list(spec.bicubic.get(scale, ())), spec.bicubic_source]
        return content_key(
            "certify",
            {
                "dataset": self._library.content_hash(spec),
                "lr": self._library.lr_hash(spec, scale),
                "scale": scale,
                "row": row,
            },
        )

    def profile(self, architecture: str, scale: Scale, profiling: Profiling, machine: str) -> str:
        """The key of what a network costs; timings belong to one machine."""
        spec = self._catalog.architectures[architecture]
        return content_key(
            "profile",
            {
                "architecture": [spec.name, self._catalog.architectures.code_hash(architecture), spec.extra_hash],
                "scale": scale,
                "profiling": profiling.model_dump(mode="json"),
                "machine": machine,
                "device": self._session.device,
                "memory": "kept",  # once each pass had its memory cleared by the system, and took longer
            },
        )


def files_hash(paths: Sequence[Path]) -> str:
    """sha256 of a file of weights; of several, whose mean is used, that of theirs one after the other.

    Raises:
        CheckpointError: One cannot be read.
    """
    hashes = [file_hash(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file of weights.

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
