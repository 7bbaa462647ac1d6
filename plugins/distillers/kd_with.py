"""Hinton's distillation at another temperature, or with another weight of the teacher."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field
from srbench_plugins.distillers.kd import HintonDistillation

import srbench
from srbench.distilling.recognition.teaching import TEACHER_SHARE, TEMPERATURE


@dataclass(frozen=True)
class Hinton:
    """The parameters of a member."""

    temperature: Annotated[float, Field(gt=0)] = TEMPERATURE
    """What divides logits before the softmax."""
    share: Annotated[float, Field(ge=0, le=1)] = TEACHER_SHARE
    """Weight of the teacher; the recipe's own losses have the rest."""


def make(hinton: Hinton, others: srbench.SpecMap[srbench.DistillerSpec]) -> srbench.DistillerSpec:
    """Make the spec of a member.

    Args:
        hinton: Its parameters.
        others: All distillers; a member is ``kd`` with other weights.
    """
    kd = others["kd"]
    return srbench.DistillerSpec(
        name="kd_with",
        label=f"KD, T {hinton.temperature:g}, share {hinton.share:g}",
        build=partial(HintonDistillation, temperature=hinton.temperature, share=hinton.share),
        license=kd.license,
        tasks=kd.tasks,
        paper=kd.paper,
        notes="The distiller kd with another temperature or weight of the teacher.",
    )


@srbench.hookimpl
def register_distillers() -> list[srbench.Family]:
    """Provide the family."""
    return [
        srbench.Family(
            name="kd_with",
            make=make,
            example="kd_with:temperature=2,share=0.5",
            label="KD at a temperature, with a teacher's share",
            takes=Hinton,
        )
    ]
