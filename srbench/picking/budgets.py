"""Limits on what a network may cost, such as "latency_ms_p50 <= 100"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from srbench.errors import UnknownNameError, UsageError
from srbench.records.costs import Profile
from srbench.records.stored import Measured

Costs: TypeAlias = Mapping[str, Measured]
"""What a network costs, by names among `COSTS`; some may not be known yet."""

_CONDITION = re.compile(r"\s*(?P<cost>\w+)\s*<=?\s*(?P<limit>[0-9.eE+]+)\s*")


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost that can be limited."""

    about: str
    read: Callable[[Profile], Measured | None]
    share: float = 1.0
    """What a measured figure is multiplied by."""
    decimals: int = 0

    def of(self, profile: Profile) -> Measured:
        """Return the cost, in its own unit, or the reason why it is unknown."""
        found = self.read(profile) or Measured(reason="not measured for this network")
        return found if found.value is None else Measured(value=found.value * self.share)


COSTS: Mapping[str, Cost] = {
    "params_k": Cost("parameters as deployed, thousands", lambda p: p.parameters_deployed, 1e-3, 1),
    "macs_720p_g": Cost("multiply-accumulates for a 1280x720 output, 1e9", lambda p: p.macs_720p_g, decimals=2),
    "macs_256_g": Cost("multiply-accumulates for a 256x256 input, 1e9", lambda p: p.macs_256_g, decimals=2),
    "activations_m": Cost(
        "outputs of convolutions for a 256x256 input, 1e6", lambda p: p.activations_m, decimals=1
    ),
    "latency_ms_p50": Cost("median time of an image, milliseconds", lambda p: p.latency_ms_p50, decimals=1),
    "latency_ms_p90": Cost("90th percentile of that time, milliseconds", lambda p: p.latency_ms_p90, decimals=1),
    "peak_memory_mib": Cost("resident memory of a forward pass, MiB", lambda p: p.peak_memory_mib),
}  # fmt: skip
"""The costs by the names that they have in ``leaderboard.csv``, except for the parameters in thousands."""
MEMORY = "peak_memory_mib"
"""The cost that takes a process of its own to measure."""


def costs_of(profile: Profile) -> Costs:
    """Return every cost of a profiled network."""
    return {name: cost.of(profile) for name, cost in COSTS.items()}


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a network may cost in one respect."""

    name: str
    """A name among `COSTS`."""
    limit: float

    def __str__(self) -> str:
        return f"{self.name} <= {self.limit:g}"

    def excess(self, costs: Costs) -> float:
        """Return the cost divided by the limit: at most 1 if it fits, infinite if it is unknown."""
        found = costs.get(self.name)
        return float("inf") if found is None or found.value is None else found.value / self.limit

    def exceeded(self, costs: Costs) -> bool:
        """Whether the cost is known and above the limit."""
        return 1 < self.excess(costs) < float("inf")


def parse_budget(text: str) -> Budget:
    """Read ``COST <= NUMBER``.

    Raises:
        UsageError: It cannot be understood, or its limit is not above 0.
        UnknownNameError: There is no such cost.
    """
    match = _CONDITION.fullmatch(text)
    try:
        limit = float(match["limit"]) if match else 0.0
    except ValueError:
        limit = 0.0
    if match is None or not limit > 0:
        raise UsageError(
            f"--budget {text!r} cannot be understood; write a cost, <= and a number above 0: 'latency_ms_p50 <= 100'."
        )
    if match["cost"] not in COSTS:
        raise UnknownNameError.among("cost", match["cost"], COSTS, f"The budget is {text!r}.")
    return Budget(match["cost"], limit)
