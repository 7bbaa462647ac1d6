"""One training from its description: builds student and distiller, finds patches, trains, hands back the weights."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Loss, Phase, Setup
from srbench.distilling.spec import DistillerSpec, LossSpec
from srbench.errors import TrainingError, UnknownNameError
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import TrainingRecipe
from srbench.records.model import WarmStart
from srbench.scales import Scale
from srbench.training.checkpoints import plain
from srbench.training.group import ALONE, Group
from srbench.training.interruption import interruptible
from srbench.training.loop import TrainingReport, train
from srbench.training.memory import RememberingTeacher, TeacherMemory
from srbench.training.patches.source import PatchSource
from srbench.training.progress import Oversight, Progress
from srbench.training.seeds import seed_everything, stream
from srbench.training.tracking import NO_TRACKING, Setting, Tracking, settings_of
from srbench.training.validation import Validation
from srbench.training.warm_start import sentence, start_from

Sources = Callable[[int, Phase, int], PatchSource]
"""``sources(index, phase, length)`` gives what a phase of so many steps sees."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Training(ABC):
    """Everything that decides the weights of one training; each task adds its data."""

    spec: ArchitectureSpec
    """The student's architecture."""
    scales: tuple[Scale, ...]
    """What it is trained for: one scale, or several for a multi-scale network."""
    distiller: DistillerSpec
    """How it is trained."""
    teachers: tuple[Network, ...] = ()
    """Networks with trained weights; they are moved to the device and frozen."""
    recipe: TrainingRecipe
    """How long, on what, how fast."""
    degradation: DegradationSpec
    """How LR is made, where a phase does not say otherwise."""
    losses: Mapping[str, LossSpec]
    """The losses that the recipe names, at least."""
    build: Callable[[str], Network]
    """Builds another architecture by name, for `Setup.build`."""
    find_degradation: Callable[[str], DegradationSpec]
    """Finds the degradations that phases name."""
    seed: int
    """Decides the initial weights and everything random."""
    steps: int | None = None
    """How many to take; None: as the recipe says. Another number stretches or shrinks the recipe's schedule."""
    initial: Mapping[str, Tensor] | None = None
    """Weights to start from; those whose name and shape fit are taken, and the others reported."""

    @property
    @abstractmethod
    def validation(self) -> Validation:
        """Scores the student on what is held out."""

    @abstractmethod
    def network(self) -> Network:
        """Build the student; its weights come from torch's global generator."""

    @abstractmethod
    def sources(self, cache: Path) -> Sources:
        """Return where each phase gets its patches or images.

        Args:
            cache: The folder of decoded images, which trainings share.

        Raises:
            DataError: A set is missing, or holds no image that is large enough.
        """

    @property
    def pool(self) -> int:
        """Batches that it goes through again and again; 0 if every step has its own."""
        return 0

    @property
    def title(self) -> str:
        """The title for the progress display."""
        return f"{self.spec.title} x{', x'.join(map(str, self.scales))} · {self.distiller.title}"

    def run_title(self, key: str) -> str:
        """Return its name in trackers, for one key alone: "espcn-x2-none-seed0-0123456789ab"."""
        scales = "+".join(map(str, self.scales))
        words = (self.spec.name, f"x{scales}", self.distiller.name, f"seed{self.seed}", key[:12])
        return re.sub(r"[^\w.+-]+", "_", "-".join(filter(None, words)))

    @property
    def settings(self) -> dict[str, Setting]:
        """What decides it, for the tables of trackers: the recipe's values and what it is applied to."""
        given: dict[str, Setting] = {
            "architecture": self.spec.name,
            "scales": ", ".join(map(str, self.scales)),
            "distiller": self.distiller.name,
            "teachers": ", ".join(teacher.spec.name for teacher in self.teachers),
            "degradation": self.degradation.name,
            "seed": self.seed,
        }
        return settings_of(self.recipe.model_dump(mode="json"), "recipe.") | given


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """The result of a training."""

    state_dict: dict[str, Tensor]
    """On the CPU, contiguous; the moving average of the weights if the recipe has one."""
    report: TrainingReport
    warm_start: WarmStart | None = None
    """What was taken from the weights it started from; None without."""
    notes: tuple[str, ...] = ()
    """What the distiller says of this training; see `srbench.distilling.distiller.Distiller.notes`."""
    weights_note: str = ""
    """A line for the header of the file of the weights; see `srbench.distilling.distiller.Distiller.weights_note`."""


