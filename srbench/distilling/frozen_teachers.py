"""Assert that training leaves the teachers as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from srbench.errors import TrainingError
from srbench.networks.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class FrozenTeachers:
    """Asserts that teachers are not touched: eval mode, no gradients, weights unchanged since this was made."""

    networks: tuple[Network, ...]
    versions: list[int] = field(init=False)

    def __post_init__(self) -> None:
        for network in self.networks:
            network.module.eval().requires_grad_(requires_grad=False)
        object.__setattr__(self, "versions", self._versions())

    def _versions(self) -> list[int]:
        return [p._version for n in self.networks for p in (*n.module.parameters(), *n.module.buffers())]

    def check(self) -> None:
        """Raise `TrainingError` if a teacher was trained, set to train mode or written to."""
        for network in self.networks:
            touched = network.module.training or any(
                p.requires_grad or p.grad is not None for p in network.module.parameters()
            )
            if touched:
                raise TrainingError(f"The teacher {network.spec.name} was set to training; teachers stay frozen.")
        if self._versions() != self.versions:
            raise TrainingError("A teacher's weights were changed during training; teachers stay frozen.")
