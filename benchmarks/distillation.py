"""Distillation from a finite pool of batches: a teacher that remembers its outputs against one that computes them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.edsr import EDSR
from torch import Tensor

from benchmarks.rows import Row, compare
from benchmarks.training import BICUBIC, SCALE, photographs
from srbench.distilling.distiller import Batch, Distiller, Setup
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe
from srbench.training.loop import train
from srbench.training.memory import RememberingTeacher, TeacherMemory
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.build import Pool
from srbench.training.patches.cutting import Patches
from srbench.training.patches.images import TrainingImages

BATCHES, STEPS = 5, 40


class Imitation(Distiller):
    """L1 to the ground truth and to the teacher's output."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute both terms."""
        sr = self.setup.student(batch.lr, batch.scale)
        with torch.no_grad():
            target = self.setup.teacher(batch.lr, batch.scale)
        return {**self.setup.supervised(sr, batch.hr), "logits": F.l1_loss(sr, target)}


def rows() -> list[Row]:
    """Every comparison of this file."""
    with tempfile.TemporaryDirectory() as folder:
        images = TrainingImages(Path(folder, "cache"), {n: hr for n, (hr, _) in photographs(Path(folder)).items()})
        ratio = compare(
            lambda: distil(Path(folder, "remembers"), images, remembers=True),
            lambda: distil(Path(folder, "computes"), images, remembers=False),
            repeats=3,
        )
    what = f"imitating a teacher on {BATCHES} batches, {STEPS} steps"
    return [Row(what, "computing its output at every step", ratio, "≥ 1.3 times as fast", ratio >= 1.3)]


def distil(folder: Path, images: TrainingImages, *, remembers: bool) -> None:
    """Train EDSR-small with EDSR-medium as its teacher."""
    recipe = Recipe(name="benchmark", datasets=("photographs",), patch=24, batch=8, steps=STEPS, pool=BATCHES)
    student, teacher = (EDSR(SCALE, n_resblocks=4, n_feats=width) for width in (16, 32))
    spec = ArchitectureSpec(name="network", build=lambda _: student, scales=frozenset({SCALE}), input_range=255.0)
    memory = TeacherMemory(BATCHES)
    setup = Setup(
        student=Network(spec, student),
        teachers=(RememberingTeacher(spec, teacher, memory, 0) if remembers else Network(spec, teacher),),
        scales=(SCALE,),
        recipe=recipe,
        losses={"l1": F.l1_loss},
        device=torch.device("cpu"),
        build=lambda _: Network(spec, student),
    )
    aligned = AlignedImages([images], (SCALE,), BICUBIC, luma=False)
    patches = Patches(aligned, sides={SCALE: 24}, batch=8, augment=True, seed=0)
    with tempfile.TemporaryDirectory(dir=folder.parent) as checkpoints:
        train(
            Imitation(setup),
            lambda *_: Pool(patches, BATCHES),
            seed=0,
            checkpoints=Path(checkpoints),
        )
