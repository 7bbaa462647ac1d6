"""The stages of a run: their names and versions, and what their jobs store."""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from pydantic import Field

from srbench.records.costs import Deployment, ImageCosts, Profile
from srbench.records.model import TrainingCosts, WarmStart
from srbench.records.record import Environment
from srbench.records.scores import Certification, ImageScores, Score
from srbench.records.stored import FileInside, Stored
from srbench.running.late_names import CodeByName

R_co = TypeVar("R_co", bound=Stored, covariant=True)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
WEIGHTS = "weights.safetensors"
"""The file of a training's weights, beside its result."""
PROGRAM = "network.onnx"
"""The file of a network as ONNX, beside its result."""
CURVES = "curves.csv"
"""The file of its curves; see `srbench.training.curves`."""


@dataclass(frozen=True, slots=True)
class Stage(Generic[R_co]):
    """One kind of job."""

    name: str
    version: int
    """Raise it whenever the result changes for the same inputs."""
    result: type[R_co]

    def job(self, inputs: Mapping[str, object]) -> JobName[R_co]:
        """Name the job with these inputs by the sha256 of the canonical JSON of stage, version and inputs."""
        text = _CANONICAL.encode({"stage": self.name, "version": self.version, "inputs": inputs})
        return JobName(self, hashlib.sha256(text.encode()).hexdigest())


class JobName(NamedTuple, Generic[R_co]):
    """A stage, and the key of one job: the hash of everything that decides its result."""

    stage: Stage[R_co]
    key: str


class Pace(Stored):
    """How long the training steps of a method take, compared with those of plain training."""

    ratio: float
    """How many times as long they take; a multiple of `srbench.running.equal_time.RATIO_GRAIN`."""
    seconds_per_step: float
    plain_seconds_per_step: float
    late_names: CodeByName
    """What the method asked for by name."""


class Trained(Stored):
    """How a training went; the weights are in a file beside this result."""

    weights_sha256: str
    train_seconds: float
    train_steps: int
    time_ratio: float | None = None
    """The `Pace.ratio` that decided the steps; None for trainings that take the steps of their recipe."""
    costs: TrainingCosts | None = None
    warm_start: WarmStart | None = None
    notes: tuple[str, ...] = ()
    """What the distiller said of this training."""
    processes: int = Field(default=1, exclude_if=lambda count: count == 1)
    """Processes that did it together."""
    nodes: int = Field(default=1, exclude_if=lambda count: count == 1)
    """Machines that had these processes."""
    late_names: CodeByName
    """What the distiller asked for by name."""
    environment: Environment
    log: str = Field(default="", exclude_if=operator.not_)
    """The file of the worker's log; empty where it has none."""


class OnnxFile(Stored):
    """A network as an ONNX file, which is beside this result."""

    sha256: str
    seconds: float


class MeasuredCell(Stored):
    """The scores of a model on the images of one cell."""

    scores: dict[str, Score]
    images: tuple[ImageScores, ...]
    """Kept files are named relative to the folder ``images`` beside this result."""
    lr_source: str
    representation_file: FileInside | None = None
    attention_file: FileInside | None = None
    weights_read: str = ""
    doubts: tuple[str, ...] = ()
    deployment: Deployment | None = Field(default=None, exclude_if=lambda found: found is None)
    image_costs: ImageCosts | None = Field(default=None, exclude_if=lambda found: found is None)
    environment: Environment
    command: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """See `srbench.running.session.Session`."""
    log: str = Field(default="", exclude_if=operator.not_)
    """The file of the worker's log; empty where it has none."""
    seconds: float
    created: str
    """UTC, ISO 8601."""


PACE = Stage("pace", 3, Pace)
TRAIN = Stage("train", 2, Trained)
MEASURE = Stage("measure", 3, MeasuredCell)
ONNX = Stage("onnx", 1, OnnxFile)
CERTIFY = Stage("certify", 2, Certification)
PROFILE = Stage("profile", 3, Profile)
