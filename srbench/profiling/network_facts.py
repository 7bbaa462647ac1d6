"""The size of a network at each scale, and its modules."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from srbench.errors import UnavailableError
from srbench.networks.spec import ArchitectureSpec
from srbench.profiling.complexity import count_parameters
from srbench.profiling.summary import Part, summarise
from srbench.scales import Scale


@dataclass(frozen=True, slots=True)
class ParametersAt:
    """The parameters of a network at one scale."""

    scale: Scale
    """The scale; other scales that have the same network are left out."""
    parameters: int
    """The number of trainable parameters."""


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What is known about a network without training or timing it."""

    parameters: tuple[ParametersAt, ...]
    """The parameters at each scale at which the network differs."""
    one_for_all: bool
    """Whether scales share one network."""
    scale: Scale
    """The scale at which the modules are counted."""
    modules: Part | None
    """The network as a tree of modules; null if it cannot be traced."""
    reason: str | None = None
    """Why it cannot be traced."""


def network_facts(spec: ArchitectureSpec) -> NetworkFacts:
    """Count the parameters of a network, and summarise its modules at its smallest scale."""
    counts, scale = [], min(spec.scales)
    for each in spec.distinct_scales:
        with torch.device("meta"):  # shapes only: the largest network costs no memory
            counts.append(ParametersAt(each, count_parameters(spec.network(each))))
    try:
        modules, reason = summarise(spec, scale), None
    except UnavailableError as error:
        modules, reason = None, str(error)
    return NetworkFacts(tuple(counts), len(spec.scales) != len(counts), scale, modules, reason)
