"""Scores in the format that the Hugging Face Hub reads from ``.eval_results/*.yaml`` of a model.

The format is that of ``huggingface_hub.EvalResultEntry``: a dataset with a task, a value, a date and notes. The notes
have the protocol id, without which a score of super-resolution means nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from srbench.errors import UsageError
from srbench.exporting.facts import Subject
from srbench.records.record import Record
from srbench.records.scores import Score


def eval_results(subject: Subject) -> str:
    """Return the YAML with every score of the measured cells; empty without any."""
    entries = [
        _entry(record, score, subject.hub_datasets)
        for record in subject.records
        for score in record.scores.values()
        if score.value is not None
    ]
    # JSON is YAML; a line for each entry keeps the difference of two versions short.
    return "".join(f"- {json.dumps(entry)}\n" for entry in entries)


def read_hub_datasets(pairs: Iterable[str]) -> dict[str, str]:
    """Read the ids that datasets have on a hub: "set5=OWNER/Set5".

    Raises:
        UsageError: A pair is not of that form.
    """
    found = {}
    for pair in pairs:
        name, equals, hub_id = pair.partition("=")
        if not (name and equals and hub_id):
            raise UsageError(f"--hub-dataset {pair} is not a pair; give NAME=OWNER/NAME, such as set5=OWNER/Set5.")
        found[name] = hub_id
    return found


def _entry(record: Record, score: Score, hub_datasets: Mapping[str, str]) -> dict[str, object]:
    task = f"{score.metric}-x{record.scale}" + ("" if record.degradation == "bicubic" else f"-{record.degradation}")
    interval = (
        ""
        if score.low is None
        else f", 95 % interval {score.low:.{score.decimals}f} to {score.high:.{score.decimals}f}"
    )
    return {
        "dataset": {"id": hub_datasets.get(record.dataset, record.dataset), "task_id": task},
        "value": score.value,
        "date": record.created,
        "notes": f"{score.protocol}{interval}; srbench record {record.key}",
    }