def train_model(
    training: Training,
    *,
    device: torch.device,
    work: Path,
    cache: Path,
    progress: Progress | None = None,
    curves: Path | None = None,
    tracking: Tracking = NO_TRACKING,
    key: str = "",
    group: Group = ALONE,
) -> TrainedModel:
    """Train one student, resuming from ``work`` if an earlier process was killed or stopped.

    SIGINT and SIGTERM end it after the step under way, with a checkpoint; a second SIGINT ends it at once. ``work`` is
    the folder of its checkpoints alone, which is to be deleted once the weights are stored; trainings share ``cache``,
    the folder of decoded images. ``curves`` is a CSV file; trackers get the same, under the first digits of ``key``.

    All processes of a ``group`` call this with the same training and folders; the result of the first counts.

    Raises:
        TrainingError: The training cannot go on; see `srbench.training.loop.train`.
        TrainingInterrupted: It was asked to stop.
        DataError: A set is missing, or holds no image that is large enough.
        UnknownNameError: The recipe names an unknown loss.
    """
    progress = progress or Progress()
    student, warm_start = _student(training, device, progress)
    for teacher in training.teachers:
        teacher.module.to(device)
    memory = TeacherMemory(training.pool) if training.pool else None
    setup = Setup(
        student=student,
        teachers=tuple(_frozen(teacher, number, memory) for number, teacher in enumerate(training.teachers)),
        scales=training.scales,
        recipe=training.recipe,
        losses={name: _loss(name, training.losses, device) for name in training.recipe.losses},
        device=device,
        build=training.build,
    )
    if training.recipe.on_points:
        _check_points(setup.losses, device)
    if training.spec.samplers and not training.distiller.objectives:
        raise TrainingError(
            f"{training.distiller.name} compares sr, which {training.spec.name} draws and is not trained by; train it "
            "by its objective, with the distiller none or another that can."
        )
    seed_everything(device, training.seed, "distiller")
    distiller = training.distiller.build(setup)
    with interruptible() as stop:
        oversight = Oversight(
            progress=progress, curves=curves, tracking=tracking, stop=stop, title=training.title,
            run=training.run_title(key), settings=training.settings | {"key": key},
        )  # fmt: skip
        report = train(
            distiller,
            training.sources(cache),
            seed=training.seed,
            checkpoints=work / "checkpoints",
            steps=training.steps,
            oversight=oversight,
            validation=training.validation,
            group=group,
        )
    state = plain(student.module.state_dict())
    return TrainedModel(state, report, warm_start, tuple(distiller.notes), distiller.weights_note())


def _student(training: Training, device: torch.device, progress: Progress) -> tuple[Network, WarmStart | None]:
    seed_everything(device, training.seed, "student")
    student, title = training.network(), training.spec.title
    warm_start = None if training.initial is None else start_from(student.module, training.initial, title)
    if warm_start and (note := sentence(warm_start, title)):
        progress.note(note)
    student.module.to(device)
    return student, warm_start


def _frozen(teacher: Network, number: int, memory: TeacherMemory | None) -> Network:
    module = teacher.module.eval().requires_grad_(requires_grad=False)
    return RememberingTeacher(teacher.spec, module, memory, number) if memory else replace(teacher, module=module)


def _loss(name: str, losses: Mapping[str, LossSpec], device: torch.device) -> Loss:
    if name not in losses:
        raise UnknownNameError.among("loss", name, losses)
    loss = losses[name].build()
    if isinstance(loss, nn.Module):
        loss.to(device).eval().requires_grad_(requires_grad=False)
    return loss


def _check_points(losses: Mapping[str, Loss], device: torch.device) -> None:
    """Refuse a loss that depends on where pixels are, which points do not say.

    Raises:
        TrainingError: A loss is another one after the pixels of both images have changed places.
    """
    one, other = torch.rand(2, 1, 3, 64, 1, generator=stream("points")).to(device)
    order = torch.randperm(64, generator=stream("order")).to(device)
    for name, loss in losses.items():
        try:
            before, after = loss(one, other), loss(one[:, :, order], other[:, :, order])
            same = torch.allclose(before, after, rtol=1e-4)
        except (RuntimeError, ValueError, IndexError):  # it needs images of some size
            same = False
        if not same:
            raise TrainingError(
                f"The loss {name} depends on where pixels are, and the recipe trains on points of patches; choose "
                "losses that compare each pixel by itself, such as l1."
            )
