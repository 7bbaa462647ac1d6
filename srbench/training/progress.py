"""What people see of a training: how far it is, notes, and curves for TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


class Progress(Protocol):
    """Receives the progress of a training."""

    def begin(self, title: str, steps: int, done: int) -> None:
        """A training of ``steps`` steps begins, or goes on after ``done``."""
        ...

    def advance(self, done: int, *, loss: float, psnr: float | None, images_per_second: float) -> None:
        """``done`` steps are done; ``psnr`` in dB on the held-out patches, None before it was first measured."""
        ...

    def note(self, sentence: str) -> None:
        """Something a person should know."""
        ...

    def end(self) -> None:
        """The training ended or failed."""
        ...


class Silent:
    """Shows nothing."""

    def begin(self, title: str, steps: int, done: int) -> None:
        """Show nothing."""

    def advance(self, done: int, *, loss: float, psnr: float | None, images_per_second: float) -> None:
        """Show nothing."""

    def note(self, sentence: str) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Oversight:
    """Shows how a training goes and may stop it; nothing in it decides the weights."""

    progress: Progress = field(default_factory=Silent)
    log: Path | None = None
    """Folder for TensorBoard; None for no curves."""
    stop: Callable[[], bool] = lambda: False
    """Asked after every step; True saves and ends the training."""
    title: str = ""
    """For the progress display; the student's label if empty."""


class Curves:
    """Named scalars over steps in TensorBoard's format; nothing without a folder or without TensorBoard."""

    def __init__(self, folder: Path | None, done: int) -> None:
        """Write to ``folder``; what an earlier, killed process wrote after step ``done`` is dropped."""
        self._writer = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:  # the extra "tracking" is not installed
            return
        self._writer = SummaryWriter(str(folder), purge_step=done, flush_secs=30)

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add one point to every curve."""
        if self._writer is not None:
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
