"""Define the record of a cell: every number with its protocol, every missing number with a reason."""

from __future__ import annotations

import operator
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from srbench.scales import Scale, plain_scale

RECORD_VERSION: Literal[1] = 1


def _absent(value: object) -> bool:
    return value is None


class RowId(NamedTuple):
    """The identity of a row of a leaderboard; the fields are columns of ``leaderboard.csv``, in its order."""

    architecture: str
    checkpoint: str
    """Tag or file of given weights; "" without any, as all texts here."""
    distiller: str
    teacher: str
    recipe: str
    """See `training_title`."""
    seed: int | None
    dataset: str
    scale: Scale
    degradation: str
    train_degradation: str
    protocol: str
    inference: str
    realisation: int | None

    @property
    def cells(self) -> dict[str, str | int | float | None]:
        """Value by column."""
        return self._asdict() | {"scale": plain_scale(self.scale)}

    @property
    def method(self) -> RowId:
        """The part that all seeds and realisations of a method share in a table."""
        return self._replace(seed=None, realisation=None)


def training_title(recipe: str | None, budget: Literal["steps", "time"]) -> str:
    """The recipe's name, with the budget where it is not the recipe's steps: "quick, equal time"; "" without one."""
    return f"{recipe}, equal time" if budget == "time" else recipe or ""


