"""What people see of a training: how far it is, notes, and curves for TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path


class Progress:
    """Receives the progress of a training; this base shows nothing of it."""

    def begin(self, title: str, steps: int, done: int) -> None:
        """Begin a training of ``steps`` steps, or resume it after ``done``."""

    def advance(self, done: int, *, loss: float, held_out: str, images_per_second: float) -> None:
        """Note that ``done`` steps are done; ``held_out`` is the score on what is held out, empty until measured."""

    def note(self, sentence: str) -> None:
        """Note something that a person should know."""

    def end(self) -> None:
        """End the training, finished or failed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Oversight:
    """Shows how a training goes and may stop it; nothing in it decides the weights."""

    progress: Progress = field(default_factory=Progress)
    log: Path | None = None
    """Folder for TensorBoard; None for no curves."""
    stop: Callable[[], bool] = lambda: False
    """Asked after every step; True saves and ends the training."""
    title: str = ""
    """For the progress display; the student's label if empty."""


Plot = Callable[[int, Mapping[str, float]], None]
"""Adds a point at a step to each of some named curves."""


@contextmanager
def curves(folder: Path | None, done: int) -> Iterator[Plot]:
    """Write curves in TensorBoard's format; nothing without a folder or without TensorBoard.

    What an earlier, killed process wrote after step ``done`` is dropped.
    """
    if folder is None or find_spec("tensorboard") is None:  # the extra "tracking"
        yield lambda step, scalars: None  # noqa: ARG005
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder), purge_step=done, flush_secs=30) as writer:

        def plot(step: int, scalars: Mapping[str, float]) -> None:
            for name, value in scalars.items():
                writer.add_scalar(name, value, step)

        yield plot
