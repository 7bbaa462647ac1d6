"""What a person sees of a training: a bar, notes, and curves for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from rich.console import Console


class Progress(Protocol):
    """Is told how a training goes."""

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
        """The training ended, whatever the reason."""
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


class Bar:
    """A bar with loss, PSNR on held-out patches, images a second and time left; notes go above it."""

    def __init__(self, console: Console | None = None) -> None:
        """Draw on ``console``; on standard error if there is none."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", visible=False, facts="")

    def begin(self, title: str, steps: int, done: int) -> None:
        """Draw the bar."""
        self._bar.reset(self._task, description=title, total=steps, completed=done, visible=True, facts="")
        self._bar.start()

    def advance(self, done: int, *, loss: float, psnr: float | None, images_per_second: float) -> None:
        """Move the bar."""
        quality = "" if psnr is None else f" · {psnr:.2f} dB"
        facts = f"loss {loss:.4g}{quality} · {images_per_second:,.0f} images/s"
        self._bar.update(self._task, completed=done, facts=facts)

    def note(self, sentence: str) -> None:
        """Print above the bar."""
        self._bar.console.print(sentence, highlight=False, markup=False)

    def end(self) -> None:
        """Take the bar away."""
        self._bar.stop()
        self._bar.update(self._task, visible=False)


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
