"""The hooks: what a plugin may define. This file is the plugin reference.

A plugin is a module. It defines any of the functions below, marked ``@srbench.hookimpl``; each takes no arguments and
returns specs (and, for names made on demand, `srbench.Family` objects). Heavy imports may stand at the top of the
module: ``srbench --help`` imports no plugin.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from srbench.catalog.kinds import ExecutorSpec, Family
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.spec import DegradationSpec, StepSpec
from srbench.distilling.spec import DistillerSpec
from srbench.measuring.metrics.spec import MetricSpec
from srbench.networks.spec import ArchitectureSpec
from srbench.training.spec import LossSpec

GROUP = "srbench"
"""Entry-point group and pluggy project name."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def register_architectures() -> Iterable[ArchitectureSpec | Family]:  # type: ignore[empty-body]
    """Networks that map lr to sr."""


@hookspec
def register_distillers() -> Iterable[DistillerSpec | Family]:  # type: ignore[empty-body]
    """Ways to train a student, with teachers or without."""


@hookspec
def register_degradations() -> Iterable[DegradationSpec | Family]:  # type: ignore[empty-body]
    """Functions that make lr from hr."""


@hookspec
def register_steps() -> Iterable[StepSpec | Family]:  # type: ignore[empty-body]
    """Operations that degradations are chained from: blurs, resizes, noise, codecs."""


@hookspec
def register_metrics() -> Iterable[MetricSpec | Family]:  # type: ignore[empty-body]
    """Scores of sr, with or without hr."""


@hookspec
def register_losses() -> Iterable[LossSpec | Family]:  # type: ignore[empty-body]
    """Training losses that recipes name."""


@hookspec
def register_datasets() -> Iterable[DatasetSpec | Family]:  # type: ignore[empty-body]
    """Image sets, usually read from a manifest with `srbench.read_manifest`."""


@hookspec
def register_executors() -> Iterable[ExecutorSpec | Family]:  # type: ignore[empty-body]
    """Places where jobs run: this process, subprocesses, a cluster."""


HOOKS = {
    "architecture": "register_architectures",
    "distiller": "register_distillers",
    "degradation": "register_degradations",
    "step": "register_steps",
    "metric": "register_metrics",
    "loss": "register_losses",
    "dataset": "register_datasets",
    "executor": "register_executors",
}
"""The hook that provides each kind of `srbench.catalog.kinds.KINDS`."""
