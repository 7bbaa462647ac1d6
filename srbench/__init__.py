"""One benchmark for single-image super-resolution. This is the public API, all that a plugin needs.

Names are imported when they are first used, so that ``srbench --help`` loads neither torch nor any plugin.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srbench.chains import read_chain
    from srbench.checkpoints import average_weights, load_state_dict
    from srbench.data.manifest import read_manifest, user_manifest
    from srbench.data.perceptual import find_lpips_trunk, find_vgg19
    from srbench.distilling import Batch, Distiller, Optimiser, Phase, Setup, capture, weighted_mean
    from srbench.errors import CheckpointError, ShapeError, SrbenchError, TrainingError, UnavailableError
    from srbench.features import FeaturePairs
    from srbench.hookspecs import hookimpl
    from srbench.networks import Network
    from srbench.recipes import Recipe
    from srbench.specs import (
        ArchitectureSpec,
        Checkpoint,
        DatasetSpec,
        DegradationSpec,
        DistillerSpec,
        Download,
        ExecutorSpec,
        Family,
        ImageEntry,
        LossSpec,
        MetricSpec,
        Paper,
        Reported,
        StepSpec,
    )

_HOMES = {
    "srbench.chains": ("read_chain",),
    "srbench.checkpoints": ("average_weights", "load_state_dict"),
    "srbench.data.manifest": ("read_manifest", "user_manifest"),
    "srbench.data.perceptual": ("find_lpips_trunk", "find_vgg19"),
    "srbench.distilling": ("Batch", "Distiller", "Optimiser", "Phase", "Setup", "capture", "weighted_mean"),
    "srbench.errors": ("CheckpointError", "ShapeError", "SrbenchError", "TrainingError", "UnavailableError"),
    "srbench.features": ("FeaturePairs",),
    "srbench.hookspecs": ("hookimpl",),
    "srbench.networks": ("Network",),
    "srbench.recipes": ("Recipe",),
    "srbench.specs": (
        "ArchitectureSpec", "Checkpoint", "DatasetSpec", "DegradationSpec", "DistillerSpec", "Download",
        "ExecutorSpec", "Family", "ImageEntry", "LossSpec", "MetricSpec", "Paper", "Reported", "StepSpec",
    ),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ArchitectureSpec",
    "Batch",
    "Checkpoint",
    "CheckpointError",
    "DatasetSpec",
    "DegradationSpec",
    "Distiller",
    "DistillerSpec",
    "Download",
    "ExecutorSpec",
    "Family",
    "FeaturePairs",
    "ImageEntry",
    "LossSpec",
    "MetricSpec",
    "Network",
    "Optimiser",
    "Paper",
    "Phase",
    "Recipe",
    "Reported",
    "Setup",
    "ShapeError",
    "SrbenchError",
    "StepSpec",
    "TrainingError",
    "UnavailableError",
    "average_weights",
    "capture",
    "find_lpips_trunk",
    "find_vgg19",
    "hookimpl",
    "load_state_dict",
    "read_chain",
    "read_manifest",
    "user_manifest",
    "weighted_mean",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names have types of their own
    if name not in _HOME_OF:
        raise AttributeError(f"module 'srbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
