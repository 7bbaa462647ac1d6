"""Describe what a chain did to an image in a few numbers, from the descriptions of its steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from srbench.degrading.chain import Chain

BLUR = ("blur_xx", "blur_xy", "blur_yy")
NOISE = "noise"


@runtime_checkable
class DescribingStep(Protocol):
    """A step that describes what it did."""

    def describe(self, drawn: Mapping[str, Any]) -> Mapping[str, float]:
        """Describe one image's blur or noise in numbers that add up over the steps.

        Args:
            drawn: What the step drew for the image.

        Returns:
            Any of ``blur_xx``, ``blur_xy``, ``blur_yy``, the covariance of a blur in px², which add up from step to
            step; and ``noise``, a standard deviation in 8-bit levels, whose squares do.
        """
        ...


def describe_chain(chain: Chain | None = None) -> Callable[[Mapping[str, Any]], dict[str, float]]:
    """Make the ``describe`` of a `srbench.DegradationSpec`.

    Args:
        chain: It has to blur before it reduces, since a blur is described in the pixels that it met; what its other
            steps do (rounding, reducing) is not described. None for a degradation that neither blurs nor adds noise.

    Returns:
        ``describe(drawn)``: the covariance of the blurs, and the noise, each 0 where there is none.
    """

    def describe(drawn: Mapping[str, Any]) -> dict[str, float]:
        total = dict.fromkeys((*BLUR, NOISE), 0.0)
        for of_step in () if chain is None else _of_steps(chain, drawn):
            for name, value in of_step.items():
                total[name] = math.hypot(total[name], value) if name == NOISE else total[name] + value
        return total

    return describe


def _of_steps(chain: Chain, drawn: Mapping[str, Any]) -> Iterator[Mapping[str, float]]:
    for entry in drawn["steps"]:
        step = chain.steps[entry["at"]]
        if isinstance(step, Chain):
            yield from _of_steps(step, entry["drawn"])
        elif isinstance(step, DescribingStep):
            yield step.describe(entry["drawn"])
