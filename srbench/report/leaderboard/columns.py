"""The columns of ``leaderboard.csv`` and ``per_image.csv``: names, units, order; docs/results.md is their reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

from srbench.records import Measured, Record, RowId, Score

Value: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Value]
"""Column name to value; None is an empty cell."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that every leaderboard has."""

    name: str
    about: str
    read: Callable[[Record], Value]


def _cost(name: str) -> Callable[[Record], Value]:
    def read(record: Record) -> Value:
        measured: Measured | None = getattr(record.profile, name, None)
        return measured.value if measured else None

    return read


def _training(name: str) -> Callable[[Record], Value]:
    def read(record: Record) -> Value:
        value: float | None = getattr(record.model.costs, name, None)
        return value

    return read


_ABOUT = {
    "architecture": "Name of the architecture.",
    "checkpoint": "Tag or file of given weights; empty without any.",
    "distiller": "How a student was trained; `none` without a teacher.",
    "teacher": "Title of the teacher model; empty without one.",
    "recipe": "Training recipe, with `, equal time` where its steps were cut to the time of plain training; "
              "empty where nothing was trained.",
    "seed": "Training seed; empty where nothing was trained.",
    "dataset": "Name of the test dataset.",
    "scale": "Up-sampling factor.",
    "degradation": "How lr was made from hr.",
    "train_degradation": "What the model was trained on; empty where nothing was trained.",
    "protocol": "Preset by which scores were taken.",
    "inference": "`whole`, `tile=…` or `chop`, with `,x8` for the self-ensemble.",
    "realisation": "Number of the frozen realisation, from 0; empty where only one was measured.",
}  # fmt: skip
_IDENTITY = [Column(name, _ABOUT[name], attrgetter(f"row_id.{name}")) for name in RowId._fields]
_LABEL = Column("label", "The architecture's label for tables.", lambda r: r.model.label)
_STATUS = Column("status", "`ok`, or `failed` with the cause in `reasons`.", lambda r: r.status)
NAMING = (*_IDENTITY[:2], _LABEL, *_IDENTITY[2:], _STATUS)

METRICS = {
    "psnr_y": "psnr_y_db", "ssim_y": "ssim_y", "psnr_rgb": "psnr_rgb_db", "ssim_rgb": "ssim_rgb", "lpips": "lpips",
}  # fmt: skip
"""Metrics that always have a column, and its name; any others follow them in alphabetical order."""

COSTS = (
    Column("certified", "Whether bicubic gives the published row on this copy of the dataset: `certified`, "
           "`uncertified` or `no reference`; empty for a failed cell.",
           lambda r: r.certification.status if r.certification else None),
    Column("parameters", "Trainable parameters, as trained.", _cost("parameters")),
    Column("parameters_deployed", "The same after re-parameterisation.", _cost("parameters_deployed")),
    Column("macs_720p_g", "Multiply-accumulates, 1e9, for a 1280×720 output.", _cost("macs_720p_g")),
    Column("macs_256_g", "Multiply-accumulates, 1e9, for a 256×256 input.", _cost("macs_256_g")),
    Column("uncounted_operators", "Operators that the MACs leave out, separated by spaces; empty without any.",
           lambda r: " ".join(r.profile.uncounted_operators) or None if r.profile else None),
    Column("activations_m", "Elements of convolution outputs, 1e6, for a 256×256 input.", _cost("activations_m")),
    Column("latency_ms_p50", "Median time of a forward pass, milliseconds.", _cost("latency_ms_p50")),
    Column("latency_ms_p90", "90th percentile, milliseconds.", _cost("latency_ms_p90")),
    Column("latency_ms_low", "Low end of the median's 95 % interval.",
           lambda r: r.profile.latency_low_ms if r.profile else None),
    Column("latency_ms_high", "High end of the median's 95 % interval.",
           lambda r: r.profile.latency_high_ms if r.profile else None),
    Column("latency_input", "Height and width of the timed LR image, in the channels that the network itself takes.",
           lambda r: r.profile.latency_input or None if r.profile else None),
    Column("backend", "What ran the timed network.", lambda r: r.profile.backend if r.profile else None),
    Column("precision", "Number format of the timed network.", lambda r: r.profile.precision if r.profile else None),
    Column("peak_memory_mib", "Resident memory of a forward pass, weights included, MiB.", _cost("peak_memory_mib")),
    Column("machine", "Id of the machine; timings compare only where it is equal.",
           lambda r: r.profile.machine if r.profile else r.environment.machine if r.environment else None),
    Column("device", "What scored the images.", lambda r: r.environment.device if r.environment else None),
    Column("train_seconds", "Time the training took, seconds; empty where nothing was trained.",
           lambda r: r.model.train_seconds),
    Column("train_steps", "Optimiser steps; empty where nothing was trained.", lambda r: r.model.train_steps),
    Column("student_forwards", "Images that the student was asked for in a training step, by the step's patches; "
           "copies of it count.", _training("student_forwards")),
    Column("teacher_forwards", "The same of all teachers together.", _training("teacher_forwards")),
    Column("seconds_per_step", "Time of a training step, seconds: the median of each kind of step, averaged; without "
           "validation and checkpoints.", _training("seconds_per_step")),
    Column("train_memory_mib", "Bytes of all tensors at the peak of a training step, MiB. Like the three before it, "
           "empty where nothing was trained.", _training("peak_memory_mib")),
    Column("weights_sha256", "Hash of the weights; empty for a network without any.", lambda r: r.model.weights_sha256),
    Column("srbench", "Version of srbench.", lambda r: r.environment.srbench if r.environment else None),
    Column("torch", "Version of PyTorch.", lambda r: r.environment.torch if r.environment else None),
    Column("git_commit", "Commit of the checkout that measured; empty outside one.",
           lambda r: r.environment.git_commit if r.environment else None),
    Column("created", "When the cell was finished, UTC, ISO 8601.", lambda r: r.created),
    Column("key", "Content key of the record.", lambda r: r.key),
)  # fmt: skip
_MEASURED_COSTS = (
    "parameters", "parameters_deployed", "macs_720p_g", "macs_256_g", "activations_m", "latency_ms_p50",
    "latency_ms_p90", "peak_memory_mib",
)  # fmt: skip