class Stored(BaseModel):
    """Base of all stored objects: frozen, and without keys that srbench does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _inside(name: str) -> str:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name.partition("/")[0]:
        raise ValueError(f"the file {name!r} is outside the folder of the records")
    return name


FileInside = Annotated[str, AfterValidator(_inside)]
"""A file below the folder that a stored object is in; records come from strangers too."""


class Measured(Stored):
    """A number, or the reason why it is missing."""

    value: float | None = None
    """The number, in the unit of its name."""
    reason: str | None = None
    """The reason why there is no number; one sentence."""

    @model_validator(mode="after")
    def _either(self) -> Measured:
        if (self.value is None) == (self.reason is None):
            raise ValueError("give a value or a reason, one of the two")
        return self


class Score(Measured):
    """The mean of a metric over a dataset. An infinite one (identical images) is missing, with that as the reason."""

    metric: str
    column: str
    """Name of the leaderboard column, with the unit."""
    protocol: str
    """Full id, see `srbench.measuring.protocol.score_id`."""
    higher_is_better: bool
    decimals: int = 4
    low: float | None = None
    """Low end of the 95 % interval of the mean over images (Student's t); None for a single image."""
    high: float | None = None
    """High end of that interval."""
    reported: float | None = None
    """The score that the authors report for the same dataset, scale and checkpoint."""
    reported_source: str | None = None
    label: str = Field(default="", exclude_if=operator.not_)
    """Name of the metric for people; empty for those that reports know."""
    binary: bool = Field(default=False, exclude_if=operator.not_)
    """Whether every image scores 0 or 100, right or wrong, which decides its intervals and tests."""
    of_input: bool = Field(default=False, exclude_if=operator.not_)
    """Whether it scores what the model was given, not what it made of it."""


class ImageScores(Stored):
    """The scores of one image."""

    name: str
    scores: dict[str, float | None]
    """Value by metric; None if it could not be computed or is infinite."""
    sr_file: FileInside | None = None
    """The super-resolved image below the records folder, if it was kept."""
    hr_file: FileInside | None = None
    lr_file: FileInside | None = None
    map_file: FileInside | None = Field(default=None, exclude_if=_absent)
    """The network's map of its uncertainty; see `srbench.measuring.kept_maps`."""


class TrainingCosts(Stored):
    """The costs of a training step, without validation and checkpoints."""

    student_forwards: float
    """Images computed by the student, or by a copy of it, divided by the patches of the step."""
    teacher_forwards: float
    """Images computed by all teachers together, divided likewise."""
    seconds_per_step: float
    """Median of each kind of step, averaged over the kinds and the phases; see `srbench.training.costs`."""
    peak_memory_mib: float
    """Size of all tensors at the peak of a step, with weights, gradients and optimiser states, in 2^20 bytes."""
    machine: str = ""
    """Id of the machine that timed it, and the threads it had; seconds compare only where both are equal."""
    threads: int = 0
    other_work: str = Field(default="", exclude_if=operator.not_)
    """What others did on the machine meanwhile; see `srbench.profiling.other_work`."""


class WarmStart(Stored):
    """The weights that a training took from others.

    A module path stands for all weights below it if all were treated the same.
    """

    taken: tuple[str, ...]
    """Weights that both have, in the same shape."""
    fresh: tuple[str, ...]
    """Weights that only the network has, or that have another shape; they were initialised as usual."""
    unused: tuple[str, ...]
    """Weights that the network lacks, or that have another shape in it."""


class ModelFacts(Stored):
    """The weights that were measured."""

    key: str
    architecture: str
    label: str
    """Label of the architecture for tables."""
    source: Literal["fixed", "checkpoint", "file", "trained", "composed"]
    checkpoint: str | None = None
    """Tag, or path of a file."""
    weights_sha256: str | None = None
    weights_file: str = Field(default="", exclude_if=operator.not_)
    """The file of published weights below a weights folder, or of weights trained here below the cache; empty in
    records of a time without it, and where ``checkpoint`` or the architecture's name is the path."""
    weights_read: str = ""
    """What was read from a file that holds more than weights: "params_ema, without epoch"."""
    distiller: str = "none"
    distiller_label: str = Field(default="", exclude_if=operator.not_)
    """Label of the distiller for tables; empty in records of a time without it, as the other labels that may be."""
    teacher: str | None = None
    """The teacher's name and weights, without recipe and seed, which are the student's; several have "&" between."""
    teacher_label: str = Field(default="", exclude_if=operator.not_)
    """The teachers' title for tables, with the labels of architectures: "EDSR (div2k)"."""
    recipe: str | None = None
    budget: Literal["steps", "time"] = "steps"
    """"time": trained for as many steps as fit into the time of plain training with the recipe's steps."""
    time_ratio: float | None = None
    """With budget "time", the time of its steps relative to that of plain training."""
    initial: str | None = None
    """Title of the model whose weights its training started from."""
    warm_start: WarmStart | None = None
    """Which weights were taken from it."""
    train_degradation: str | None = None
    train_degradation_label: str = Field(default="", exclude_if=operator.not_)
    train_setting: str | None = None
    """The setting to which that belongs; see `srbench.degrading.spec.DegradationSpec.setting`."""
    training_notes: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """What its distiller said of the training, such as which features it compares and the hash of their weights."""
    processes: int = Field(default=1, exclude_if=lambda count: count == 1)
    """Processes that trained it together, on parts of each batch."""
    deterministic: bool = Field(default=False, exclude_if=operator.not_)
    """Whether its training was deterministic; see `srbench.recipe.TrainingRecipe`."""
    trained_on: tuple[str, ...] = ()
    seed: int | None = None
    train_seconds: float | None = None
    train_steps: int | None = None
    costs: TrainingCosts | None = None
    """None if nothing was trained."""
    parts: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The models that a composed one consists of, in the order in which an image passes them; empty for others."""
    scale_range: tuple[float, float] | None = Field(default=None, exclude_if=_absent)
    """The least and the largest scale that it was trained at, if its patches had scales of a range."""
    reconstruction: bool = False
    """The distiller is a reimplementation of a paper that leaves details open."""
    form: Literal["plain", "corrected", "official"] = "plain"
    """Whether the distiller follows the mistakes of its release; see `srbench.distilling.spec.DistillerSpec`."""
    network_reconstruction: bool = False
    """The architecture is likewise."""

    @property
    def training(self) -> str:
        """See `training_title`."""
        return training_title(self.recipe, self.budget)


class Certification(Stored):
    """Whether bicubic interpolation on this copy of the dataset gives the published row."""

    status: Literal["certified", "uncertified", "no reference"]
    detail: str
    """The difference, and the source of the published row."""


class Profile(Stored):
    """The costs of the network. A missing figure has a reason."""

    parameters: Measured
    """Trainable parameters, as trained."""
    parameters_deployed: Measured
    """After re-parameterisation, if the network offers it; equal to ``parameters`` otherwise."""
    macs_720p_g: Measured | None = None
    """Multiply-accumulates, 1e9, for a 1280x720 output; None, as the next but one, where inputs have one size."""
    macs_256_g: Measured | None = None
    """Multiply-accumulates, 1e9, for a 256x256 input."""
    macs_input_m: Measured | None = Field(default=None, exclude_if=_absent)
    """Multiply-accumulates, 1e6, for an input of the size that all have; None where images have sizes of their own."""
    input_bytes: Measured | None = Field(default=None, exclude_if=_absent)
    """Bytes of such an input: an 8-bit image of the network's channels."""
    table_bytes: Measured | None = Field(default=None, exclude_if=_absent)
    """Bytes of the tables of a model that looks values up; None for networks, as the next."""
    lookups_per_pixel: Measured | None = Field(default=None, exclude_if=_absent)
    """Entries that it reads for each pixel of lr, all channels together."""
    uncounted_operators: tuple[str, ...] = ()
    """Operators that did work without a formula for their multiply-accumulates."""
    activations_m: Measured
    """Elements of convolution outputs, 1e6, for a 256x256 input, or one of the size that all have."""
    latency_ms_p50: Measured
    """Median time of a call, in ms."""
    latency_ms_p90: Measured
    """Time that nine of ten calls stay below, in ms."""
    latency_low_ms: float | None = None
    """Low end of the 95 % interval of the median."""
    latency_high_ms: float | None = None
    """High end of that interval."""
    latency_input: str = ""
    """Height and width of the LR image, in the network's own channels: "256x256"."""
    backend: str = "eager"
    """What ran the network; see `srbench.deploying.backend`."""
    precision: str = "fp32"
    """The type of its numbers."""
    peak_memory_mib: Measured
    """Resident memory of the forward pass, weights included, in a process of its own."""
    machine: str
    """Id of the machine that timed it; timings compare only where it is equal."""
    other_work: str = Field(default="", exclude_if=operator.not_)
    """What others did on the machine while latency was timed; see `srbench.profiling.other_work`."""

    @property
    def figures(self) -> dict[str, Measured]:
        """The figures that may be missing, by name."""
        return {name: value for name, value in self if isinstance(value, Measured)}


class Deployment(Stored):
    """How a network ran in a backend, and what it cost there; one session was scored and timed."""

    backend: str
    """Runtime and precision: "onnxruntime-int8-qdq-pc"."""
    version: str
    """The runtime with its version."""
    calibrated_on: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The training sets whose patches decided the steps of a quantised network."""
    file_sha256: str | None = None
    """Of the file with its program and weights; None for a runtime without any."""
    file_mib: Measured
    """Size of that file, in 2^20 bytes."""
    cold_start_ms: Measured
    """Time from the file or the module to the first sr: reading, converting, compiling, running once."""
    latency_ms_p50: Measured | None = None
    """Median time of a call, in ms; None where nothing was timed, as all that follow."""
    latency_ms_p90: Measured | None = None
    latency_low_ms: float | None = None
    latency_high_ms: float | None = None
    """The 95 % interval of the median."""
    latency_input: str = ""
    """Height and width of lr, and images x height x width for several: "180x320"."""
    stable: bool | None = None
    """Whether times had become equal before they were measured."""
    peak_memory_mib: Measured | None = None
    """Memory of a process that opens the network and runs it, beyond Python and its libraries, in 2^20 bytes."""
    energy_mj: Measured | None = None
    """Energy of the processor for a call, in millijoules."""
    threads: int
    """Threads that the runtime might use."""
    machine: str
    """Id of the machine; timings compare only where it is equal."""
    other_work: str = Field(default="", exclude_if=operator.not_)
    """What others did on the machine meanwhile; see `srbench.profiling.other_work`."""


class Environment(Stored):
    """The software and the machine that produced the record."""

    srbench: str
    torch: str
    python: str
    device: str
    machine: str
    machine_name: str
    """For people: processor, cores, memory."""
    git_commit: str | None = None
    """Of srbench's own checkout, with "+" if files differed from it; None for an installed wheel."""
    git_origin: str = Field(default="", exclude_if=operator.not_)
    """Where that checkout is from, without credentials; empty if unknown."""
    packages: dict[str, str] = Field(default_factory=dict)
    threads: int = 0


class MadeBy(Stored):
    """What a row was made from; with the environment, enough to make it again."""

    suite: dict[str, Any]
    """The suite of this row alone, as in its TOML file; it names recipes by files."""
    recipes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """The recipes of all trainings behind the row, by name, without what has its default."""
    command: tuple[str, ...] = ()
    """The words of the command that measured it; empty if it was another program."""
    plugins: dict[str, str] = Field(default_factory=dict)
    """By kind and name, such as "architecture espcn", the first digits of the hash of the code behind it."""
    weights: tuple[str, ...] = ()
    """The files of the measured weights."""
    logs: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The logs of the workers that trained and measured it, on a cluster that has some."""


class Record(Stored):
    """One cell: one model measured on one dataset at one scale under one degradation."""

    version: Literal[1] = RECORD_VERSION
    key: str
    task: str = Field(default="sr", exclude_if=lambda task: task == "sr")
    """What the model does; see `srbench.tasks.task.Task`."""
    suite: str
    status: Literal["ok", "failed"]
    reason: str | None = None
    """The reason why it failed."""
    model: ModelFacts
    dataset: str
    dataset_label: str
    dataset_hash: str | None = None
    scale: Scale
    degradation: str
    degradation_label: str = ""
    degradation_setting: str = ""
    realisation: int | None = None
    """Number of the frozen realisation, from 0; None where only one was measured."""
    protocol: str
    """Name of the preset."""
    lr_source: str = ""
    inference: str = "whole"
    backend: str = Field(default="", exclude_if=operator.not_)
    """What ran the network, as in ``inference`` too: "onnxruntime-int8-qdq-pc"; empty for its module as it is."""
    headline: str
    """The metric that ranks this table."""
    reference: str = Field(default="bicubic", exclude_if=lambda reference: reference == "bicubic")
    """The architecture over which gains are counted; empty for none."""
    controls: tuple[str, ...] = ()
    """Distillers of the suite over which gains are counted, besides the usual ones."""
    scores: dict[str, Score] = Field(default_factory=dict)
    images: tuple[ImageScores, ...] = ()
    representation_file: FileInside | None = None
    """The network's representations of each image's degradation, below the records folder; see
    `srbench.measuring.representations`."""
    attention_file: FileInside | None = Field(default=None, exclude_if=_absent)
    """Where the network looks in some of the images, below the records folder; see
    `srbench.measuring.recognition.attention`."""
    certification: Certification | None = None
    profile: Profile | None = None
    environment: Environment | None = None
    deployment: Deployment | None = Field(default=None, exclude_if=_absent)
    """None where PyTorch ran the network's module as it is."""
    made_by: MadeBy | None = Field(default=None, exclude_if=_absent)
    """None for rows that failed, and those that an earlier srbench measured."""
    doubts: tuple[str, ...] = ()
    """A sentence for each reason why the weights may be meant for something else."""
    seconds: float = 0.0
    created: str
    """UTC, ISO 8601."""

    @property
    def headline_score(self) -> Score | None:
        """The score of the metric that ranks its table; None if that was not measured."""
        return self.scores.get(self.headline)

    @property
    def applied(self) -> str:
        """How the network is applied, without the backend: cells that differ in it alone share a table."""
        return self.inference.replace(f",{self.backend}", "") if self.backend else self.inference

    def table_protocol(self, score: Score) -> str:
        """Return the protocol id of one of its scores without the backend, which is named in the row of a table."""
        return score.protocol.replace(f",{self.backend}", "") if self.backend else score.protocol

    @property
    def row_id(self) -> RowId:
        """The row of the leaderboard that this is; of two records of a row the newer one counts."""
        m = self.model
        return RowId(
            architecture=m.architecture, checkpoint=m.checkpoint or "", distiller=m.distiller, teacher=m.teacher or "",
            recipe=m.training, seed=m.seed, dataset=self.dataset, scale=self.scale, degradation=self.degradation,
            train_degradation=m.train_degradation or "", protocol=self.protocol, inference=self.inference,
            realisation=self.realisation,
        )  # fmt: skip
