"""Derive what an earlier srbench did not write into a record from the rest of the record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from srbench.files import shipped_tables
from srbench.planning.alone import FROM_SPECS
from srbench.records.record import MadeBy, Record
from srbench.scales import plain_scale


def implied(record: Record, others: Iterable[Record] = ()) -> tuple[MadeBy, tuple[str, ...]]:
    """Return what a row was probably made from, and a sentence for each thing that its record does not say.

    Args:
        record: The record of the row.
        others: Records of its folder, among which its teachers may be.
    """
    model, unknown = record.model, list[str]()
    grid: dict[str, Any] = {
        "architectures": [model.architecture],
        "datasets": [record.dataset],
        "degradations": [record.degradation],
        "scales": [plain_scale(record.scale)],
        **_inference(record.inference),
    }
    if record.realisation is not None:
        grid["realisations"] = max(record.realisation + 1, 2)
    if model.source == "checkpoint":
        grid["architectures"] = [f"{model.architecture}.{model.checkpoint}"]
    elif model.source == "file":
        grid["weights"] = str(model.checkpoint).split(" + ")
        unknown.append("It does not say in which folder its file of weights was.")
    suite: dict[str, Any] = {
        "name": record.suite,
        "task": record.task,
        "protocol": record.protocol,
        "metrics": list(record.scores),
        "grid": [grid],
    }
    if model.recipe is not None:
        suite |= {"recipe": _recipe(model.recipe, unknown), "seeds": [model.seed or 0]}
        grid |= {"distillers": [model.distiller], "budget": model.budget}
        if model.train_degradation not in (None, record.degradation):
            grid["train_degradation"] = model.train_degradation
        if model.teacher:
            teachers = model.teacher.split(" & ")
            grid |= {"teachers": teachers} if len(teachers) > 1 else {"teacher": teachers[0]}
            recipes = {r.model.recipe for r in others if _may_teach(r, record, teachers)}
            if len(recipes) == 1 and (recipe := recipes.pop()) is not None:
                grid["teacher_recipe"] = _recipe(recipe, unknown)
            else:
                unknown.append("It does not say by which recipe its teacher was trained; the student's is taken.")
    return MadeBy(suite=suite), tuple(unknown)


def _may_teach(other: Record, record: Record, teachers: Sequence[str]) -> bool:
    """Return whether a row of the folder measures what may have been the teacher of another."""
    model = other.model
    plain = model.source == "trained" and model.distiller == "none" and model.architecture in teachers
    return plain and (other.scale, model.seed) == (record.scale, record.model.seed)


def _recipe(name: str, unknown: list[str]) -> str:
    """Return how a suite of today names a recipe."""
    if name in shipped_tables("recipes"):
        unknown.append(f"It does not say what the recipe {name} was; that of this srbench is taken.")
        return name
    if name.endswith("paper"):
        unknown.append("It does not say what the recipe of its paper was; that of the plugin of today is taken.")
        return FROM_SPECS
    unknown.append(f"It does not say what its recipe {name} was; put the file {name}.toml beside the suite.")
    return f"{name}.toml"


def _inference(text: str) -> dict[str, Any]:
    """Return the keys of a grid by which images are processed like this: "tile=128+16,x8"."""
    parts = text.split(",")
    keys: dict[str, Any] = {"self_ensemble": True} if "x8" in parts else {}
    for part in parts:
        if tiles := re.fullmatch(r"tile=(\d+)\+(\d+)", part):
            keys |= {"tile": int(tiles[1]), "overlap": int(tiles[2])}
        elif part == "chop" or part.startswith("resize="):
            keys[part.partition("=")[0]] = True
        elif part in ("bf16", "fp16"):
            keys["precision"] = part
    return keys
