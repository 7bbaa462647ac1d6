"""The interface of a task: everything in which tasks differ.

The rooms above ask a task's object, by the name that a suite gives or that a network's spec has, and never which task
it is. A new task is a class like `srbench.tasks.super_resolution.task.SuperResolution` and an entry of
`srbench.tasks.table.TASKS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from srbench.catalog.catalog import Catalog
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.spec import DegradationSpec
from srbench.deploying.backend import Backend
from srbench.deploying.spec import RuntimeSpec
from srbench.distilling.spec import DistillerSpec, LossSpec
from srbench.measuring.metrics.spec import ScoreSpec
from srbench.measuring.protocol import Inference, ScoringProtocol
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.settings import Profiling
from srbench.recipe import TrainingRecipe
from srbench.records.costs import Profile
from srbench.records.scores import Certification
from srbench.scales import Scale

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from srbench.datasets.library import Library
    from srbench.measuring.measure import Measurement
    from srbench.networks.network import Network
    from srbench.training.train_model import Training


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """What a training is made of, looked up."""

    spec: ArchitectureSpec
    scales: tuple[Scale, ...]
    distiller: DistillerSpec
    recipe: TrainingRecipe
    degradation: DegradationSpec
    losses: Mapping[str, LossSpec]
    build: Callable[[str], Network]
    find_degradation: Callable[[str], DegradationSpec]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """One model to measure on one dataset at one scale."""

    network: Network
    """In eval mode, on ``device``."""
    published: bool
    """True if its weights were not trained here, so that they may be meant for something else."""
    trained_on: tuple[DatasetSpec, ...]
    """Its training sets; empty if it was not trained here."""
    library: Library
    dataset: DatasetSpec
    degradation: DegradationSpec
    degradation_code: str
    """Hash of the code of the degradation."""
    scale: Scale
    protocol: ScoringProtocol
    inference: Inference
    metrics: Sequence[ScoreSpec]
    limit: int | None
    realisation: int
    device: torch.device
    keep: int
    """Number of images to keep as files."""
    folder: Path
    """The folder for them."""
    without_maps: str = ""
    """Why the maps of a network that returns its uncertainty mean nothing; empty if they do."""


class Task(ABC):
    """What the models of a suite do, and how that is trained, measured and shown."""

    name: ClassVar[str]
    """What a suite calls it, and what specs have as ``task``."""
    recipe: ClassVar[type[TrainingRecipe]]
    """What its recipe files are read as."""
    default_protocol: ClassVar[str]
    default_metrics: ClassVar[tuple[str, ...]]
    default_recipe: ClassVar[str]
    """What a suite takes where it does not say."""
    reference: ClassVar[str]
    """The architecture over which tables count gains; empty for none."""
    profiled_hr: ClassVar[tuple[int, int]]
    """Width and height of the HR for which a network is profiled outside a run, where nobody gives one."""
    one_size: ClassVar[bool]
    """Whether all images have one size, so that costs are those of one input; else MACs are those of usual sizes."""
    has_backends: ClassVar[bool] = False
    """Whether its networks can be run by other runtimes than PyTorch's modules."""
    measuring_version: ClassVar[int] = 1
    """Raise it whenever `measure` gives something else for the same request; above 1 it decides the keys of cells."""

    @abstractmethod
    def helper_scale(self, scale: Scale) -> Scale:
        """Return the scale at which a network is trained that teaches a student of ``scale``, or is part of it."""

    @abstractmethod
    def check_dataset(self, dataset: DatasetSpec, where: str) -> None:
        """Refuse a dataset on which the task can neither train nor test.

        Raises:
            ConfigError: See above; begins with ``where``.
        """

    @abstractmethod
    def check_inference(self, inference: Inference, scale: Scale, where: str) -> None:
        """Refuse a way to apply networks that the task does not know, or not at ``scale``.

        Raises:
            ConfigError: See above; begins with ``where``.
        """

    def check_data(
        self, library: Library, train: Sequence[DatasetSpec], test: DatasetSpec, scale: Scale  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Refuse a test on images that were trained on.

        Args:
            library: Finds the images.
            train: The training sets of the model; empty if it was not trained here.
            test: The dataset that it is measured on.
            scale: The factor.

        Raises:
            DataError: See above; names the images.
        """
        from srbench.datasets.overlap import assert_disjoint

        for spec in train:
            assert_disjoint(library.images(spec), library.images(test))

    @abstractmethod
    def protocol(self, name: str, recipe: Callable[[], TrainingRecipe]) -> ScoringProtocol:
        """Return the protocol of a cell.

        Args:
            name: The preset.
            recipe: Gives the recipe of the cell's grid, where the protocol depends on it.

        Raises:
            UnknownNameError: The task has no such preset.
        """

    @abstractmethod
    def headline(self, dataset: DatasetSpec, protocol: ScoringProtocol, metrics: Sequence[ScoreSpec]) -> str:
        """Return the metric that ranks a cell."""

    @abstractmethod
    def untrained(
        self, spec: ArchitectureSpec, scale: Scale, recipe: TrainingRecipe | None, library: Library, catalog: Catalog
    ) -> Network:  # fmt: skip
        """Build a network that has the parts of one that ``recipe`` trains, with fresh weights."""

    @abstractmethod
    def for_weights(
        self, spec: ArchitectureSpec, scale: Scale, read: Callable[[], Mapping[str, Tensor]]
    ) -> tuple[Network, Network]:  # fmt: skip
        """Build a network for weights that were not trained here.

        Args:
            spec: The network.
            scale: The factor.
            read: Returns the weights, where the network's parts depend on them.

        Returns:
            The network, and the part of it that the weights fill: itself, or one that shares its module's parameters.
        """

    @abstractmethod
    def training(self, request: TrainingRequest, library: Library, catalog: Catalog) -> Training:
        """Describe a training; its teachers and what it starts from are left to the caller.

        Raises:
            DataError: A training set is missing, or is not what the task needs.
        """

    @abstractmethod
    def measure(self, request: MeasureRequest, advance: Callable[[], None]) -> Measurement:
        """Apply a model to every image and score it.

        Args:
            request: What to measure.
            advance: Called after every image.

        Raises:
            DataError: The dataset has no image, or is not what the task needs.
        """

    @abstractmethod
    def images(self, library: Library, dataset: DatasetSpec, limit: int | None) -> int:
        """Return how many images `measure` will go through."""

    @abstractmethod
    def certify(self, library: Library, dataset: DatasetSpec, scale: Scale) -> Certification:
        """Compare a copy of a dataset with what is published about it."""

    @abstractmethod
    def profile(
        self, spec: ArchitectureSpec, scale: Scale, profiling: Profiling, size: tuple[int, int] | None, device: str,
        plugin_files: Sequence[str], backend: Backend | None = None, runtime: RuntimeSpec | None = None,
    ) -> Profile:  # fmt: skip
        """Measure what a network costs.

        Args:
            spec: The network.
            scale: The factor.
            profiling: Budget, and the input where the protocol leaves it open.
            size: `ScoringProtocol.input_size`.
            device: Where latency and memory are measured.
            plugin_files: Single-file plugins that the process which measures memory has to load.
            backend: What runs it for latency; None for its module as it is.
            runtime: The runtime of ``backend``.
        """
