"""Describe what a chain did to an image in a few numbers, from what its steps report."""

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
        """Describe the blur or noise that the step applied to one image, given its draws.

        Returns:
            Any of ``blur_xx``, ``blur_xy`` and ``blur_yy``, the covariance of a blur in px², which add up over steps;
            and ``noise``, a standard deviation in 8-bit levels, whose squares add up.
        """
        ...


def describe_chain(chain: Chain | None = None) -> Callable[[Mapping[str, Any]], dict[str, float]]:
    """Make the ``describe`` of a `srbench.DegradationSpec`.

    Args:
        chain: It must blur before it reduces, since a blur is described in the pixels it is applied to. Other steps
            (rounding, reducing) are not described. None for a degradation without blur and noise.

    Returns:
        ``describe(drawn)``: the covariance of all blurs and the noise, 0 if there is none.
    """

    def describe(drawn: Mapping[str, Any]) -> dict[str, float]:
        total = dict.fromkeys((*BLUR, NOISE), 0.0)
        for description in () if chain is None else _descriptions(chain, drawn):
            for name, value in description.items():
                total[name] = math.hypot(total[name], value) if name == NOISE else total[name] + value
        return total

    return describe


def _descriptions(chain: Chain, drawn: Mapping[str, Any]) -> Iterator[Mapping[str, float]]:
    for entry in drawn["steps"]:
        step = chain.steps[entry["at"]]
        if isinstance(step, Chain):
            yield from _descriptions(step, entry["drawn"])
        elif isinstance(step, DescribingStep):
            yield step.describe(entry["drawn"])
