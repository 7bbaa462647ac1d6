"""The overhead of a training: srbench's loop against bare arithmetic and against the usual loop of SR repositories."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from skimage import data
from srbench_plugins.architectures.edsr import EDSR
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.plain_networks import swinir
from benchmarks.rows import Row, compare
from srbench.catalog.catalog import load_catalog
from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Distiller, Setup
from srbench.imaging import imresize, read_image, to_tensor, write_png
from srbench.networks.network import Network
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe
from srbench.training.loop import train
from srbench.training.patches.aligned import AlignedImages
from srbench.training.patches.cutting import Patches
from srbench.training.patches.images import TrainingImages
from srbench.training.progress import Oversight

SCALE, PATCH, BATCH = 2, 48, 16
BICUBIC = DegradationSpec(name="bicubic", apply=lambda hr, scale, _: imresize(hr, scale=1 / scale), stochastic=False)


def rows() -> list[Row]:
    """Every comparison of this file."""
    with tempfile.TemporaryDirectory() as folder:
        files = photographs(Path(folder))
        return [
            against_bare_steps(Path(folder), files),
            against_image_loader(Path(folder), files),
            against_plain_network(Path(folder), files),
        ]


def photographs(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Write HR and LR files of photographs of about 500 pixels a side, the usual size of cut training sets."""
    files = {}
    for name in ("astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry"):
        hr = getattr(data, name)()
        hr = hr[: hr.shape[0] // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE]
        lr = imresize(torch.from_numpy(hr).permute(2, 0, 1), scale=1 / SCALE, rounding="uint8")
        files[name] = folder / f"{name}.png", folder / f"{name}x{SCALE}.png"
        write_png(files[name][0], hr)
        write_png(files[name][1], lr.permute(1, 2, 0).contiguous().numpy())
    return files


def against_bare_steps(folder: Path, files: dict[str, tuple[Path, Path]]) -> Row:
    """Train EDSR-baseline; the bare step has channels-last tensors and fused Adam too."""
    spec = spec_of(EDSR(SCALE))
    ratio = beside(spec, bare_step(EDSR(SCALE)), folder, files, steps=7)
    return Row(
        "training EDSR-baseline", "forward, backward, step in memory", ratio, "≥ 0.97 of the steps/s", ratio >= 0.97
    )


def beside(
    spec: ArchitectureSpec,
    other: Callable[[], object],
    folder: Path,
    files: dict[str, tuple[Path, Path]],
    *,
    steps: int,
    patch: int = PATCH,
    batch: int = BATCH,
) -> float:
    """Train with another step after each step of the loop, so that other work affects both equally.

    Returns:
        The median of the seconds of the other step over those of the loop's step.
    """
    times: list[tuple[float, float]] = []
    resumed = time.perf_counter()

    def between_steps() -> bool:
        nonlocal resumed
        loop = time.perf_counter() - resumed
        start = time.perf_counter()
        other()
        times.append((time.perf_counter() - start, loop))
        resumed = time.perf_counter()
        return False

    train_once(spec, folder, files, steps, between_steps, patch=patch, batch=batch)
    # The first step warms up; the last one also validates and saves, as only one in a thousand steps does.
    return statistics.median(o / s for o, s in times[1:-1])


def against_image_loader(folder: Path, files: dict[str, tuple[Path, Path]], steps: int = 60) -> Row:
    """Compare whole trainings of a net of 20 k parameters, with all work before and after their steps."""
    ratio = compare(
        lambda: train_once(spec_of(small()), folder, files, steps, lambda: False),
        lambda: usual_training(small(), list(files.values()), steps),
        repeats=3,
    )
    return Row("training 20 k parameters", "a loop over a per-image DataLoader", ratio, "≥ 2 times as fast", ratio >= 2)


def against_plain_network(folder: Path, files: dict[str, tuple[Path, Path]], steps: int = 20) -> Row:
    """Compare whole trainings of SwinIR-small with the release's operators in the usual loop."""
    spec = load_catalog().architectures["swinir_small"]
    ratio = compare(
        lambda: train_once(spec, folder, files, steps, lambda: False),
        lambda: usual_training(spec.network(SCALE), list(files.values()), steps, swinir),
        repeats=5,
    )
    return Row("training SwinIR-small", "plain operators and per-image DataLoader", ratio, "≥ 1 (as fast)", ratio >= 1)


def spec_of(network: nn.Module) -> ArchitectureSpec:
    """Make the spec of a network at the scale of this file, that takes 0 to 255."""
    return ArchitectureSpec(name="network", build=lambda _: network, scales=frozenset({SCALE}), input_range=255.0)


def small() -> nn.Module:
    """Build a network of 21,763 parameters."""
    return EDSR(SCALE, n_resblocks=2, n_feats=16)


def bare_step(network: nn.Module) -> Callable[[], None]:
    """Make a function that does only the arithmetic of a step."""
    network.to(memory_format=torch.channels_last)
    lr = torch.rand(BATCH, 3, PATCH, PATCH).contiguous(memory_format=torch.channels_last)
    hr = torch.rand(BATCH, 3, SCALE * PATCH, SCALE * PATCH).contiguous(memory_format=torch.channels_last)
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        adam.zero_grad()
        F.l1_loss(network(lr), hr).backward()
        adam.step()

    return step


def train_once(
    spec: ArchitectureSpec,
    folder: Path,
    files: dict[str, tuple[Path, Path]],
    steps: int,
    stop: Callable[[], bool],
    *,
    patch: int = PATCH,
    batch: int = BATCH,
) -> None:
    """Train with srbench; the images are decoded the first time."""
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    recipe = Recipe(name="benchmark", datasets=("photographs",), patch=patch, batch=batch, steps=steps)
    network = spec.network(SCALE)
    setup = Setup(
        student=Network(spec, network),
        teachers=(),
        scales=(SCALE,),
        recipe=recipe,
        losses={"l1": F.l1_loss},
        device=torch.device("cpu"),
        build=lambda _: Network(spec, network),
    )
    images = TrainingImages(folder / "cache", {name: hr for name, (hr, _) in files.items()})
    aligned = AlignedImages([images], (SCALE,), BICUBIC, luma=False)
    patches = Patches(aligned, sides={SCALE: patch}, batch=batch, augment=True, seed=0)
    oversight = Oversight(stop=stop)
    train(Distiller(setup), lambda *_: patches, seed=0, checkpoints=folder / "checkpoints", oversight=oversight)


class PerImage(Dataset[tuple[Tensor, Tensor]]):
    """The dataset of usual SR repositories: decode both files, crop, flip and rotate, one image at a time."""

    def __init__(self, files: list[tuple[Path, Path]], length: int) -> None:
        self.files, self.length = files, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        hr, lr = map(read_image, self.files[index % len(self.files)])
        random = np.random.default_rng(index)
        top, left = random.integers(0, lr.shape[0] - PATCH + 1), random.integers(0, lr.shape[1] - PATCH + 1)
        lr = lr[top : top + PATCH, left : left + PATCH]
        top, left, side = top * SCALE, left * SCALE, PATCH * SCALE
        hr = hr[top : top + side, left : left + side]
        if random.random() < 0.5:
            lr, hr = lr[::-1], hr[::-1]
        turns = int(random.integers(4))
        return to_tensor(np.rot90(lr, turns)), to_tensor(np.rot90(hr, turns))


def usual_training(
    network: nn.Module,
    files: list[tuple[Path, Path]],
    steps: int,
    forward: Callable[[Any, Tensor], Tensor] = lambda network, lr: network(lr * 255) / 255,
) -> None:
    """Train with the usual loop, with a worker process for every thread of torch."""
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)
    for lr, hr in batches(files, steps):
        adam.zero_grad()
        F.l1_loss(forward(network, lr), hr).backward()
        adam.step()


def batches(files: list[tuple[Path, Path]], steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of patches from worker processes."""
    return iter(DataLoader(PerImage(files, steps * BATCH), batch_size=BATCH, num_workers=torch.get_num_threads()))
