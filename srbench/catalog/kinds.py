"""The kinds of things that a plugin can provide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeAlias

from srbench.datasets.spec import DatasetSpec
from srbench.degrading.spec import DegradationSpec, StepSpec
from srbench.distilling.spec import DistillerSpec
from srbench.measuring.metrics.spec import MetricSpec
from srbench.naming import check_name
from srbench.networks.spec import ArchitectureSpec
from srbench.training.spec import LossSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSpec:
    """Where jobs run."""

    name: str
    make: Callable[[int], Executor]
    """``make(workers)`` gives a `concurrent.futures.Executor`; jobs and their results are picklable."""
    label: str = ""
    isolated: bool = False
    """True if a job cannot share memory (and a progress display) with the caller."""

    def __post_init__(self) -> None:
        check_name("executor", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Names without end: ``prefix:argument`` is made into a spec when it is asked for.

    Any hook may return families beside its specs: ``pyiqa:niqe`` is a metric, ``spandrel:FILE`` an architecture.
    """

    name: str
    """The prefix."""
    make: Callable[..., Any]
    """``make(argument, others)`` gives the spec named ``prefix:argument``; ``others`` are the specs of the same kind,
    for families that transform one. Raises `SrbenchError` for an argument it cannot serve."""
    needs: tuple[str, ...] = ()
    """Other kinds whose specs ``make`` takes too, after ``others``: "step" for chains that name steps."""
    example: str
    """A whole name, for messages: "pyiqa:niqe"."""
    label: str = ""

    def __post_init__(self) -> None:
        check_name("family", self.name)

    @property
    def title(self) -> str:
        """What it stands for."""
        return self.label or self.example


Spec: TypeAlias = (
    ArchitectureSpec | DistillerSpec | DegradationSpec | StepSpec | MetricSpec | LossSpec | DatasetSpec | ExecutorSpec
)
KINDS: Mapping[str, type[Any]] = {
    "architecture": ArchitectureSpec,
    "distiller": DistillerSpec,
    "degradation": DegradationSpec,
    "step": StepSpec,
    "metric": MetricSpec,
    "loss": LossSpec,
    "dataset": DatasetSpec,
    "executor": ExecutorSpec,
}
"""Every kind of thing a plugin can provide."""
