"""What a plugin declares: one frozen object holds every fact about one thing.

A variant of a thing is another spec (``build=partial(EDSR, n_feats=256)``), never keyword arguments from a suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from srbench.errors import PluginError
from srbench.recipes import Recipe
from srbench.specs.degradations import DegradationSpec, StepSpec
from srbench.specs.naming import NAME, Paper, Scale, check_name, check_scales

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from srbench.distilling import Distiller, Setup

__all__ = [
    "KINDS",
    "NAME",
    "ArchitectureSpec",
    "Checkpoint",
    "DatasetSpec",
    "DegradationSpec",
    "DistillerSpec",
    "Download",
    "ExecutorSpec",
    "Family",
    "ImageEntry",
    "LossSpec",
    "MetricSpec",
    "Paper",
    "Reported",
    "Scale",
    "Spec",
    "StepSpec",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A score that the authors published."""

    dataset: str
    scale: Scale
    metric: str
    """Name of the metric, "psnr_y"."""
    value: float
    source: str
    """Table or log the figure was read from."""
    checkpoint: str | None = None
    """Tag of the checkpoint that scored it; any training of the architecture if absent."""
    degradation: str = "bicubic"
    protocol: str = "classic-y"
    """How it was taken, by the preset of `srbench.protocols`; shown beside scores of the same one only."""

    @staticmethod
    def on_luma(
        source: str, results: Mapping[Scale, Mapping[str, tuple[float, float]]], *, protocol: str = "classic-y"
    ) -> tuple[Reported, ...]:
        """The rows of a paper's usual table.

        Args:
            source: See the class.
            results: Scale to dataset to its PSNR in dB and its SSIM, both on luma.
            protocol: See the class.
        """
        return tuple(
            Reported(dataset=dataset, scale=scale, metric=metric, value=value, source=source, protocol=protocol)
            for scale, rows in results.items()
            for dataset, values in rows.items()
            for metric, value in zip(("psnr_y", "ssim_y"), values, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Published weights of an architecture, named ``architecture.tag``."""

    tag: str
    scale: Scale | None
    """The scale they are for; None where one set of weights serves every scale."""
    file: str
    """Path below a weights folder, "imdn/IMDN_x2.pth"."""
    sha256: str
    url: str | None = None
    """Public address, or None where the authors give only a manual download."""
    license: str = "unknown"
    trained_on: frozenset[str] = frozenset()
    read: Callable[[Path], Mapping[str, Tensor]] | None = None
    """Reads a file that is not a state dict (MATLAB, NumPy) into one; never by pickle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureSpec:
    """A network that maps lr to sr."""

    name: str
    build: Callable[..., nn.Module]
    """``build(scale)`` gives a network called ``network(lr)``. With ``multi_scale``, ``build()`` gives one network for
    all ``scales``, called ``network(lr, scale)``."""
    scales: frozenset[Scale]
    label: str = ""
    """For tables; the name if empty."""
    paper: Paper | None = None
    license: str = "unknown"
    """SPDX id of the release this follows."""
    reconstruction: bool = False
    """True where no code was released and the paper leaves it open, so that this is our reading of it."""
    multi_scale: bool = False
    trainable: bool = True
    """False for fixed operators such as bicubic interpolation."""
    channels: Literal["rgb", "y"] = "rgb"
    """"y": the network maps luma (N, 1, H, W); srbench enlarges the chroma bicubically, as the papers did."""
    input_range: float = 1.0
    """White in the network's own units; srbench scales [0, 1] to it and back."""
    input_mean: tuple[float, ...] = ()
    """A colour in [0, 1], one value a channel, that srbench takes from lr before anything else and gives back to sr;
    none if empty."""
    input_std: tuple[float, ...] = ()
    """What srbench divides each channel by after taking the mean, and multiplies with before giving it back."""
    size_multiple: int = 1
    """LR sides must divide by this; srbench pads and crops."""
    min_size: int = 1
    """Smallest LR side the network can take; srbench pads and crops."""
    padding: Literal["mirror", "beyond"] = "mirror"
    """How its authors pad whole images that they measure. "mirror": as far as ``size_multiple`` and ``min_size``
    demand, without repeating the edge. "beyond": to the next multiple beyond each side, which adds a whole one where
    the side fits already, and with the edge repeated; the test scripts of SwinIR and its heirs do."""
    half_precision: frozenset[str] = frozenset({"bf16", "fp16"})
    """Half precisions the mathematics allows."""
    taps: tuple[str, ...] = ()
    """Module paths of the features that distillers compare by default, in order of depth."""
    representation: str = ""
    """Module path of what it makes of the degradation, (N, d) or (N, d, 1, 1); measuring keeps it for a picture."""
    told: tuple[str, ...] = ()
    """What the network is told of the degradation, by the names of `DegradationSpec.tell`: a non-blind network is
    called ``network(lr, told)`` with told (N, len(told)), and makes do with lr alone where nobody tells it."""
    dead_parameters: tuple[str, ...] = ()
    """Parameters the official network holds but never uses; by name or pattern, "RG.*.gamma"."""
    recipe: Recipe | None = None
    """The paper's own recipe."""
    checkpoints: tuple[Checkpoint, ...] = ()
    reported: tuple[Reported, ...] = ()
    fingerprint: str = ""
    """Whatever else decides its output: the hash of a file that it reads."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("architecture", self.name)
        check_scales("Architecture", self.name, self.scales)
        tags = [(c.tag, c.scale) for c in self.checkpoints]
        if len(set(tags)) < len(tags):
            raise PluginError(
                f"Architecture {self.name!r} declares a checkpoint tag twice for one scale: {sorted(map(str, tags))}."
            )
        colours = 1 if self.channels == "y" else 3
        for field_name, values in (("input_mean", self.input_mean), ("input_std", self.input_std)):
            if len(values) not in (0, colours):
                raise PluginError(
                    f"Architecture {self.name!r} declares {field_name} with {len(values)} values for {colours} "
                    f"{'channel' if colours == 1 else 'channels'}; give one for each, or none."
                )

    @property
    def title(self) -> str:
        """The label for tables."""
        return self.label or self.name

    def network(self, scale: Scale) -> nn.Module:
        """A freshly initialised network that can enlarge by ``scale``."""
        return self.build() if self.multi_scale else self.build(scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillerSpec:
    """A way to train a student."""

    name: str
    build: Callable[[Setup], Distiller]
    label: str = ""
    needs_teacher: bool = True
    several_teachers: bool = False
    """True if it learns from all teachers that a suite names; otherwise it is given the first."""
    paper: Paper | None = None
    license: str = "unknown"
    reconstruction: bool = False
    """True where the paper leaves the method open and this is our reading of it."""
    form: Literal["plain", "corrected", "official"] = "plain"
    """"official": as the authors' release runs, where that slips; "corrected": as it was meant there; "plain" where
    there is no such difference."""
    tried_on: tuple[str, str] | None = None
    """Student and teacher that its contract trains, where it does not take any network."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("distiller", self.name)

    @property
    def title(self) -> str:
        """The label for tables."""
        return self.label or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """A score of sr, with or without hr."""

    name: str
    load: Callable[[torch.device], Callable[[Tensor, Tensor], Tensor]]
    """``load(device)`` gives ``metric(sr, hr) -> (N,)``; sr and hr are (N, C, H, W) float64 in [0, 1] on ``device``.
    May raise `UnavailableError`: the column then stays empty with that reason."""
    unavailable: Callable[[], str | None] | None = None
    """Tells cheaply why it cannot be loaded now, or None if it can; a cell measured without the metric is measured
    again once this changes. None: always there."""
    label: str
    unit: str = ""
    """"dB", or empty."""
    higher_is_better: bool = True
    needs_hr: bool = True
    channels: Literal["rgb", "y"] = "rgb"
    shaved: bool = True
    """Whether the protocol's border is removed first."""
    decimals: int = 4
    version: str = "1"
    """Part of the protocol id; raised whenever a value changes."""

    def __post_init__(self) -> None:
        check_name("metric", self.name)

    @property
    def column(self) -> str:
        """Name of the column, with its unit."""
        return f"{self.name}_{self.unit.lower()}" if self.unit else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSpec:
    """A training loss."""

    name: str
    build: Callable[[], Callable[[Tensor, Tensor], Tensor]]
    """``build()`` gives ``loss(sr, hr) -> ()``, both (N, C, H, W) in [0, 1]. May be an ``nn.Module``."""
    label: str = ""
    paper: Paper | None = None
    reconstruction: bool = False
    """True where the paper leaves the loss open and this is our reading of it."""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("loss", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEntry:
    """One image a dataset must have."""

    name: str
    """File name without folder and suffix."""
    height: int
    width: int
    sha256: str | None = None
    """Of its pixels, which a re-saved copy keeps, as `srbench.data.fingerprints.pixel_hash` takes it; None where it is
    not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A public archive."""

    url: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A set of images."""

    name: str
    label: str
    split: Literal["train", "test"]
    images: int | None
    """How many there are; None if unknown."""
    license: str
    citation: str
    entries: tuple[ImageEntry, ...] = ()
    """Every image where they are known; empty otherwise."""
    names: tuple[str, ...] = ()
    """The images' names, where these are known but sizes and pixels are not."""
    folders: tuple[str, ...] = ()
    """Folders it goes by below the data root, besides its name and label; glob patterns, all that match are taken
    together."""
    home: str = ""
    downloads: tuple[Download, ...] = ()
    locate: Callable[[], Mapping[str, Path]] | None = None
    """Finds images that need no data root: name to file. None for sets below the data root."""
    truth: bool = True
    """False: its images are lr from the world, and nobody has their hr. They are super-resolved as they are, and only
    metrics that need no hr have a score."""
    lr_border: Literal["symmetric", "replicate"] = "symmetric"
    """How the LR that comes with it was made; see docs/protocol.md."""
    grey: tuple[str, ...] = ()
    """Images that are greyscale."""
    bicubic: Mapping[Scale, tuple[float, float]] = field(default_factory=dict)
    """Published PSNR-Y (dB) and SSIM-Y of bicubic interpolation by scale: what certifies a copy."""
    bicubic_source: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        check_name("dataset", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSpec:
    """Where jobs run."""

    name: str
    make: Callable[[int], Executor]
    """``make(workers)`` gives a `concurrent.futures.Executor`; jobs and their results are picklable."""
    label: str = ""
    isolated: bool = False
    """True if a job cannot share memory (and a progress display) with the caller."""

    def __post_init__(self) -> None:
        check_name("executor", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Names without end: ``prefix:argument`` is made into a spec when it is asked for.

    Any hook may return families beside its specs: ``pyiqa:niqe`` is a metric, ``spandrel:FILE`` an architecture.
    """

    name: str
    """The prefix."""
    make: Callable[..., Any]
    """``make(argument, others)`` gives the spec named ``prefix:argument``; ``others`` are the specs of the same kind,
    for families that transform one. Raises `SrbenchError` for an argument it cannot serve."""
    needs: tuple[str, ...] = ()
    """Other kinds whose specs ``make`` takes too, after ``others``: "step" for chains that name steps."""
    example: str
    """A whole name, for messages: "pyiqa:niqe"."""
    label: str = ""

    def __post_init__(self) -> None:
        check_name("family", self.name)

    @property
    def title(self) -> str:
        """What it stands for."""
        return self.label or self.example


Spec: TypeAlias = (
    ArchitectureSpec | DistillerSpec | DegradationSpec | StepSpec | MetricSpec | LossSpec | DatasetSpec | ExecutorSpec
)
KINDS: Mapping[str, type[Any]] = {
    "architecture": ArchitectureSpec,
    "distiller": DistillerSpec,
    "degradation": DegradationSpec,
    "step": StepSpec,
    "metric": MetricSpec,
    "loss": LossSpec,
    "dataset": DatasetSpec,
    "executor": ExecutorSpec,
}
"""Every kind of thing a plugin can provide."""
