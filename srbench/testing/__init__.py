"""The contracts that plugins keep: what ``srbench check`` runs, and a plugin's own tests.

`violations_of` gives what is wrong as sentences, so that a test can say ``assert violations_of("metric", SPEC) == []``;
the functions ``check_architecture`` and so on raise instead. Contracts need the CPU only, and seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from srbench.catalog.catalog import Catalog
from srbench.catalog.kinds import ExecutorSpec
from srbench.datasets.spec import DatasetSpec
from srbench.degrading.spec import DegradationSpec, StepSpec
from srbench.distilling.spec import DistillerSpec
from srbench.errors import ContractError, UnknownNameError
from srbench.measuring.metrics.spec import MetricSpec
from srbench.networks.spec import ArchitectureSpec
from srbench.testing.architecture import architecture_violations
from srbench.testing.dataset import dataset_violations
from srbench.testing.degradation import degradation_violations
from srbench.testing.distiller import distiller_violations
from srbench.testing.executor import executor_violations
from srbench.testing.images import photograph
from srbench.testing.loss import loss_violations
from srbench.testing.metric import metric_violations
from srbench.testing.step import step_violations
from srbench.training.spec import LossSpec

__all__ = [
    "check_architecture",
    "check_dataset",
    "check_degradation",
    "check_distiller",
    "check_executor",
    "check_loss",
    "check_metric",
    "check_step",
    "photograph",
    "violations_of",
]

_CONTRACTS: Mapping[str, Callable[[Any], list[str]]] = {
    "architecture": architecture_violations,
    "degradation": degradation_violations,
    "step": step_violations,
    "metric": metric_violations,
    "loss": loss_violations,
    "dataset": dataset_violations,
    "executor": executor_violations,
}


def violations_of(kind: str, spec: Any, catalog: Catalog | None = None) -> list[str]:  # noqa: ANN401 - any kind's spec
    """What a spec does that its kind must not do.

    Args:
        kind: One of `srbench.catalog.kinds.KINDS`: "architecture", "distiller", …
        spec: The spec of that kind.
        catalog: What a distiller may build its helpers from and take its losses from; contained test networks and L1
            where absent.

    Returns:
        One sentence for each violation; empty if the contract is kept.

    Raises:
        UnavailableError: The thing cannot be had on this machine (a metric's weights), so nothing was checked.
    """
    if kind == "distiller":
        return distiller_violations(spec, catalog)
    if kind not in _CONTRACTS:
        raise UnknownNameError.among("plugin kind", kind, {*_CONTRACTS, "distiller"})
    return _CONTRACTS[kind](spec)


def _check(kind: str, spec: Any, catalog: Catalog | None = None) -> None:  # noqa: ANN401
    violations = violations_of(kind, spec, catalog)
    if violations:
        raise ContractError(f"{kind.capitalize()} {spec.name!r} breaks its contract. " + " ".join(violations))


def check_architecture(spec: ArchitectureSpec) -> None:
    """Raise `ContractError` with every violation of an architecture's contract.

    Shapes for odd sizes at every scale, finite and deterministic outputs, a batch equal to its images one by one, taps
    that exist, a state dict that holds everything, gradients for every parameter, the half precisions it claims,
    `torch.export`, and no side effects: nothing printed, no input changed, no random numbers drawn.
    """
    _check("architecture", spec)


def check_distiller(spec: DistillerSpec, catalog: Catalog | None = None) -> None:
    """Raise `ContractError` with every violation of a distiller's contract.

    A few steps of every phase with a small student and teacher: named finite terms, gradients for every parameter it
    optimises, each in one optimiser, untouched teachers, and a state dict from which it goes on.
    """
    _check("distiller", spec, catalog)


def check_degradation(spec: DegradationSpec) -> None:
    """Raise `ContractError` with every violation of a degradation's contract: shape, range, honest randomness.

    A chain is also drawn as JSON, read back, and done again, with the same result.
    """
    _check("degradation", spec)


def check_step(spec: StepSpec) -> None:
    """Raise `ContractError` with every violation of a step's contract: draws that JSON keeps, and nothing else random.

    Units for every parameter, what a batch shares apart from what is an image's own, finite values near [0, 1], a batch
    equal to its images one by one, float64 kept.
    """
    _check("step", spec)


def check_metric(spec: MetricSpec) -> None:
    """Raise `ContractError` with every violation of a metric's contract: one number an image, worse under noise."""
    _check("metric", spec)


def check_loss(spec: LossSpec) -> None:
    """Raise `ContractError` with every violation of a loss's contract: a finite scalar that falls towards hr."""
    _check("loss", spec)


def check_dataset(spec: DatasetSpec) -> None:
    """Raise `ContractError` with every violation of a dataset's contract: consistent counts, files where it says."""
    _check("dataset", spec)


def check_executor(spec: ExecutorSpec) -> None:
    """Raise `ContractError` with every violation of an executor's contract: results, exceptions, isolation."""
    _check("executor", spec)
