"""The hooks: what a plugin may define. This file is the plugin reference.

A plugin is a module. It defines any of the functions below, marked ``@srbench.hookimpl``; each takes no arguments and
returns specs (and, for names made on demand, `srbench.Family` objects). Heavy imports may be at the top of the
module: ``srbench --help`` imports no plugin.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from srbench.catalog.executors import ExecutorSpec
from srbench.catalog.plugin import Family
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.spec import DegradationSpec, StepSpec
from srbench.deploying.spec import RuntimeSpec
from srbench.distilling.spec import DistillerSpec, LossSpec
from srbench.measuring.metrics.spec import ScoreSpec
from srbench.networks.recognition.spec import RecogniserSpec
from srbench.networks.spec import ArchitectureSpec

GROUP = "srbench"
"""Entry-point group and pluggy project name."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def register_architectures() -> Iterable[ArchitectureSpec | Family]:
    """Networks that map lr to sr."""
    return ()


@hookspec
def register_recognisers() -> Iterable[RecogniserSpec | Family]:
    """Networks that map images to embeddings, by which they are recognised."""
    return ()


@hookspec
def register_distillers() -> Iterable[DistillerSpec | Family]:
    """Ways to train a student, with teachers or without."""
    return ()


@hookspec
def register_degradations() -> Iterable[DegradationSpec | Family]:
    """Functions that make lr from hr."""
    return ()


@hookspec
def register_steps() -> Iterable[StepSpec | Family]:
    """Operations that degradations are chained from: blurs, resizes, noise, codecs."""
    return ()


@hookspec
def register_metrics() -> Iterable[ScoreSpec | Family]:
    """Scores: of sr, with or without hr, and of what a recogniser answers."""
    return ()


@hookspec
def register_losses() -> Iterable[LossSpec | Family]:
    """Training losses that recipes name."""
    return ()


@hookspec
def register_datasets() -> Iterable[DatasetSpec | Family]:
    """Image sets, usually read from a manifest with `srbench.read_manifest`."""
    return ()


@hookspec
def register_runtimes() -> Iterable[RuntimeSpec | Family]:
    """Programs that run trained networks: PyTorch, ONNX Runtime, OpenVINO."""
    return ()


@hookspec
def register_executors() -> Iterable[ExecutorSpec | Family]:
    """Places where jobs run: this process, subprocesses, a cluster."""
    return ()
