"""The parts of a plan: models, and the cells in which they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srbench.measuring.protocol import Inference, ScoringProtocol
from srbench.planning.suite import Suite
from srbench.recipe import TrainingRecipe
from srbench.records.row import RowId, training_title
from srbench.scales import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One set of weights: of a fixed operator, published, from a file, to be trained, or composed of other models."""

    architecture: str
    source: Literal["fixed", "checkpoint", "file", "trained", "composed"]
    scales: tuple[Scale, ...]
    """One scale, or all of a multi-scale network's."""
    checkpoint: str | None = None
    """Tag of a published checkpoint."""
    files: tuple[Path, ...] = ()
    """Files of weights; several are averaged."""
    recipe: TrainingRecipe | None = None
    degradation: str | None = None
    """The degradation it is trained on."""
    distiller: str = "none"
    teachers: tuple[Model, ...] = ()
    budget: Literal["steps", "time"] = "steps"
    """See `srbench.planning.suite.Grid`; always "steps" for plain training, which sets the time."""
    seed: int = 0
    parts: tuple[Model, ...] = ()
    """The models that it is composed of; see `srbench.networks.spec.ArchitectureSpec.parts`."""
    initial: Model | None = None
    """Training starts from these weights (EDSR's x3 and x4 from its x2, HAN from RCAN)."""

    @property
    def method(self) -> str:
        """Architecture, weights and distiller: "edsr_small, logits from edsr_medium"."""
        name = self.architecture
        if self.checkpoint:
            name += f".{self.checkpoint}"
        if self.files:
            name += f" ({self.file_title})"
        if self.distiller != "none":
            name += f", {self.distiller}"
        if self.teachers:
            name += f" from {' & '.join(teacher.architecture for teacher in self.teachers)}"
        return name

    @property
    def parents(self) -> tuple[Model, ...]:
        """The models whose weights it needs, or its training does."""
        return (*self.parts, *self.teachers, self.initial) if self.initial else (*self.parts, *self.teachers)

    @property
    def lineage(self) -> tuple[Model, ...]:
        """Its ancestors, parents before children, and itself at the end."""
        return (*(model for parent in self.parents for model in parent.lineage), self)

    @property
    def file_title(self) -> str | None:
        """The path of the file as given, or the last three parts of a full path; several are joined by plus signs.

        The rest of a full path depends on the machine, so that rows of two machines would not match.
        """
        paths = ("/".join(f.parts[1:][-3:]) if f.is_absolute() else f.as_posix() for f in self.files)
        return " + ".join(paths) or None

    @property
    def teacher_title(self) -> str | None:
        """The teachers' names and weights, without recipe and seed, which are those of the student."""
        names = ((teacher.architecture, teacher.checkpoint or teacher.file_title) for teacher in self.teachers)
        return " & ".join(".".join(filter(None, name)) for name in names) or None

    @property
    def title(self) -> str:
        """The method and what distinguishes its models: "espcn · x2 · bicubic · seed 0"."""
        return self._titled(f"seed {self.seed}")

    @property
    def title_without_seed(self) -> str:
        """What models that differ only in their seeds have in common: "espcn · x2 · bicubic"."""
        return self._titled()

    def _titled(self, *seed: str) -> str:
        parts = [self.method, "x" + "+".join(map(str, self.scales))]
        if self.source == "trained":
            parts += [str(self.degradation), *seed]
            parts += ["equal time"] if self.budget == "time" else []
        return " · ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One model measured on one dataset at one scale under one degradation."""

    model: Model
    dataset: str
    scale: Scale
    degradation: str
    protocol: ScoringProtocol
    inference: Inference
    metrics: tuple[str, ...]
    realisation: int | None = None
    """Number of the frozen realisation, from 0; None if there is only one."""
    calibrated_on: tuple[str, ...] = ()
    """The training sets whose patches decide the steps of a quantised network; empty for others."""

    @property
    def network_scale(self) -> Scale:
        """The scale at which the network is applied; see `Inference.resize`."""
        return self.inference.resize or self.scale

    @property
    def row_id(self) -> RowId:
        """The row of its record, measured on all images of the dataset."""
        m = self.model
        return RowId(
            architecture=m.architecture, checkpoint=m.checkpoint or m.file_title or "", distiller=m.distiller,
            teacher=m.teacher_title or "", recipe=training_title(m.recipe.name if m.recipe else None, m.budget),
            seed=m.seed if m.recipe else None, dataset=self.dataset, scale=self.scale, degradation=self.degradation,
            train_degradation=m.degradation or "", protocol=self.protocol.name, inference=self.inference.id(),
            realisation=self.realisation,
        )  # fmt: skip

    @property
    def title(self) -> str:
        """The cell in messages."""
        number = "" if self.realisation is None else f", realisation {self.realisation}"
        backend = f", {self.inference.backend.name}" if self.inference.backend else ""
        drawn = f", {self.inference.drawn}" if self.inference.drawn else ""
        return f"{self.model.title} on {self.dataset} (x{self.scale}, {self.degradation}{number}{drawn}{backend})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Cells in the suite's order, and every model they need, teachers before their students."""

    suite: Suite
    models: tuple[Model, ...]
    cells: tuple[Cell, ...]
