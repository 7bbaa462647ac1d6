"""Plain training on the recipe's losses: the control that every gain is measured against.

``none_ema`` measures the moving average of the weights, as the releases of DUKD, MTKD and DCKD do in all their
trainings: this part of their gain costs nothing and does not come from a teacher.
"""

from __future__ import annotations

import srbench


class Averaged(srbench.Distiller):
    """Plain training that keeps the moving average of the weights."""

    ema = 0.999


@srbench.hookimpl
def register_distillers() -> list[srbench.DistillerSpec]:
    """Provide plain training, which is the unchanged `srbench.Distiller`, and its moving average."""
    return [
        srbench.DistillerSpec(
            name="none",
            label="no distillation",
            build=srbench.Distiller,
            needs_teacher=False,
            license="Apache-2.0",
            tasks=frozenset({"sr", "recognition"}),
        ),
        srbench.DistillerSpec(
            name="none_ema",
            label="no distillation, EMA",
            build=Averaged,
            tasks=frozenset({"sr", "recognition"}),
            needs_teacher=False,
            license="Apache-2.0",
            notes="The moving average of the weights at decay 0.999. It ignores the recipe's decay, which none uses.",
        ),
    ]
