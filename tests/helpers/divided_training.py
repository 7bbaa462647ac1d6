"""Train in one or several processes, forked from this one; a script of the tests of division.

Usage: divided_training.py FOLDER STEPS TRAININGS... where each is ``kind:processes``, or ``kind:processes:parts`` for a
deterministic recipe. Writes the weights of each to FOLDER, or the sentence with which it was refused.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import accelerate  # noqa: F401 - once here, not in every child
import torch
from srbench_plugins.distillers import csd, fitnet, gan, logits, mcad
from torch import Tensor, nn

from helpers import training as toys
from srbench.distilling.adversarial import RELATIVISTIC, AdversarialTraining, Adversary
from srbench.distilling.distiller import Batch, Distiller, Setup
from srbench.errors import TrainingError
from srbench.networks.spec import ArchitectureSpec
from srbench.training.checkpoints import save_weights
from srbench.training.group import ALONE, joined, meeting_point

RECIPE = toys.RECIPE.model_copy(update={"ema": 0.9, "clip": 0.5, "batch": 8})


class Plain(nn.Module):
    """Convolutions alone, or with dropout."""

    def __init__(self, scale: int, width: int = 6, dropout: float = 0.0) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.drop = nn.Dropout(dropout)
        self.tail = nn.Conv2d(width, 3 * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, lr: Tensor) -> Tensor:
        return self.shuffle(self.tail(self.drop(self.head(lr).relu())))


def spec(name: str, **options: object) -> ArchitectureSpec:
    build = partial(Plain, **options)
    return ArchitectureSpec(name=name, build=build, scales=frozenset({2}), taps=("head",))


PLAIN, WIDE, DROPPING = spec("plain"), spec("wide", width=12), spec("dropping", dropout=0.3)


def mse(sr: Tensor, hr: Tensor) -> Tensor:
    """Unlike L1, which rounding can push over its kink: one such flip moves weights by 1e-4."""
    return (sr - hr).square().mean()


make_setup = partial(toys.make_setup, losses={"l1": mse})


def critic() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))


def adversarial(setup: Setup, **options: object) -> Distiller:
    return AdversarialTraining(setup, Adversary(setup, critic(), weight=0.1, **options))


class Spread(Distiller):
    """Has a term that is not a mean over patches."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        sr = self.setup.student(batch.lr, batch.scale)
        return {**self.setup.supervised(sr, batch.hr), "spread": -0.1 * sr.mean(dim=(1, 2, 3)).std()}


def real(plugin: object, name: str) -> Callable[[Setup], Distiller]:
    return next(spec.build for spec in plugin.register_distillers() if spec.name == name)


KINDS: dict[str, Callable[[], Distiller]] = {
    "plain": lambda: Distiller(make_setup(PLAIN, recipe=RECIPE)),
    "pool": lambda: real(logits, "logits")(
        make_setup(PLAIN, teachers=(WIDE,), recipe=RECIPE.model_copy(update={"pool": 3}))
    ),
    "fitnet": lambda: real(fitnet, "fitnet")(make_setup(PLAIN, teachers=(WIDE,), recipe=RECIPE)),
    "adversarial": lambda: adversarial(make_setup(PLAIN, recipe=RECIPE)),
    "relativistic": lambda: adversarial(make_setup(PLAIN, recipe=RECIPE), loss=RELATIVISTIC),
    "gan": lambda: real(gan, "gan")(make_setup(PLAIN, recipe=RECIPE.model_copy(update={"patch": 16}))),
    "csd": lambda: real(csd, "csd")(make_setup(PLAIN, teachers=(WIDE,), recipe=RECIPE)),
    "mcad": lambda: real(mcad, "mcad")(make_setup(PLAIN, teachers=(WIDE,), recipe=RECIPE)),
    "bank": lambda: toys.Bank(make_setup(PLAIN, recipe=RECIPE)),
    "spread": lambda: Spread(make_setup(PLAIN, recipe=RECIPE)),
    "norm": lambda: Distiller(make_setup(recipe=RECIPE)),
    "dropout": lambda: Distiller(make_setup(DROPPING, recipe=RECIPE)),
}


def train(
    folder: Path, kind: str, size: int, steps: int, rank: int, port: int, *, in_parts: bool, **oversight: object
) -> None:
    """Be one process of a training; the first writes the weights, or the sentence of its error, beside ``folder``."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    distiller = KINDS[kind]()
    setup = distiller.setup
    object.__setattr__(setup, "recipe", setup.recipe.model_copy(update={"deterministic": in_parts, "steps": steps}))
    try:
        if size == 1:
            toys.run(distiller, folder, group=ALONE, **oversight)
        else:
            store = meeting_point(size, port)
            with joined(rank, size, store, setup.device) as group:
                toys.run(distiller, folder, group=group, **oversight)
    except TrainingError as error:
        if rank == 0:
            folder.with_suffix(".refused").write_text(str(error))
        return
    if rank == 0:
        save_weights(folder.with_suffix(".safetensors"), setup.student.module.state_dict())


def main() -> None:
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    forking = multiprocessing.get_context("fork")
    for training in sys.argv[3:]:
        kind, count, *in_parts = training.split(":")
        size, own = int(count), folder / training.replace(":", "-")
        store = meeting_point(size)
        options = {"in_parts": bool(in_parts)}
        children = [
            forking.Process(target=train, args=(own, kind, size, steps, rank, store.port), kwargs=options)
            for rank in range(size)
        ]
        for child in children:
            child.start()
        for child in children:
            child.join()


if __name__ == "__main__":
    main()
