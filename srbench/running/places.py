"""The folder with the data, the device to compute on and its threads, as people name them."""

from __future__ import annotations

from pathlib import Path

from srbench.catalog.executors import ExecutorSpec
from srbench.catalog.shelf import Shelf
from srbench.errors import DataError, UsageError


def resolve_device(name: str) -> str:
    """Return the device to compute on; "auto" takes an accelerator if there is one.

    Raises:
        UsageError: The machine has no such device.
    """
    if name == "cpu":
        return name
    import torch

    found = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return "cpu" if found is None else found.type
    kind, _, index = name.partition(":")
    count = torch.accelerator.device_count() if found is not None and found.type == kind else 0
    if not count or (index and (not index.isdecimal() or int(index) >= count)):
        have = "cpu" if found is None else f"cpu and {torch.accelerator.device_count()} x {found.type}"
        raise UsageError(f"This machine has no device {name!r}; it has {have}. Choose with --device, or --device auto.")
    return name


def require_devices(device: str, count: int) -> None:
    """Check that this machine has ``count`` devices of a kind, for one training together; a CPU has any number.

    Raises:
        UsageError: It has fewer, or the kind cannot.
    """
    if count == 1 or device == "cpu":
        return
    if device != "cuda":
        raise UsageError(
            f"--devices {count} needs --device cuda or cpu, not {device}; a training takes the first GPUs it can see."
        )
    import torch

    if (have := torch.cuda.device_count()) < count:
        raise UsageError(f"--devices {count} needs {count} GPUs, and this machine has {have}; give --devices {have}.")


def require_nodes(count: int, devices: int, executor: str, executors: Shelf[ExecutorSpec]) -> None:
    """Check that one training can have ``count`` machines with equal parts of its processes.

    Raises:
        UnknownNameError: There is no such executor.
        UsageError: The executor gives a job one machine, or the processes cannot be divided.
    """
    if count == 1:
        return
    if not executors[executor].nodes:
        able = " or ".join(f"--executor {name}" for name in executors if executors[name].nodes)
        raise UsageError(f"--nodes {count} needs {able}; the executor {executor} gives a job one machine.")
    if devices % count:
        raise UsageError(
            f"--devices {devices} cannot be divided among --nodes {count}; give --devices a multiple of {count}."
        )


def device_elsewhere(name: str) -> str:
    """Return the device to compute on, on other machines, of which nothing is known here.

    Raises:
        UsageError: It is "auto", which would be decided for this machine.
    """
    if name == "auto":
        raise UsageError("--device auto looks at this machine, and the jobs run on others; give --device cuda or cpu.")
    return name


def use_threads(count: int) -> None:
    """Let torch use so many threads of the CPU; 0 leaves the choice to torch."""
    if count:
        import torch

        torch.set_num_threads(count)


def data_root(path: Path | None) -> Path | None:
    """Return the folder of ``--data``.

    Raises:
        DataError: It is not a folder.
    """
    if path is not None and not path.is_dir():
        raise DataError(
            f"The data folder {path} is not a folder; give --data the folder that holds Set5, Set14 and others."
        )
    return path
