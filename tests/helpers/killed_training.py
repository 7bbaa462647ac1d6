"""Train in children of this process that are killed without warning, then to the end; a script of helpers.resuming.

Usage: killed_training.py FOLDER METHOD=KILLS... where KILLS is a comma-separated list of ``step:N`` (after N steps of
that child), ``write:N`` (while it writes its Nth checkpoint) or ``time:S`` (after S seconds, wherever it is then), or
``whole`` for none. Trains once for each, in folders by their number, every time to the end; prints at which step the
last child of each went on.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import accelerate  # noqa: F401 - once here, not in every child
import torch
from srbench_plugins.degradations import bicubic
from srbench_plugins.distillers.askd import AttentionSimilarity
from srbench_plugins.distillers.pixel_distillation import PixelDistillation
from srbench_plugins.distillers.tas_fsr import AssistedDistillation

from helpers import recognition
from helpers import training as toys
from srbench.catalog.catalog import load_catalog
from srbench.distilling.distiller import Distiller
from srbench.training.checkpoints import save_weights

RECIPE = toys.RECIPE.model_copy(update={"ema": 0.9, "steps": 30, "checkpoint_every": 5, "clip": 0.5})


def super_resolution(folder, stop, *, method, **options):
    """Train on photographs; the report and the student's weights."""
    setup = toys.make_setup(recipe=RECIPE, **options)
    return toys.run(method(setup), folder, stop=stop), setup.student.module.state_dict()


def points(folder, stop):
    """Train on points at a range of scales."""
    spec = load_catalog().architectures["liif_small:edsr_small"]
    recipe = RECIPE.model_copy(update={"scale_range": (1.0, 4.0), "points": 40})
    setup = toys.make_setup(spec=spec, recipe=recipe, scales=(2, 3, 4))
    (degradation,) = [spec for spec in bicubic.register_degradations() if spec.name == "bicubic"]
    report = toys.run(Distiller(setup), folder, stop=stop, degradation=degradation)
    return report, setup.student.module.state_dict()


def labelled(folder, stop, *, method):
    """Train on labelled images."""
    return recognition.trained(method(recognition.setup()), folder, stop=stop)


METHODS = {
    "plain": partial(super_resolution, method=Distiller, spec=toys.DROPPING),
    "assistant": partial(super_resolution, method=toys.TeachingAssistant, teachers=(toys.WIDE,)),
    "bank": partial(super_resolution, method=toys.Bank),
    "adversarial": partial(super_resolution, method=toys.Adversarial),
    "points": points,
    "askd": partial(labelled, method=AttentionSimilarity),
    "pixel_distillation": partial(labelled, method=PixelDistillation),
    "tas_fsr": partial(labelled, method=AssistedDistillation),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def child(folder: Path, method: str, kill: str) -> None:
    kind, _, number = kill.partition(":")
    steps = writes = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        if kind == "step" and steps == int(number):
            die()
        return False

    if kind == "write":
        fsync = os.fsync

        def killing(descriptor: int) -> None:
            nonlocal writes
            writes += "checkpoints" in str(Path(f"/proc/self/fd/{descriptor}").readlink())
            if writes == int(number):
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
                die()
            fsync(descriptor)

        os.fsync = killing

    report, weights = METHODS[method](folder, stop)
    save_weights(folder / "weights.safetensors", weights)
    sys.stdout.write(f"{report.resumed_at}\n")
    sys.stdout.flush()


def undisturbed_or_killed(folder: Path, method: str, kill: str) -> None:
    process = os.fork()
    if not process:
        child(folder, method, kill)
        os._exit(0)
    kind, _, number = kill.partition(":")
    if kind == "time":
        time.sleep(float(number))
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if kind in ("step", "write") and not os.WIFSIGNALED(status):
        sys.exit(f"the child that was to be killed ({kill}) ended with status {status}")
    if kind == "never" and status:
        sys.exit(f"the last child failed with status {status}")


def main(folder: Path, sequences: list[str]) -> None:
    torch.set_num_threads(1)  # before any work, as a fork would lose other threads
    torch.optim.Adam(toys.make_setup().student.module.parameters())  # imports what it needs once, not in every child
    for number, sequence in enumerate(sequences):
        method, _, kills = sequence.partition("=")
        for kill in (*kills.split(","), "never") if kills != "whole" else ("never",):
            undisturbed_or_killed(folder / str(number), method, kill)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
