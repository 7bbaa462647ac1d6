"""What a training costs: forward passes of student and teachers, seconds a step, memory at the peak of a step.

Told apart from what the loop does besides: validation and checkpoints count nowhere. The figures never decide anything
about the weights.
"""

from __future__ import annotations

import statistics
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.hooks import RemovableHandle

from srbench.distilling import Distiller, Optimiser
from srbench.records import TrainingCosts

MIB = 2**20
TIMED = 1001
"""So many of a phase's steps, the last ones, give its median."""
WEIGHED = 1
"""The step of each phase, counted from 0, whose memory is taken: the first one with the optimisers' state in place."""

Times = deque[tuple[Any, Any]]


class CostMeter:
    """Counts while steps are under way, over all phases and all processes of a training.

    A forward pass is counted for each image, whatever its size: a teacher that is shown two views of every patch has
    2.0. Copies that a method holds count too: the student's past as the student, a teacher that is trained along as
    the teacher. What a method asks of other networks (an encoder, a generator) shows in the seconds and in the memory.
    """

    def __init__(self, distiller: Distiller, device: torch.device) -> None:
        self._distiller, self._device = distiller, device
        self._running = {"student": 0, "teacher": 0}
        self._images, self._forwards = 0, {"student": 0, "teacher": 0}
        self._medians: list[tuple[int, float]] = []
        self._earlier: list[float] = []
        self._times: Times = deque(maxlen=TIMED)
        self._peak = 0
        self._handles: list[RemovableHandle] = []
        self._counting = False
        self._length = 0

    def open(self, length: int) -> None:
        """A phase of ``length`` steps begins, or goes on."""
        self._length = length
        setup = self._distiller.setup
        known: dict[str, list[nn.Module]] = {
            "student": [setup.student.module],
            "teacher": [teacher.module for teacher in setup.teachers],
        }
        counted = {
            module: role
            for role, networks in reversed(known.items())  # where the two are alike, a copy is the student's
            for network in networks
            for module in self._distiller.modules()
            if _alike(module, network)
        } | {network: role for role, networks in known.items() for network in networks}
        self._handles += [self._counted(role, network) for network, role in counted.items()]

    def _counted(self, role: str, network: nn.Module) -> RemovableHandle:
        def count(_: nn.Module, given: tuple[Any, ...]) -> None:
            if self._counting:
                self._running[role] += len(given[0])

        handle: RemovableHandle = network.register_forward_pre_hook(count)
        return handle

    def close(self) -> None:
        """The phase ends, or the process gives up."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @contextmanager
    def step(self, step: int, optimisers: Mapping[str, Optimiser]) -> Iterator[None]:
        """While it lasts, a step of the phase is taken; one that raises is not counted."""
        self._running = dict.fromkeys(self._running, 0)
        self._counting = True
        try:
            if step == min(WEIGHED, self._length - 1):
                with LiveBytes(self._standing(optimisers)) as live:
                    yield
                self._peak = max(self._peak, live.peak)
            else:
                begun = _moment(self._device)
                yield
                self._times.append((begun, _moment(self._device)))
        finally:
            self._counting = False

    def shown(self, images: int) -> None:
        """The step that ended was shown so many patches."""
        self._images += images
        for role, count in self._running.items():
            self._forwards[role] += count

    def end_phase(self) -> None:
        """The phase's last step was taken."""
        if seconds := self._seconds():
            self._medians.append((self._length, statistics.median(seconds)))
        self._times.clear()
        self._earlier = []

    def _standing(self, optimisers: Mapping[str, Optimiser]) -> Iterator[Tensor]:
        """What is in memory whether or not a step is under way."""
        setup = self._distiller.setup
        for module in (setup.student.module, self._distiller, *(teacher.module for teacher in setup.teachers)):
            for parameter in module.parameters():
                yield from (parameter, *(() if parameter.grad is None else (parameter.grad,)))
            yield from module.buffers()
        for optimiser in optimisers.values():
            yield from (value for state in optimiser.raw.state.values() for value in _tensors(state))

    def _seconds(self) -> list[float]:
        """Of the phase's steps, those of earlier processes first."""
        return [*self._earlier, *self._own_seconds()][-TIMED:]

    def _own_seconds(self) -> list[float]:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            return [begun.elapsed_time(ended) / 1000 for begun, ended in self._times]
        return [ended - begun for begun, ended in self._times]

    def costs(self) -> TrainingCosts | None:
        """What a step costs, on average over the phases; None where no step was timed."""
        if not self._medians or not self._images:
            return None
        steps = sum(length for length, _ in self._medians)
        return TrainingCosts(
            student_forwards=self._forwards["student"] / self._images,
            teacher_forwards=self._forwards["teacher"] / self._images,
            seconds_per_step=sum(length * median for length, median in self._medians) / steps,
            peak_memory_mib=self._peak / MIB,
        )

    def state(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {
            "images": self._images, "forwards": self._forwards, "medians": self._medians, "seconds": self._seconds(),
            "peak": self._peak,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._images, self._forwards, self._peak = state["images"], dict(state["forwards"]), state["peak"]
        self._medians = [(length, median) for length, median in state["medians"]]
        self._earlier = list(state["seconds"])


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors alive while it lasts, each memory once, in whatever thread they are made.

    Attributes:
        peak: The most there were.
    """

    def __init__(self, standing: Iterable[Tensor] = ()) -> None:
        """Start with the tensors that are there already."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._now = 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        for tensor in standing:
            self._see(tensor)

    def __torch_dispatch__(  # whatever the operator takes and gives
        self,
        function: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Let the operator run, and look at what it made."""
        made = function(*args, **(kwargs or {}))
        for tensor in _tensors(made):
            self._see(tensor)
        return made

    def _see(self, tensor: Tensor) -> None:
        memory = tensor.untyped_storage()
        place, size = memory._cdata, memory.nbytes()
        if place in self._known:
            return

        def freed(_: object) -> None:
            del self._known[place]
            self._now -= size

        self._known[place] = weakref.ref(memory, freed)
        self._now += size
        self.peak = max(self.peak, self._now)


def _tensors(tree: object) -> Iterator[Tensor]:
    return (leaf for leaf in tree_iter(tree) if isinstance(leaf, Tensor))


def _alike(one: nn.Module, other: nn.Module) -> bool:
    shapes = ([parameter.shape for parameter in module.parameters()] for module in (one, other))
    return type(one) is type(other) and next(shapes) == next(shapes)


def _moment(device: torch.device) -> Any:  # noqa: ANN401 - seconds, or an event on a GPU, which is not waited for
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))
    return event
