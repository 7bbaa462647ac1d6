"""Send the curves of a training to experiment trackers, through the classes that accelerate has for them."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srbench.errors import UnavailableError, UnknownNameError, reason_of

if TYPE_CHECKING:  # planning needs a session, and no numpy
    import numpy as np
    from numpy.typing import NDArray

PROJECT = "srbench"
"""The project, or experiment, of all trainings in trackers that have some."""
_FOLDER = Path("runs")
"""Where trackers that need a folder write, if none is given; the default of TensorBoard."""
_EXTRA = {"tensorboard", "trackio"}
"""Those that ``srbench[tracking]`` brings."""
_LISTS = {"wandb", "swanlab"}
"""Those whose pictures come in lists."""

Setting = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Which trackers follow trainings; plain data, so that it reaches trainings in other processes."""

    names: tuple[str, ...] = ()
    folder: Path | None = None
    """Where they write; each one's own default if None."""


NO_TRACKING = Tracking()


def tracking_by(names: Iterable[str], folder: Path | str | None = None) -> Tracking:
    """Return the trackers of some names, which are there.

    Raises:
        UnknownNameError: Accelerate has no such tracker.
        UnavailableError: The package of one is missing.
    """
    chosen = tuple(dict.fromkeys(names))
    if chosen:
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        for name in chosen:
            if name not in LOGGER_TYPE_TO_CLASS:
                raise UnknownNameError.among("tracker", name, LOGGER_TYPE_TO_CLASS)
            if name not in sys.modules and find_spec(name) is None:
                what = "'srbench[tracking]'" if name in _EXTRA else name
                raise UnavailableError(
                    f"The tracker {name} needs the package {name}, which is not installed: pip install {what}."
                )
    return Tracking(names=chosen, folder=Path(folder).absolute() if folder else None)


class Trackers:
    """The trackers of one training. One that fails is reported once, and the training goes on without it."""

    def __init__(
        self,
        tracking: Tracking,
        run: str,
        settings: Mapping[str, Setting],
        done: int,
        note: Callable[[str], None],
    ) -> None:
        """Begin a run in each tracker, or resume it after ``done`` steps.

        Args:
            tracking: Which.
            run: A name for this training alone.
            settings: What decides it, for the trackers' tables of runs.
            done: Steps that an earlier process has done.
            note: Receives a sentence about each tracker that failed.
        """
        self._note = note
        self._open: dict[str, Any] = {}
        for name in tracking.names:
            self._try(name, partial(self._begin, name, tracking.folder, run, settings, done))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point at a step to each of some named curves."""
        for name, tracker in list(self._open.items()):
            self._try(name, partial(tracker.log, dict(values), step=step))

    def show(self, step: int, title: str, picture: NDArray[np.uint8], caption: str) -> None:
        """Add a picture, (height, width, 3), to the trackers that take any, and its caption where there is room."""
        for name, tracker in list(self._open.items()):
            self._try(name, partial(_show, name, tracker, step, title, picture, caption))

    def close(self) -> None:
        """End the runs."""
        for name, tracker in list(self._open.items()):
            # accelerate's class leaves the run open for trackio, which would end it again, loudly, with the process
            self._try(name, sys.modules["trackio"].finish if name == "trackio" else tracker.finish)

    def __bool__(self) -> bool:
        """Whether any tracker follows."""
        return bool(self._open)

    def _begin(self, name: str, folder: Path | None, run: str, settings: Mapping[str, Setting], done: int) -> None:
        from accelerate import PartialState
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        if name == "trackio" and folder and name not in sys.modules:
            os.environ["TRACKIO_DIR"] = str(folder)  # it reads this once, when it is imported
        PartialState()  # trackers ask it whether this is the main process
        tracker = LOGGER_TYPE_TO_CLASS[name](**_arguments(name, folder, run, done))
        tracker.start()
        if not done:
            tracker.store_init_configuration(dict(settings))
        self._open[name] = tracker

    def _try(self, name: str, act: Callable[[], object]) -> None:
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # what they print is not srbench's output
                act()
        except Exception as error:  # noqa: BLE001 - of any tracker; hours of training are worth more than its curves
            self._open.pop(name, None)
            self._note(f"The tracker {name} failed and is not used any more: {reason_of(error)}")


def _arguments(name: str, folder: Path | None, run: str, done: int) -> dict[str, Any]:
    """Return what a tracker's class takes, so that each training is a run of its own in one project."""
    where = folder or _FOLDER

    def given(argument: str) -> dict[str, str]:
        return {argument: str(folder)} if folder else {}

    own: dict[str, dict[str, Any]] = {
        "tensorboard": {"run_name": run, "logging_dir": where, "purge_step": done + 1},
        "trackio": {"run_name": PROJECT, "name": run, "resume": "allow", "embed": False},
        "wandb": {"run_name": PROJECT, "name": run, "id": run, "resume": "allow", **given("dir")},
        "mlflow": {"experiment_name": PROJECT, "run_name": run, **given("logging_dir")},
        "swanlab": {"run_name": PROJECT, "experiment_name": run, **given("logdir")},
        "clearml": {"run_name": PROJECT, "task_name": run},
        "dvclive": {"run_name": run, "dir": str(where / run)},
        "aim": {"run_name": run, "logging_dir": where},
    }
    return own.get(name, {"run_name": PROJECT})


def _show(
    name: str,
    tracker: Any,  # noqa: ANN401 - accelerate's
    step: int,
    title: str,
    picture: NDArray[np.uint8],
    caption: str,
) -> None:
    if name == "trackio":  # accelerate's class of it takes no pictures
        import trackio

        tracker.log({title: trackio.Image(picture, caption=caption)}, step=step)
    elif name == "tensorboard":
        tracker.log_images({title: picture[None]}, step=step, dataformats="NHWC")
    elif hasattr(tracker, "log_images"):
        tracker.log_images({title: [picture] if name in _LISTS else picture}, step=step)


def settings_of(table: Mapping[str, Any], prefix: str = "") -> dict[str, Setting]:
    """Return a nested table as one of plain values: ``{"losses": {"l1": 1.0}}`` as ``{"losses.l1": 1.0}``."""
    plain: dict[str, Setting] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            plain |= settings_of(value, f"{prefix}{key}.")
        elif value is not None:
            plain[prefix + key] = value if isinstance(value, str | int | float | bool) else str(value)
    return plain
