"""The origin of a row: its records, what they were measured with, and the command that makes them again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from srbench.records.record import Environment, Record
from srbench.report.leaderboard.tables import Line


class Environments:
    """Software and machines, each listed once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.listed: list[dict[str, Any]] = []

    def number(self, environment: Environment | None) -> int | None:
        """Return the number of an environment in ``listed``; None for None."""
        if environment is None:
            return None
        text = environment.model_dump_json()
        if text not in self._numbers:
            self._numbers[text] = len(self.listed)
            self.listed.append(environment.model_dump(mode="json"))
        return self._numbers[text]


def provenance(line: Line, environments: Environments) -> dict[str, Any]:
    """Return what is known about the origin of a line, without empty facts."""
    first, model = line.first, line.first.model
    facts = {
        "suite": first.suite,
        "source": model.source,
        "architecture": model.architecture,
        "checkpoint": model.checkpoint,
        "weights_read": model.weights_read,
        "distiller": model.distiller if model.source == "trained" else None,
        "teacher": model.teacher,
        "recipe": model.training,
        "steps": model.train_steps,
        "starts_from": model.initial,
        "trained_on": " + ".join(model.trained_on),
        "train_degradation": model.train_degradation,
        "lr": first.lr_source,
        "sr_drawn": first.drawn,
        "timing": line.timing,
        "dataset_hash": first.dataset_hash,
    }
    return {
        "facts": {name: value for name, value in facts.items() if value},
        "doubts": list(dict.fromkeys(doubt for record in line.records for doubt in record.doubts)),
        "records": [_record(record, environments) for record in line.records],
        "command": command(line.records),
    }


def _record(record: Record, environments: Environments) -> list[Any]:
    """Return seed, realisation, key, date, environment, hash of the weights, and the reason why it failed."""
    return [
        record.model.seed, record.realisation, record.key, record.created, environments.number(record.environment),
        record.model.weights_sha256, None if record.status == "ok" else record.reason or "failed",
    ]  # fmt: skip


def command(records: Sequence[Record]) -> str:
    """Return the `srbench run` that measures the records of a line again.

    It selects from the suite, which must be there under the same name; weights from a file replace its architectures.
    """
    first, model = records[0], records[0].model
    words = ["srbench", "run", first.suite]
    if model.source == "file" and model.checkpoint:
        words += ["--architecture", model.architecture, "--weights", model.checkpoint]
    else:
        tag = f".{model.checkpoint}" if model.source == "checkpoint" and model.checkpoint else ""
        words += ["--only", model.architecture + tag if model.distiller == "none" else model.distiller]
    words += ["--dataset", first.dataset]
    words += ["--scale", str(first.scale)] if first.scale > 1 else []
    words += ["--degradation", first.degradation]
    for seed in sorted({r.model.seed for r in records if r.model.seed is not None}):
        words += ["--seed", str(seed)]
    words += _inference_options(first.inference)
    words += _drawing_options(first.drawn)
    words += ["--backend", first.backend] if first.backend else []
    return shlex.join(words)


def _inference_options(inference: str) -> list[str]:
    """Return the options that process images like this: "tile=128,x8" gives --tile 128 --self-ensemble."""
    parts = inference.split(",")
    tile = next((found[1] for part in parts if (found := re.match(r"tile=(\d+)", part))), None)
    options = ["--tile", tile] if tile else []
    options += [flag for part, flag in (("chop", "--chop"), ("x8", "--self-ensemble")) if part in parts]
    options += [word for part in parts if part in {"bf16", "fp16"} for word in ("--precision", part)]
    return options + [word for part in parts if part.startswith("first=") for word in ("--limit", part[6:])]


def _drawing_options(drawn: str) -> list[str]:
    """Return the options that draw sr like this: "ddim-20,samples=4" gives --sampler ddim-20 --samples 4."""
    flags = {"samples": "--samples", "seed": "--sample-seed", "fit": "--fit-steps", "within": "--fit-seconds"}
    parts = [part.partition("=") for part in drawn.split(",") if part]
    return [
        word for key, _, value in parts for word in ((flags[key], value.rstrip("s")) if value else ("--sampler", key))
    ]
