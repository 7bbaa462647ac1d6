"""Plain training: the student and the recipe's losses, nothing else. What every gain is judged against.

``none_ema`` measures the moving average of the weights, as the releases of DUKD, MTKD and DCKD do whatever they distil:
a part of their gain that costs nothing and owes nothing to a teacher.
"""

from __future__ import annotations

import srbench


class Averaged(srbench.Distiller):
    """Plain training, of which the moving average of the weights is kept."""

    ema = 0.999


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """The distiller interface as it stands is plain training."""
    return [
        srbench.DistillerSpec(
            name="none", label="no distillation", build=srbench.Distiller, needs_teacher=False, license="Apache-2.0"
        ),
        srbench.DistillerSpec(
            name="none_ema",
            label="no distillation, EMA",
            build=Averaged,
            needs_teacher=False,
            license="Apache-2.0",
            notes="The moving average of the weights at decay 0.999, whatever the recipe says; none has the recipe's.",
        ),
    ]
