"""The columns and rows of ``leaderboard.csv``, ``per_image.csv`` and ``per_sample.csv``; see docs/results.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_type_hints

from srbench.records.record import Record
from srbench.records.row import RowId
from srbench.records.scores import Score
from srbench.records.stored import Measured
from srbench.report.formats import CsvRow, CsvValue
from srbench.report.leaderboard.costs import absent_costs

Dtype: TypeAlias = Literal["string", "Int64", "float64"]
"""The dtype of a column in a data frame; see `srbench.report.frames`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that every leaderboard has."""

    name: str
    about: str
    read: Callable[[Record], CsvValue]
    dtype: Dtype = "float64"


def _at(path: str) -> Callable[[Record], CsvValue]:
    """Return a reader of an attribute, such as "profile.backend"; it gives None if a part of the path is missing."""
    names = path.split(".")

    def read(record: Record) -> CsvValue:
        found: Any = record
        for name in names:
            found = getattr(found, name, None)
        return found.value if isinstance(found, Measured) else found

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
    "scale": "Up-sampling factor: a number, or two for height and width (`3.7x1.5`).",
    "degradation": "How lr was made from hr.",
    "train_degradation": "What the model was trained on; empty where nothing was trained.",
    "protocol": "Preset by which scores were taken.",
    "inference": "`whole`, `tile=…` or `chop`, with `,resize=…` for a reduced larger scale, `,x8` for the "
                 "self-ensemble, and `,ddim-20,samples=4` or `,fit=3000` for networks that sample or are fitted.",
    "realisation": "Number of the frozen realisation, from 0; empty where only one was measured.",
}  # fmt: skip
_IDENTITY = [
    Column(name, _ABOUT[name], _at(f"row_id.{name}"), "string" if kind is str else "Int64")
    for name, kind in get_type_hints(RowId).items()
]
_LABEL = Column("label", "The architecture's label for tables.", _at("model.label"), "string")
_STATUS = Column("status", "`ok`, or `failed` with the cause in `reasons`.", _at("status"), "string")
NAMING = (*_IDENTITY[:2], _LABEL, *_IDENTITY[2:], _STATUS)

METRICS = {
    "psnr_y": "psnr_y_db", "ssim_y": "ssim_y", "psnr_rgb": "psnr_rgb_db", "ssim_rgb": "ssim_rgb", "lpips": "lpips",
}  # fmt: skip
"""Metrics that always have a column, and its name; any others follow them in alphabetical order."""

COSTS = (
    Column("certified", "Whether bicubic gives the published row on this copy of the dataset: `certified`, "
           "`uncertified` or `no reference`; empty for a failed cell.",
           _at("certification.status"), "string"),
    Column("parameters", "Trainable parameters, as trained.", _at("profile.parameters"), "Int64"),
    Column("parameters_deployed", "The same after re-parameterisation.", _at("profile.parameters_deployed"), "Int64"),
    Column("macs_720p_g", "Multiply-accumulates, 1e9, for a 1280×720 output.", _at("profile.macs_720p_g")),
    Column("macs_256_g", "Multiply-accumulates, 1e9, for a 256×256 input.", _at("profile.macs_256_g")),
    Column("macs_input_m", "Multiply-accumulates, 1e6, for an input, where all have one size.",
           _at("profile.macs_input_m")),
    Column("input_bytes", "Bytes of such an input, an 8-bit image.", _at("profile.input_bytes"), "Int64"),
    Column("table_bytes", "Bytes of the tables of a model that looks values up.", _at("profile.table_bytes"), "Int64"),
    Column("lookups_per_pixel", "Entries that it reads for each pixel of lr, all channels together.",
           _at("profile.lookups_per_pixel"), "Int64"),
    Column("uncounted_operators", "Operators that the MACs leave out, separated by spaces; empty without any.",
           lambda r: " ".join(r.profile.uncounted_operators) if r.profile else None, "string"),
    Column("activations_m", "Elements of convolution outputs, 1e6, for a 256×256 input.", _at("profile.activations_m")),
    Column("latency_ms_p50", "Median time of a forward pass, milliseconds.", _at("profile.latency_ms_p50")),
    Column("latency_ms_p90", "90th percentile, milliseconds.", _at("profile.latency_ms_p90")),
    Column("latency_ms_low", "Low end of the median's 95 % interval.", _at("profile.latency_low_ms")),
    Column("latency_ms_high", "High end of the median's 95 % interval.", _at("profile.latency_high_ms")),
    Column("latency_input", "Height and width of the timed LR image, in the channels that the network itself takes.",
           _at("profile.latency_input"), "string"),
    Column("backend", "What ran the timed network.", _at("profile.backend"), "string"),
    Column("precision", "Number format of the timed network.", _at("profile.precision"), "string"),
    Column("peak_memory_mib", "Resident memory of a forward pass, weights included, MiB.",
           _at("profile.peak_memory_mib")),
    Column("samples", "Sr that were drawn for every image, over which scores are means; empty where none is drawn.",
           lambda r: r.samples or None, "Int64"),
    Column("evaluations", "Evaluations of the network for one sr, the most of any image; a step of a fit is one. "
           "Empty, as the next three, where one makes sr.", _at("image_costs.evaluations"), "Int64"),
    Column("image_seconds", "Median time of one sr, seconds.", _at("image_costs.seconds")),
    Column("image_memory_mib", "Size of all tensors at the peak of one sr, weights included, MiB, for the "
           "largest lr.", _at("image_costs.peak_memory_mib")),
    Column("fits_shortened", "Images whose fit ended early, by its budget of time.",
           _at("image_costs.shortened"), "Int64"),
    Column("machine", "Id of the machine; timings compare only where it is equal.",
           lambda r: r.profile.machine if r.profile else r.environment.machine if r.environment else None, "string"),
    Column("device", "What scored the images.", _at("environment.device"), "string"),
    Column("train_seconds", "Time the training took, seconds; empty where nothing was trained.",
           _at("model.train_seconds")),
    Column("train_steps", "Optimiser steps; empty where nothing was trained.", _at("model.train_steps"), "Int64"),
    Column("student_forwards", "Images that the student was asked for in a training step, by the step's patches; "
           "copies of it count.", _at("model.costs.student_forwards")),
    Column("teacher_forwards", "The same of all teachers together.", _at("model.costs.teacher_forwards")),
    Column("seconds_per_step", "Time of a training step, seconds: the median of each kind of step, averaged; without "
           "validation and checkpoints.", _at("model.costs.seconds_per_step")),
    Column("train_memory_mib", "Bytes of all tensors at the peak of a training step, MiB. Like the three before it, "
           "empty where nothing was trained.", _at("model.costs.peak_memory_mib")),
    Column("weights_sha256", "Hash of the weights; empty for a network without any.",
           _at("model.weights_sha256"), "string"),
    Column("srbench", "Version of srbench.", _at("environment.srbench"), "string"),
    Column("torch", "Version of PyTorch.", _at("environment.torch"), "string"),
    Column("git_commit", "Commit of the checkout that measured; empty outside one.",
           _at("environment.git_commit"), "string"),
    Column("created", "When the cell was finished, UTC, ISO 8601.", _at("created"), "string"),
    Column("key", "Content key of the record.", _at("key"), "string"),
)  # fmt: skip

SAMPLE_SD = "_sample_sd"
PER_METRIC: Mapping[str, tuple[str, Callable[[Score], CsvValue]]] = {
    "_low": ("Low end of the mean's 95 % interval over images (Student's t).", lambda s: s.low),
    "_high": ("High end of that interval.", lambda s: s.high),
    "_reported": ("What the authors report.", lambda s: s.reported),
    "_reported_source": ("Where they report it.", lambda s: s.reported_source),
    "_delta": (
        "Measured minus reported.",
        lambda s: None if s.value is None or s.reported is None else s.value - s.reported,
    ),
    SAMPLE_SD: (
        "Standard deviation of the score over samples; only where several were drawn of some row.",
        lambda s: statistics.stdev(s.samples) if len(s.samples) > 1 else None,
    ),
}
"""Ending and meaning of the columns that follow the metric columns, for each of these."""


_DTYPES: dict[str, Dtype] = {c.name: c.dtype for c in (*NAMING, *COSTS)} | {"reasons": "string"}


def dtype_of(column: str) -> Dtype:
    """Return the dtype of any column of a leaderboard; that of further metrics is "float64"."""
    text = column.endswith(("_protocol", "_reported_source"))
    return _DTYPES.get(column, "string" if text else "float64")


def metric_columns(records: Sequence[Record]) -> dict[str, str]:
    """Return the column of each metric: the usual ones, if there is any of them, then others in alphabetical order."""
    scored = {name for r in records for name in r.scores}
    usual = METRICS if not scored or scored & METRICS.keys() else {}
    others = {s.metric: s.column for r in records for s in r.scores.values() if s.metric not in METRICS}
    others |= {name: name for r in records for i in r.images for name in i.scores if name not in {*METRICS, *others}}
    return usual | dict(sorted(others.items(), key=lambda item: item[1]))


def leaderboard_columns(metrics: Mapping[str, str] = METRICS, records: Sequence[Record] = ()) -> list[str]:
    """Return the header of ``leaderboard.csv`` for these metrics, with the costs that the records have."""
    absent, sampled = absent_costs(records), has_samples(records)
    endings = [ending for ending in PER_METRIC if sampled or ending != SAMPLE_SD]
    return [
        *(c.name for c in NAMING),
        *metrics.values(),
        *(column + ending for column in metrics.values() for ending in endings),
        *(c.name for c in COSTS if c.name not in absent),
        *(f"{metric}_protocol" for metric in metrics),
        "reasons",
    ]


def has_samples(records: Iterable[Record]) -> bool:
    """Whether several sr were drawn of some images."""
    return any(record.samples > 1 for record in records if record.drawn)


def sample_columns(metrics: Mapping[str, str] = METRICS) -> list[str]:
    """Return the header of ``per_sample.csv`` for these metrics."""
    return [*(c.name for c in NAMING[:-1]), "image", "sample", *metrics.values(), "key"]


def image_columns(metrics: Mapping[str, str] = METRICS) -> list[str]:
    """Return the header of ``per_image.csv`` for these metrics."""
    return [*(c.name for c in NAMING[:-1]), "image", *metrics.values(), "key"]


def leaderboard_row(record: Record, metrics: Mapping[str, str]) -> CsvRow:
    """Return the row of a record in ``leaderboard.csv``."""
    row = _naming(record)
    scores = [(metrics[name], record.scores.get(name)) for name in metrics]
    row |= {column: score.value if score else None for column, score in scores}
    for column, score in scores:
        row |= {column + ending: read(score) if score else None for ending, (_, read) in PER_METRIC.items()}
    row |= {c.name: c.read(record) for c in COSTS}
    row |= {f"{name}_protocol": record.scores[name].protocol if name in record.scores else None for name in metrics}
    row["reasons"] = "; ".join(f"{name}: {why}" for name, why in empty_cells(record, metrics).items()) or None
    return row


def _naming(record: Record) -> CsvRow:
    """Return the cells of `NAMING`; the identity is made once for all of its columns."""
    identity: CsvRow = record.row_id.cells
    return {c.name: identity[c.name] if c.name in identity else c.read(record) for c in NAMING}


def empty_cells(record: Record, metrics: Mapping[str, str] = METRICS) -> dict[str, str]:
    """Return why cells of a record are empty, by column. A failed cell gives its cause once, under "cell"."""
    if record.status == "failed":
        return {"cell": record.reason or "failed without saying why"}
    reasons: dict[str, str] = {}
    for name, column in metrics.items():
        score = record.scores.get(name)
        if score is None:
            reasons[column] = "not among the suite's metrics"
        elif score.value is None:
            reasons[column] = score.reason or ""
    if record.profile is None:
        return reasons | {"costs": "not profiled"}
    for name, measured in record.profile.figures.items():
        if measured.value is None:
            reasons[name] = measured.reason or ""
    return reasons


def image_rows(record: Record, metrics: Mapping[str, str]) -> list[CsvRow]:
    """Return the rows of a record in ``per_image.csv``."""
    naming = _naming(record)
    return [
        naming
        | {"image": image.name, "key": record.key}
        | {column: image.scores.get(name) for name, column in metrics.items()}
        for image in record.images
    ]


def sample_rows(record: Record, metrics: Mapping[str, str]) -> Iterator[CsvRow]:
    """Yield the rows of a record in ``per_sample.csv``: one for each sample of an image, if there are several."""
    sampled = [image for image in record.images if image.samples]
    naming = _naming(record) if sampled else {}
    for image in sampled:
        for number, scores in enumerate(image.samples):
            own: CsvRow = {column: scores.get(name) for name, column in metrics.items()}
            yield naming | {"image": image.name, "sample": number, "key": record.key} | own
