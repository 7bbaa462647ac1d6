"""What a training costs: forward passes of student and teachers, seconds a step, memory at the peak of a step.

Validation and checkpoints are not counted. The figures never decide anything about the weights.
"""

from __future__ import annotations

import statistics
import time
import weakref
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.hooks import RemovableHandle

from srbench.distilling.distiller import Batch, Distiller, Optimiser
from srbench.records.model import TrainingCosts

MIB = 2**20
MAX_TIMED_STEPS = 1001
"""Most steps of one kind in a phase, the last ones, whose median is taken."""
MAX_WEIGHED_STEPS = 64
"""Most steps of a phase whose memory is measured, which is slow; it ends when every kind of step is known, and after
half of the steps."""

Times = deque[tuple[Any, Any]]
StepKind = tuple[int, ...]
"""Images that student and teachers get in a step, and the sizes of its hr and lr. Steps differ where a method
tosses a coin, does more at every tenth step, or remembers; a single median would then describe only one kind."""


class CostMeter:
    """Measures the steps of a training, over all its phases and processes.

    A forward pass is counted for each image of any size: a teacher that gets two views of every patch has 2.0. Copies
    that a method holds count too: the student's past as the student, a teacher in training as the teacher. The
    objective of a student that models a distribution counts once for each patch.
    Other networks of a method (an encoder, a generator) show in the seconds and in the memory.
    """

    def __init__(self, distiller: Distiller, device: torch.device) -> None:
        self._distiller, self._device = distiller, device
        self._running = {"student": 0, "teacher": 0}
        self._images, self._forwards = 0, {"student": 0, "teacher": 0}
        self._medians: list[tuple[int, float]] = []
        self._earlier: dict[StepKind, list[float]] = {}
        self._times: dict[StepKind, Times] = {}
        self._taken: Counter[StepKind] = Counter()
        self._weighed: Counter[StepKind] = Counter()
        self._timed: tuple[Any, Any] | None = None
        self._peak = 0
        self._handles: list[RemovableHandle] = []
        self._counting = self._cold = False
        self._length = 0

    def open(self, length: int) -> None:
        """Begin or resume a phase of ``length`` steps."""
        self._length, self._cold = length, length > 2  # the first step takes longer; of two the other is weighed
        setup = self._distiller.setup
        networks = [(setup.student.module, "student"), *((teacher.module, "teacher") for teacher in setup.teachers)]
        counted: dict[nn.Module, str] = {}
        for network, role in reversed(networks):  # if both are the same kind of network, a copy is the student's
            counted |= {module: role for module in self._distiller.modules() if _same_network(module, network)}
        counted |= dict(networks)
        self._handles += [self._counted(role, network) for network, role in counted.items()]

    def _counted(self, role: str, network: nn.Module) -> RemovableHandle:
        def count(_: nn.Module, given: tuple[Any, ...]) -> None:
            if self._counting:
                self._running[role] += len(given[0])

        handle: RemovableHandle = network.register_forward_pre_hook(count)
        return handle

    def close(self) -> None:
        """Stop counting: the phase or the process ends."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @contextmanager
    def step(self, optimisers: Mapping[str, Optimiser]) -> Iterator[None]:
        """Measure the step that is taken inside; one that raises is not counted."""
        self._running = dict.fromkeys(self._running, 0)
        self._counting, self._timed = True, None
        try:
            if self._weighs():
                with LiveBytes(self._resident(optimisers)) as live:
                    yield
                self._peak = max(self._peak, live.peak)
            else:
                begun = _moment(self._device)
                yield
                self._timed = begun, _moment(self._device)
        finally:
            self._counting = False

    def _weighs(self) -> bool:
        """Return whether to measure the memory of a step, since it is not known for every kind of step so far.

        The kind of a step is known when it has ended; by then the optimisers have their state, which counts too.
        """
        unknown = self._taken.keys() - self._weighed.keys()
        return self._length == 1 or (
            bool(unknown) and self._weighed.total() < min(MAX_WEIGHED_STEPS, self._length // 2)
        )

    def shown(self, batch: Batch) -> None:
        """Count the step that ended, which was shown these patches."""
        self._images += len(batch.lr)
        if self._distiller.setup.student.spec.samplers:
            self._running["student"] += len(batch.lr)
        kind = (*self._running.values(), *batch.hr.shape[-2:], *batch.lr.shape[-2:])
        self._taken[kind] += 1
        if self._timed is None:
            self._weighed[kind] += 1
        elif not self._cold:
            self._times.setdefault(kind, deque(maxlen=MAX_TIMED_STEPS)).append(self._timed)
        self._cold = False
        for role, count in self._running.items():
            self._forwards[role] += count

    def end_phase(self) -> None:
        """Take the medians of the phase, whose last step was taken."""
        if seconds := self._seconds():
            steps = sum(self._taken[kind] for kind in seconds)
            total = sum(self._taken[kind] * statistics.median(times) for kind, times in seconds.items())
            self._medians.append((self._length, total / steps))
        self._times, self._earlier = {}, {}
        self._taken, self._weighed = Counter(), Counter()

    def _resident(self, optimisers: Mapping[str, Optimiser]) -> Iterator[Tensor]:
        """Yield the tensors that are in memory between steps too."""
        setup = self._distiller.setup
        for module in (setup.student.module, self._distiller, *(teacher.module for teacher in setup.teachers)):
            for parameter in module.parameters():
                yield from (parameter, *(() if parameter.grad is None else (parameter.grad,)))
            yield from module.buffers()
        for optimiser in optimisers.values():
            yield from (value for state in optimiser.raw.state.values() for value in tensors_of(state))

    def _seconds(self) -> dict[StepKind, list[float]]:
        """Return the seconds of the phase's steps, by kind; those of earlier processes first."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        own = {kind: [self._between(*moments) for moments in times] for kind, times in self._times.items()}
        kinds = self._earlier.keys() | own.keys()
        return {kind: [*self._earlier.get(kind, ()), *own.get(kind, ())][-MAX_TIMED_STEPS:] for kind in kinds}

    def _between(self, begun: Any, ended: Any) -> float:  # noqa: ANN401 - as `_moment` gives them
        return float(begun.elapsed_time(ended) / 1000 if self._device.type == "cuda" else ended - begun)

    def costs(self) -> TrainingCosts | None:
        """Return the cost of a step, averaged over the phases; None if no step was timed."""
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
        """Return what a checkpoint keeps."""
        return {
            "images": self._images, "forwards": self._forwards, "medians": self._medians, "seconds": self._seconds(),
            "taken": dict(self._taken), "weighed": dict(self._weighed), "peak": self._peak,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what a checkpoint kept."""
        self._images, self._forwards, self._peak = state["images"], dict(state["forwards"]), state["peak"]
        self._medians = [(length, median) for length, median in state["medians"]]
        self._earlier = dict(state["seconds"])
        self._taken, self._weighed = Counter(state["taken"]), Counter(state["weighed"])


def _same_network(one: nn.Module, other: nn.Module) -> bool:
    shapes = ([parameter.shape for parameter in module.parameters()] for module in (one, other))
    return type(one) is type(other) and next(shapes) == next(shapes)


def _moment(device: torch.device) -> Any:  # noqa: ANN401 - seconds, or an event on a GPU, which is not waited for
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))
    return event


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors alive while it lasts, each memory once, in every thread.

    Attributes:
        peak: The most bytes at any moment.
    """

    def __init__(self, existing: Iterable[Tensor] = ()) -> None:
        """Start with the tensors that exist already."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._now = 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        for tensor in existing:
            self._see(tensor)

    def __torch_dispatch__(  # the arguments and results of any operator
        self,
        function: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run the operator, and count what it made."""
        made = function(*args, **(kwargs or {}))
        for tensor in tensors_of(made):
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


def tensors_of(tree: object) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists and dicts."""
    return (leaf for leaf in tree_iter(tree) if isinstance(leaf, Tensor))
