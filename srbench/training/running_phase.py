"""A phase while it is trained: what it optimises and how fast, on which patches, and whether all of it learns."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import TYPE_CHECKING

from srbench.distilling.distiller import Distiller, Phase
from srbench.errors import TrainingError
from srbench.training.optimisers import GradientWatch, make_optimisers, owned_parameters
from srbench.training.patches.source import PatchSource
from srbench.training.terms import Terms

if TYPE_CHECKING:
    from accelerate import Accelerator


class RunningPhase:
    """One phase, from the moment its weights are handed over.

    Attributes:
        phase: What the distiller asked for.
        index: Number of the phase.
        length: Steps of the phase.
        offset: Steps of the phases before.
        patches: The source of the patches.
        held_out: The patches that progress is measured on.
        optimisers: Name to optimiser.
        terms: Collects the loss terms of the steps.
    """

    def __init__(
        self,
        distiller: Distiller,
        phase: Phase,
        patches: PatchSource,
        accelerator: Accelerator,
        *,
        index: int,
        length: int,
        offset: int,
    ) -> None:
        """Make the optimisers and watch their parameters.

        Raises:
            TrainingError: A parameter is in two optimisers, or the learning rates are for others.
        """
        setup = distiller.setup
        self.phase, self.index, self.length, self.offset = phase, index, length, offset
        self._recipe = setup.recipe
        owned = owned_parameters(distiller, phase)
        self.optimisers = make_optimisers(owned, setup.recipe, accelerator)
        given = phase.learning_rate
        rates = given if isinstance(given, Mapping) else dict.fromkeys(owned, given or setup.recipe.learning_rate)
        if rates.keys() != owned.keys():
            raise TrainingError(
                f"Phase {phase.name!r} gives learning rates for {sorted(rates)} but has the optimisers {sorted(owned)}."
            )
        self._rates = rates
        self._watch = GradientWatch(owned, _exempt(distiller))
        self._watched_from = 0
        self.terms = Terms(phase.name, length, setup.device)
        self.patches = patches
        self.held_out = patches.held_out()

    def go_on_from(self, step: int) -> None:
        """Resume the phase at ``step``; another process took the steps before."""
        self._watched_from = step

    def set_rates(self, step: int) -> None:
        """Give the optimisers the learning rates of the step about to be taken."""
        position = step * self._recipe.steps // self.length
        factor = self._recipe.rate_at(position) / self._recipe.learning_rate
        for name, optimiser in self.optimisers.items():
            for group in optimiser.raw.param_groups:
                group["lr"] = self._rates[name] * factor

    def require_gradients(self, step: int) -> None:
        """Check that every parameter has had a gradient, once enough steps were taken.

        Raises:
            TrainingError: One has not.
        """
        missing, watched = self._watch.missing(), step + 1 - self._watched_from
        if not missing or (watched < self.phase.gradient_within and watched < self.length):
            return
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise TrainingError(
            f"{len(missing)} parameters received no gradient in {watched} steps of phase {self.phase.name!r}: {shown}. "
            "Use them in a loss, leave them out of the phase's optimise, or name them in the spec's dead_parameters."
        )

    def close(self) -> None:
        """Stop watching the parameters."""
        self._watch.close()


def _exempt(distiller: Distiller) -> list[str]:
    """List the parameters that need no gradient: dead ones, and those that may serve untrained scales only."""
    setup = distiller.setup
    spec = setup.student.spec
    names = [name for name, _ in setup.student.module.named_parameters()]
    if not (spec.multi_scale and set(setup.scales) < spec.scales):
        names = [name for name in names if any(fnmatch.fnmatch(name, dead) for dead in spec.dead_parameters)]
    return [f"student.{name}" for name in names]
