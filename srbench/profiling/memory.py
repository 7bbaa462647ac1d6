"""Measure the peak memory of one forward pass, in a process of its own.

In a program that has trained and scored before, peak memory depends on what it did. So each pass runs in a fresh
process: one Python starts, imports torch once, and forks for every item (on systems other than Linux: one Python
each). An item is described by an import path and JSON arguments.

The column ``peak_memory_mib`` is `Memory.total_mib`: the bytes of the weights plus what the pass needed beyond what was
resident before it. It does not contain Python, torch and the loaded libraries.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from srbench.errors import UnavailableError

MIB = 2**20

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Work:
    """One forward pass to measure.

    Attributes:
        function: ``package.module:function``. It returns ``(network, forward)``: the ``nn.Module`` whose weights
            count, and a function without arguments that runs the pass.
        arguments: Its keyword arguments, as JSON values.
        device: Where the pass computes.
    """

    function: str
    arguments: Mapping[str, Any]
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Memory:
    """The peak memory of a pass, in MiB.

    Attributes:
        weights_mib: Parameters and buffers.
        extra_mib: Beyond what was resident before the pass: activations and workspace.
    """

    weights_mib: float
    extra_mib: float

    @property
    def total_mib(self) -> float:
        """Weights and pass together, as in the leaderboard."""
        return self.weights_mib + self.extra_mib


def peak_memory(works: Sequence[Work], *, timeout_s: float = 600.0) -> list[Memory | UnavailableError]:
    """Measure every item in a process of its own.

    Args:
        works: What to run.
        timeout_s: Seconds for all of them together.

    Returns:
        The memory of every item in order, or the reason why there is none.
    """
    if platform.system() == "Linux":
        return _ask(works, timeout_s)
    return [result for work in works for result in _ask([work], timeout_s)]


def _ask(works: Sequence[Work], timeout_s: float) -> list[Memory | UnavailableError]:
    answered, failure = _talk(json.dumps([asdict(work) for work in works]), timeout_s)
    answers = [_read_answer(line) for line in answered.splitlines() if line.endswith("}")]
    missing = works[len(answers) :]
    return answers + [UnavailableError(f"No memory for {work.function}: {failure}.") for work in missing]


def _read_answer(line: str) -> Memory | UnavailableError:
    answer = json.loads(line)
    return UnavailableError(answer["error"]) if "error" in answer else Memory(**answer)


def _talk(items: str, timeout_s: float) -> tuple[str, str]:
    """Return the output of the measuring process, and why it ended in case an answer is missing."""
    environment = os.environ | {
        # What can be imported here can be imported there.
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        # glibc then returns freed blocks at once, so that only live tensors are resident.
        "MALLOC_MMAP_THRESHOLD_": str(128 * 1024),
        "MALLOC_TRIM_THRESHOLD_": str(128 * 1024),
    }
    process = subprocess.Popen(  # noqa: S603 - this Python, this module
        [sys.executable, "-P", "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,  # its forks end with it
    )
    try:
        said, complained = process.communicate(items, timeout=timeout_s)
    except BaseException as stop:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        if not isinstance(stop, subprocess.TimeoutExpired):
            raise
        return said, f"it took longer than {timeout_s:g} s"
    last = (complained.strip().splitlines() or ["no message"])[-1][:200]
    return said, f"the measuring process ended with status {process.returncode} ({last})"


def _serve() -> None:
    """Read the items from standard input, and answer each with one line of JSON, in the measuring process."""
    works = [Work(**item) for item in json.load(sys.stdin)]
    importlib.import_module("torch")  # once, before forking; no thread and no GPU context starts here
    for work in works:
        answer = _in_fork(work) if len(works) > 1 else _answer(work)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _in_fork(work: Work) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump(_answer(work), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if not text:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        why = "killed, probably because memory ran out" if number == signal.SIGKILL else f"ended by signal {number}"
        return {"error": f"The pass of {work.function} was {why}."}
    answer: dict[str, Any] = json.loads(text)
    return answer


def _answer(work: Work) -> dict[str, Any]:
    # A network may print; standard output is for the answers.
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        return asdict(_measure(work))
    except UnavailableError as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - any error of a network becomes the reason
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0][:200]
        return {"error": f"Running {work.function} for its memory raised {type(error).__name__}: {first}"}
    finally:
        sys.stdout = stdout


def _measure(work: Work) -> Memory:
    import torch

    module, _, name = work.function.partition(":")
    make: Callable[..., tuple[torch.nn.Module, Callable[[], object]]] = getattr(importlib.import_module(module), name)
    torch.nn.functional.conv2d(torch.zeros(1, 4, 8, 8), torch.zeros(4, 4, 3, 3))  # start threads and load libraries now
    network, forward = make(**work.arguments)
    tensors = [*network.parameters(), *network.buffers()]
    weights = sum(tensor.nbytes for tensor in tensors) / MIB
    with torch.no_grad():
        if torch.device(work.device).type == "cuda":
            return _on_cuda(torch.device(work.device), forward, weights)
        return _on_cpu(forward, weights)


def _on_cuda(device: Any, forward: Callable[[], object], weights: float) -> Memory:  # noqa: ANN401 - torch is lazy
    import torch

    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    forward()
    torch.cuda.synchronize(device)
    peak = torch.cuda.max_memory_allocated(device)
    return Memory(weights, (peak - before) / MIB)


def _on_cpu(forward: Callable[[], object], weights: float) -> Memory:
    try:
        _CLEAR_REFS.write_text("5")  # reset the high-water mark to what is resident now
        before = _status_mib("VmRSS")
    except OSError as error:
        raise UnavailableError(f"Peak memory on the CPU is read from {_STATUS}, which this system lacks.") from error
    forward()
    return Memory(weights, max(_status_mib("VmHWM") - before, 0.0))


def _status_mib(field: str) -> float:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise UnavailableError(f"{_STATUS} has no field {field}.")


if __name__ == "__main__":
    _serve()
