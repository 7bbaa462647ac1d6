"""Real degradation by cameras: lr was photographed and comes with its dataset."""

from __future__ import annotations

import srbench


@srbench.hookimpl
def register_degradations() -> list[srbench.DegradationSpec]:
    """Provide one degradation for all cameras."""
    return [
        srbench.DegradationSpec(
            name="real",
            label="real",
            provided=True,
            stochastic=False,
            notes="For datasets of pairs (RealSR, DRealSR), and for images without hr, which are measured only by "
            "metrics that need no hr.",
        )
    ]
