"""Detect whether a finished run is still up to date by the files it depended on, without loading a plugin.

A run that ended well notes the question, the environment, and size and time of every file that decided the results:
srbench's own code, plugins, suites and recipes, images, weights, stored results. While none of them has changed, the
same question has the same answer. After a run with a failed cell or an absent metric there is no note, and the next run
checks everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.catalog.code_state import environment, file_states, own_code
from srbench.datasets.manifest import user_manifest
from srbench.files import atomic_write, cache_root
from srbench.scales import Scale

if TYPE_CHECKING:
    from srbench.running.schedule import Schedule

NOTE = ".finished"
"""The file of the note, beside the records."""


def note_finished(results: Path, question: Mapping[str, object], schedule: Schedule) -> None:
    """Note what a run that ended well depended on, its ``question`` being the options of the command.

    Nothing is noted if a result or a score is missing.
    """
    records = results / "records"
    result_file = schedule.session.store.result_file
    for jobs in schedule.cells.values():
        measured = schedule.result(jobs.measure)
        if measured is None or not all(scheduled.name and result_file(scheduled.name).is_file() for scheduled in jobs):
            return
        if any(score.value is None for score in measured.scores.values()):
            return  # a metric that is absent now may be there next time
    stored = map(result_file, schedule.jobs)
    files = {*_plugins(schedule), *_data(schedule), *_inputs(schedule), *stored, *records.glob("*.json")}
    note = _now(question) | {"files": file_states(files)}
    atomic_write(records / NOTE, json.dumps(note))


def still_finished(results: Path, question: Mapping[str, object]) -> bool:
    """Return whether the last run into ``results`` had the same question and nothing has changed since."""
    try:
        note = json.loads((results / "records" / NOTE).read_text(encoding="utf-8"))
        files = note.pop("files")
        return bool(note == _now(question) and files == file_states(Path(path) for path in files))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _now(question: Mapping[str, object]) -> dict[str, object]:
    around = environment() | {"cache": cache_root(), "folder": Path.cwd()}
    now = {"question": question, "environment": around, "code": file_states((*own_code(), user_manifest()))}
    plain: dict[str, object] = json.loads(json.dumps(now, default=str))
    return plain


def _plugins(schedule: Schedule) -> Iterable[Path]:
    for plugin in schedule.session.catalog.plugins:
        if plugin.file is not None:
            yield plugin.file
            if plugin.source == "entry point":
                yield from plugin.file.parent.rglob("*.py")


def _data(schedule: Schedule) -> Iterable[Path]:
    session = schedule.session
    for name, scales in _datasets(schedule).items():
        spec = session.catalog.datasets[name]
        sets = [session.library.images(spec), *(session.library.lr_images(spec, scale) or {} for scale in scales)]
        for path in (path for images in sets for path in images.values()):
            yield from (path, path.parent)
        if spec.labels is not None:
            yield from session.library.labelled(spec).sources
    if session.data_root is not None:
        yield session.data_root


def _datasets(schedule: Schedule) -> dict[str, set[Scale]]:
    used: dict[str, set[Scale]] = {}
    for cell in schedule.plan.cells:
        used.setdefault(cell.dataset, set()).add(cell.scale)
    for model in schedule.plan.models:
        for name in model.recipe.read_sets if model.recipe else ():
            used.setdefault(name, set())
    return used


def _inputs(schedule: Schedule) -> Iterable[Path]:
    suite = Path(schedule.plan.suite.origin)
    if suite.suffix == ".toml":
        yield suite
        yield from suite.parent.glob("*.toml")  # recipes that it names
    for grid in schedule.plan.suite.grid:
        recipes = (grid.recipe, grid.teacher_recipe, grid.part_recipe)
        yield from (Path(name) for name in recipes if name and name.endswith(".toml"))
        yield from (Path(name) for name in (*grid.weights, *grid.teacher_weights))
        trained_on = (grid.train_degradation or "", *grid.train_degradations)
        for name in (*grid.architectures, *grid.degradations, *trained_on):
            file = Path(name.partition(":")[2])
            if file.is_file():  # a family's: spandrel:FILE, chain:FILE.toml and the chains that it names
                yield from (file, *file.parent.glob("*.toml"))
    if (recipe := schedule.plan.suite.recipe).endswith(".toml"):
        yield Path(recipe)
    for folder in schedule.session.weights_folders:
        yield from (folder, *folder.rglob("*"))
