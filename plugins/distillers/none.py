"""Plain training: the student and the recipe's losses, nothing else. What every gain is judged against."""

from __future__ import annotations

import srbench


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """The distiller interface as it stands is plain training."""
    return [
        srbench.DistillerSpec(
            name="none", label="no distillation", build=srbench.Distiller, needs_teacher=False, license="Apache-2.0"
        )
    ]
