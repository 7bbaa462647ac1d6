"""Print everything that is known about a row of a results folder."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srbench.cli.facts import SHOWN, print_list, says, words
from srbench.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from srbench.records.record import Record
    from srbench.records.scores import Score

_OWN = {"version", "key", "scores", "images", "status", "reason", "doubts"}
"""Fields of a record that have a form of their own."""


def print_row(name: str, record: Record, *, long: bool) -> None:
    """Print the record of a row: scores, images, and all other fields that say something.

    Args:
        name: ``FOLDER#ROW``; see `srbench.report.rows.rows_named`.
        record: The record of the row.
        long: Whether all images are listed, and facts that are false.
    """
    from srbench.report.rows import KEY_SHOWN, SEPARATOR, method_of

    folder = name.rpartition(SEPARATOR)[0]
    print_text(f"{method_of(record)}, row {record.key} of {folder}")
    if record.reason:
        print_text(f"failed: {record.reason}", 2)
    for doubt in record.doubts:
        print_text(f"doubt: {doubt}", 2)
    if record.scores:
        print_text(f"scores on {record.dataset_label} at x{record.scale}:", 2)
        heads = ("metric", "score", "95 % interval", "reported")
        print_table("", heads, map(_score, record.scores.values()), right=heads[1:], long=True, indent=4)
    _print_images(record, long=long)
    print_list("protocols", [score.protocol for score in record.scores.values()])
    for line, indent in _lines({key: value for key, value in record if key not in _OWN}, long=long):
        print_text(line, indent)
    if record.model.source == "trained" and (curves := _curves(record)).is_file():
        print_text(f"curves: {curves}", 2)
    print_text(f"`srbench reproduce {folder}{SEPARATOR}{record.key[:KEY_SHOWN]}` shows how to make it again.")


def _curves(record: Record) -> Path:
    """Return the file of the curves of a training on this machine, which may be gone."""
    from srbench.files import cache_root
    from srbench.running.stages import CURVES, TRAIN, JobName
    from srbench.running.store import Store

    return Store(cache_root()).folder(JobName(TRAIN, record.model.key)) / CURVES


def _score(score: Score) -> tuple[str, ...]:
    digits = score.decimals
    interval = f"{score.low:.{digits}f} to {score.high:.{digits}f}" if None not in (score.low, score.high) else ""
    reported = "" if score.reported is None else f"{score.reported} ({score.reported_source})"
    value = score.reason or "" if score.value is None else f"{score.value:.{digits}f}"
    if len(score.samples) > 1:
        value += f" ± {statistics.stdev(score.samples):.{digits}f} over samples"
    return score.column, value, interval, reported


def _print_images(record: Record, *, long: bool) -> None:
    if not record.images:
        return
    shown = record.images if long else record.images[:SHOWN]
    columns = [score.column for score in record.scores.values()]
    rows = [
        (image.name, *(_value(image.scores.get(metric), score.decimals) for metric, score in record.scores.items()))
        for image in shown
    ]
    print_text(f"images: {len(record.images)}", 2)
    print_table("", ("image", *columns), rows, right=columns, indent=4)
    if len(shown) < len(record.images):
        print_text(f"… and {len(record.images) - len(shown)} more; --long shows all.", 4)


def _value(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _lines(facts: Any, indent: int = 2, *, long: bool) -> Iterator[tuple[str, int]]:  # noqa: ANN401 - any fields
    """Yield a line and its indent for every fact that says something; objects have their facts below them."""
    from pydantic import BaseModel

    from srbench.records.stored import Measured

    for key, value in facts.items() if isinstance(facts, dict) else facts:
        if isinstance(value, Measured):
            yield f"{key}: {value.reason or _figure(value.value)}", indent
        elif isinstance(value, BaseModel | dict):
            if inner := list(_lines(value, indent + 2, long=long)):
                yield f"{key}:", indent
                yield from inner
        elif key == "command" and value:
            yield f"{key}: {shlex.join(value)}", indent
        elif says(value) and (long or value is not False):
            yield f"{key}: {_figure(value)}", indent


def _figure(value: Any) -> str:  # noqa: ANN401 - a fact of any type
    return f"{value:.6g}" if isinstance(value, float) else words(value)
