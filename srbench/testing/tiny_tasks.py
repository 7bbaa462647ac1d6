"""The trainings on which the contract of a distiller tries it: one for each task, of a small student."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from srbench.catalog.catalog import Catalog
from srbench.distilling.distiller import Batch, Phase, Setup
from srbench.distilling.spec import DistillerSpec
from srbench.networks.network import Network
from srbench.networks.recognition.attention import CBAM
from srbench.networks.recognition.recogniser import build_recogniser
from srbench.networks.recognition.spec import RecogniserSpec
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe, RecognitionRecipe
from srbench.testing.contract import photograph

SCALE, PATCH, BATCH, STEPS, CLASSES = 2, 12, 4, 3, 3
STUDENT_WIDTH, TEACHER_WIDTH, HELPER_WIDTH = 8, 12, 16


@dataclass(frozen=True, slots=True)
class TinyTask:
    """A training of one task."""

    setup: Callable[[DistillerSpec, Catalog | None, int], Setup]
    """``setup(spec, catalog, teachers)`` gives the setup of a distiller, with that many teachers."""
    batch: Callable[[Phase, int], Batch]
    """``batch(phase, step)`` gives what a step of a phase sees."""


class Residual(nn.Module):
    """A network of the EDSR family, small enough for a contract."""

    def __init__(self, scale: int, *, width: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        blocks = (nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU()) for _ in range(2))
        self.body = nn.Sequential(*blocks)
        self.tail = nn.Sequential(nn.Conv2d(width, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        """(N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        shallow = self.head(lr)
        sr: Tensor = self.tail(shallow + self.body(shallow))
        return sr


def network_of(width: int) -> ArchitectureSpec:
    """A test network of ``width`` channels with two taps."""
    return ArchitectureSpec(
        name=f"contract_{width}",
        build=partial(Residual, width=width),
        scales=frozenset({2, 3, 4}),
        taps=("body.0", "body.1"),
    )


class Attending(nn.Module):
    """A backbone of two blocks with attention, small enough for a contract."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        blocks = (
            nn.Sequential(
                nn.Conv2d(width, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), CBAM(width, 4)
            )
            for _ in range(2)
        )
        self.body = nn.Sequential(*blocks)
        self.embed = nn.Linear(width, 2 * width)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, 2 * width)."""
        embeddings: Tensor = self.embed(self.body(self.stem(images)).mean((2, 3)))
        return embeddings


def recogniser_of(width: int) -> RecogniserSpec:
    """A test backbone of ``width`` channels with two taps, attention maps and a stem."""
    return RecogniserSpec(
        name=f"contract_recogniser_{width}",
        build=partial(Attending, width),
        taps=("body.0", "body.1"),
        attention=("body.0.3.channel", "body.0.3.spatial", "body.1.3.channel", "body.1.3.spatial"),
        stem="stem",
    )


def _tried_on(
    spec: DistillerSpec, catalog: Catalog | None, task: str, tiny: Callable[[int], ArchitectureSpec]
) -> tuple[ArchitectureSpec, ArchitectureSpec]:
    """Return the specs of student and teacher: the distiller's own if they are of the task, or tiny ones."""
    if catalog and spec.tried_on:
        student, teacher = (catalog.networks[name] for name in spec.tried_on)
        if student.task == teacher.task == task:
            return student, teacher
    return tiny(STUDENT_WIDTH), tiny(TEACHER_WIDTH)


def _super_resolution(spec: DistillerSpec, catalog: Catalog | None, teachers: int) -> Setup:
    def build(name: str) -> Network:
        architecture = catalog.architectures[name] if catalog else network_of(HELPER_WIDTH)
        return Network(architecture, architecture.network(SCALE))

    student, teacher = _tried_on(spec, catalog, "sr", network_of)
    return Setup(
        student=Network(student, student.network(SCALE)),
        teachers=tuple(Network(teacher, teacher.network(SCALE)) for _ in range(teachers)),
        scales=(SCALE,),
        recipe=Recipe(name="contract", datasets=("contract",), patch=PATCH, batch=BATCH, steps=STEPS, losses={"l1": 1}),
        losses={"l1": catalog.losses["l1"].build() if catalog else F.l1_loss},
        device=torch.device("cpu"),
        build=build,
    )


def _recognition(spec: DistillerSpec, catalog: Catalog | None, teachers: int) -> Setup:
    def recogniser(architecture: ArchitectureSpec) -> Network:
        return build_recogniser(cast("RecogniserSpec", architecture), CLASSES)

    def build(name: str) -> Network:
        return recogniser(catalog.recognisers[name] if catalog else recogniser_of(HELPER_WIDTH))

    student, teacher = _tried_on(spec, catalog, "recognition", recogniser_of)
    side, loss = PATCH * SCALE, "cross_entropy"
    return Setup(
        student=recogniser(student),
        teachers=tuple(recogniser(teacher) for _ in range(teachers)),
        scales=(SCALE,),
        recipe=RecognitionRecipe(
            name="contract", datasets=("contract",), height=side, width=side, batch=BATCH, steps=STEPS, losses={loss: 1}
        ),
        losses={loss: catalog.losses[loss].build() if catalog else F.cross_entropy},
        device=torch.device("cpu"),
        build=build,
    )


def _patches(phase: Phase, step: int) -> Batch:
    side = (phase.patch or PATCH) * SCALE
    hr = photograph(phase.batch or BATCH, 3, side, side, seed=step)
    generator = Generator().manual_seed(step)
    return Batch(F.avg_pool2d(hr, SCALE), hr, SCALE, min(step, STEPS - 1), STEPS, generator)


def _labelled(phase: Phase, step: int) -> Batch:
    patches = _patches(replace(phase, patch=None), step)
    return replace(patches, labels=(torch.arange(len(patches.lr)) + step) % CLASSES)


TINY_TASKS: Mapping[str, TinyTask] = {
    "sr": TinyTask(_super_resolution, _patches),
    "recognition": TinyTask(_recognition, _labelled),
}
"""By the names that `DistillerSpec.tasks` has."""
