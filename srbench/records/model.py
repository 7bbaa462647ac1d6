"""The weights that were measured, and what their training cost."""

from __future__ import annotations

import operator
from typing import Literal

from pydantic import Field

from srbench.records.row import training_title
from srbench.records.stored import Stored, absent


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
    nodes: int = Field(default=1, exclude_if=lambda count: count == 1)
    """Machines that had these processes."""
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
    scale_range: tuple[float, float] | None = Field(default=None, exclude_if=absent)
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
