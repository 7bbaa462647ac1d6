"""Any metric of IQA-PyTorch by its name, ``pyiqa:niqe``: on RGB, with the whole border, as that package takes them."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import srbench
from srbench.measuring.metrics.pyiqa_metric import load_pyiqa


def _load(name: str, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    return load_pyiqa(name, device)


def make(name: str, others: srbench.SpecMap[srbench.MetricSpec]) -> srbench.MetricSpec:  # noqa: ARG001
    """The metric called ``name`` there, with its direction and whether it needs hr.

    Where the package cannot be imported the metric is made all the same, and its column stays empty with that reason.

    Raises:
        SrbenchError: The package has no such metric.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyiqa.default_model_configs
        known = pyiqa.default_model_configs.DEFAULT_CONFIGS
    except Exception:  # noqa: BLE001 - its many dependencies break in many ways; loading the metric will say how
        known = {name: {}}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean pyiqa:{near[0]}?" if near else "`pyiqa.list_models()` names them all."
        raise srbench.SrbenchError(f"The package pyiqa has no metric {name!r}; {hint}")
    config = known[name]
    return srbench.MetricSpec(
        name=f"pyiqa:{name}",
        label=f"{name} (pyiqa)",
        higher_is_better=not config.get("lower_better", False),
        needs_hr=config.get("metric_mode", "FR") == "FR",
        shaved=False,
        load=partial(_load, name),
    )


@srbench.hookimpl
def register_metrics() -> list[srbench.Family]:
    """All that the package lists."""
    return [srbench.Family(name="pyiqa", make=make, example="pyiqa:niqe", label="any metric of IQA-PyTorch")]