PER_METRIC: Mapping[str, tuple[str, Callable[[Score], Value]]] = {
    "_low": ("Low end of the mean's 95 % bootstrap interval over images.", lambda s: s.low),
    "_high": ("High end of that interval.", lambda s: s.high),
    "_reported": ("What the authors report.", lambda s: s.reported),
    "_reported_source": ("Where they report it.", lambda s: s.reported_source),
    "_delta": (
        "Measured minus reported.",
        lambda s: None if s.value is None or s.reported is None else s.value - s.reported,
    ),
}
"""Ending and meaning of the columns that stand for every metric column, after all of those."""


def metric_columns(records: Iterable[Record]) -> dict[str, str]:
    """Metric to column for all metrics of the records: the fixed ones, then others in alphabetical order."""
    others = {s.metric: s.column for r in records for s in r.scores.values() if s.metric not in METRICS}
    others |= {name: name for r in records for i in r.images for name in i.scores if name not in {*METRICS, *others}}
    return METRICS | dict(sorted(others.items(), key=lambda item: item[1]))


def leaderboard_columns(metrics: Mapping[str, str] = METRICS) -> list[str]:
    """The header of ``leaderboard.csv`` for these metrics."""
    return [
        *(c.name for c in NAMING),
        *metrics.values(),
        *(column + ending for column in metrics.values() for ending in PER_METRIC),
        *(c.name for c in COSTS),
        *(f"{metric}_protocol" for metric in metrics),
        "reasons",
    ]


def leaderboard_row(record: Record, metrics: Mapping[str, str]) -> Row:
    """One row of ``leaderboard.csv``."""
    row: Row = {c.name: c.read(record) for c in NAMING}
    scores = [(metrics[name], record.scores.get(name)) for name in metrics]
    row |= {column: score.value if score else None for column, score in scores}
    for column, score in scores:
        row |= {column + ending: read(score) if score else None for ending, (_, read) in PER_METRIC.items()}
    row |= {c.name: c.read(record) for c in COSTS}
    row |= {f"{name}_protocol": record.scores[name].protocol if name in record.scores else None for name in metrics}
    row["reasons"] = "; ".join(f"{name}: {why}" for name, why in empty_cells(record, metrics).items()) or None
    return row


def empty_cells(record: Record, metrics: Mapping[str, str] = METRICS) -> dict[str, str]:
    """Why cells of a record are empty: column to reason. A failed cell gives its cause once, under "cell"."""
    if record.status == "failed":
        return {"cell": _one_line(record.reason or "failed without saying why")}
    reasons: dict[str, str] = {}
    for name, column in metrics.items():
        score = record.scores.get(name)
        if score is None:
            reasons[column] = "not among the suite's metrics"
        elif score.value is None:
            reasons[column] = _one_line(score.reason or "")
    if record.profile is None:
        return reasons | {"costs": "not profiled"}
    for name in _MEASURED_COSTS:
        measured: Measured = getattr(record.profile, name)
        if measured.value is None:
            reasons[name] = _one_line(measured.reason or "")
    return reasons


def image_columns(metrics: Mapping[str, str] = METRICS) -> list[str]:
    """The header of ``per_image.csv`` for these metrics."""
    return [*(c.name for c in NAMING[:-1]), "image", *metrics.values(), "key"]


def image_rows(record: Record, metrics: Mapping[str, str]) -> list[Row]:
    """The rows of ``per_image.csv`` of one cell."""
    naming: Row = {c.name: c.read(record) for c in NAMING[:-1]}
    return [
        naming
        | {"image": image.name, "key": record.key}
        | {column: image.scores.get(name) for name, column in metrics.items()}
        for image in record.images
    ]


def cell_text(value: Value) -> str:
    """A value as it stands in a CSV file: 12 significant digits, nothing for None."""
    if value is None:
        return ""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def rank_order(records: Sequence[Record]) -> list[Record]:
    """Records as the leaderboard lists them: table by table, best first, failed cells last."""

    def place(record: Record) -> tuple[object, ...]:
        score = record.scores.get(record.headline)
        value = score.value if score else None
        quality = 0.0 if value is None or score is None else -value if score.higher_is_better else value
        return (
            record.protocol, record.degradation, record.scale, record.dataset, record.inference,
            value is None, quality, record.row_id.method, str(record.model.seed), str(record.realisation),
        )  # fmt: skip

    return sorted(records, key=place)


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
