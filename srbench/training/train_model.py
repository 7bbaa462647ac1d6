"""One training from its description: builds student and distiller, finds patches, trains, hands back the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Loss, Phase, Setup
from srbench.distilling.spec import DistillerSpec
from srbench.errors import DataError, UnknownNameError
from srbench.naming import Scale
from srbench.networks.network import Network, build_network
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe
from srbench.records import WarmStart
from srbench.training.checkpoints import plain
from srbench.training.interruption import interruptible
from srbench.training.loop import TrainingReport, train
from srbench.training.memory import RememberingTeacher, TeacherMemory
from srbench.training.optimisers import phase_lengths
from srbench.training.patches.augmentation import Augmented
from srbench.training.patches.cutting import Patches
from srbench.training.patches.images import TrainingImages
from srbench.training.patches.pool import Pool
from srbench.training.patches.progressive import Progressive
from srbench.training.patches.source import PatchSource
from srbench.training.progress import Progress, Silent
from srbench.training.seeds import seed_everything
from srbench.training.spec import LossSpec
from srbench.training.warm_start import sentence, start_from


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """What a training gives."""

    state_dict: dict[str, Tensor]
    """On the CPU, contiguous; the moving average of the weights if the recipe has one."""
    seconds: float
    """Spent in training, over all the processes it took."""
    report: TrainingReport
    warm_start: WarmStart | None = None
    """What was taken from the weights it started from; None without."""


def train_model(
    *,
    spec: ArchitectureSpec,
    scales: tuple[Scale, ...],
    distiller: DistillerSpec,
    teachers: Sequence[Network],
    recipe: Recipe,
    degradation: DegradationSpec,
    losses: Mapping[str, LossSpec],
    images: Mapping[str, Mapping[str, Path]],
    build: Callable[[str], Network],
    find_degradation: Callable[[str], DegradationSpec],
    seed: int,
    device: torch.device,
    work: Path,
    cache: Path,
    steps: int | None = None,
    initial: Mapping[str, Tensor] | None = None,
    progress: Progress | None = None,
    log: Path | None = None,
) -> TrainedModel:
    """Train one student, going on from ``work`` if an earlier process was killed or stopped.

    SIGINT and SIGTERM end it after the step under way, with a checkpoint; a second one ends it at once.

    Args:
        spec: The student's architecture.
        scales: What it is trained for: one scale, or several for a multi-scale network.
        distiller: How it is trained.
        teachers: With their trained weights; they are moved to ``device`` and frozen.
        recipe: How long, on what, how fast.
        degradation: How LR is made, where a phase does not say otherwise.
        losses: At least those that the recipe names.
        images: Dataset name to image name to file; at least the sets that recipe and phases name.
        build: Builds another architecture by name, for `Setup.build`.
        find_degradation: Finds the degradations that phases name.
        seed: Decides the initial weights and everything random.
        device: Where to train.
        work: Folder of this training alone, for checkpoints. Delete it once the weights are stored.
        cache: Folder for decoded images, shared by all trainings.
        steps: How many to take; the recipe's if None. Another number stretches or shrinks the recipe's schedule.
        initial: Weights to start from; those whose name and shape fit are taken, and the others reported.
        progress: Is told how it goes.
        log: Folder for TensorBoard; None for no curves.

    Raises:
        TrainingError: The training cannot go on; see `srbench.training.loop.train`.
        TrainingInterrupted: It was asked to stop.
        DataError: A set is missing, or holds no image that is large enough.
        UnknownNameError: The recipe names a loss that is not there.
    """
    progress = progress or Silent()
    seed_everything(device, seed, "student")
    student = build_network(spec, scales[0])
    started = None if initial is None else start_from(student.module, initial, spec.title)
    if started and (said := sentence(started, spec.title)):
        progress.note(said)
    for network in (student, *teachers):
        network.module.to(device)
    memory = TeacherMemory(recipe.pool) if recipe.pool else None
    setup = Setup(
        student=student,
        teachers=tuple(_frozen(teacher, number, memory) for number, teacher in enumerate(teachers)),
        scales=scales,
        recipe=recipe,
        losses={name: _loss(name, losses, device) for name in recipe.losses},
        device=device,
        build=build,
    )
    seed_everything(device, seed, "distiller")
    method = distiller.build(setup)
    decoded: dict[str, TrainingImages] = {}

    def patches(index: int, phase: Phase) -> PatchSource:
        names = phase.datasets or recipe.datasets
        for name in names:
            if name not in images:
                raise DataError(f"The training set {name!r} of phase {phase.name!r} is not here; add it to the recipe.")
            if name not in decoded:
                decoded[name] = TrainingImages(cache, images[name])
        largest = max([recipe.patch, *(patch for _, patch, _ in recipe.progressive)])

        def sides(patch: int) -> dict[Scale, int]:
            return {scale: phase.patch or recipe.lr_side(patch, scale) for scale in scales}

        def cut(patch: int, batch: int) -> Patches:
            return Patches(
                [decoded[name] for name in names],
                scales=scales,
                degradation=find_degradation(phase.degradation) if phase.degradation else degradation,
                patch=sides(patch),
                batch=phase.batch or batch,
                luma=student.colours == 1,
                augment=recipe.augment,
                seed=seed,
                phase=index,
                reserve=max(scale * side for scale, side in sides(largest).items()),
            )

        source: PatchSource
        if recipe.progressive:
            source = Progressive(recipe, phase_lengths(method.phases(), steps or recipe.steps)[index], cut)
        else:
            source = cut(recipe.patch, recipe.batch)
        if recipe.permute_colours or recipe.mixup:
            source = Augmented(source, recipe, seed, index)
        return Pool(source, recipe.pool) if recipe.pool else source

    with interruptible() as stop:
        report = train(
            method,
            patches,
            seed=seed,
            checkpoints=work / "checkpoints",
            steps=steps,
            progress=progress,
            log=log,
            stop=stop,
            shown=memory.show if memory else None,
            title=f"{spec.title} x{', x'.join(map(str, scales))} · {distiller.title}",
        )
    return TrainedModel(plain(student.module.state_dict()), report.seconds, report, started)


def _frozen(teacher: Network, number: int, memory: TeacherMemory | None) -> Network:
    module = teacher.module.eval().requires_grad_(requires_grad=False)
    return RememberingTeacher(teacher.spec, module, memory, number) if memory else Network(teacher.spec, module)


def _loss(name: str, losses: Mapping[str, LossSpec], device: torch.device) -> Loss:
    if name not in losses:
        raise UnknownNameError.among("loss", name, losses)
    loss = losses[name].build()
    if isinstance(loss, nn.Module):
        loss.to(device).eval().requires_grad_(requires_grad=False)
    return loss
