"""What a chain did to an image in a few numbers, put together from what its steps tell of themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from srbench.degrading.chain import Chain

BLUR = ("blur_xx", "blur_xy", "blur_yy")
NOISE = "noise"


@runtime_checkable
class Telling(Protocol):
    """A step that tells what it did."""

    def tell(self, drawn: Mapping[str, Any]) -> Mapping[str, float]:
        """In numbers that may be put together with those of other steps.

        Args:
            drawn: What the step drew for an image.

        Returns:
            Any of ``blur_xx``, ``blur_xy``, ``blur_yy``, the covariance of a blur in px², which add up from step to
            step; and ``noise``, a standard deviation in 8-bit levels, whose squares do.
        """
        ...


def telling(chain: Chain | None = None) -> Callable[[Mapping[str, Any]], dict[str, float]]:
    """What `srbench.DegradationSpec.tell` asks for.

    Args:
        chain: Blurs before it reduces, since a blur is told in the pixels that it met; what its other steps do
            (rounding, reducing) stays untold. None for a degradation that neither blurs nor adds noise.

    Returns:
        ``tell(drawn)``: the covariance of the blurs, and the noise, each 0 where there is none.
    """

    def tell(drawn: Mapping[str, Any]) -> dict[str, float]:
        told = dict.fromkeys((*BLUR, NOISE), 0.0)
        for own in () if chain is None else _of_steps(chain, drawn):
            for name, value in own.items():
                told[name] = math.hypot(told[name], value) if name == NOISE else told[name] + value
        return told

    return tell


def _of_steps(chain: Chain, drawn: Mapping[str, Any]) -> Iterator[Mapping[str, float]]:
    for entry in drawn["steps"]:
        step = chain.steps[entry["at"]]
        if isinstance(step, Chain):
            yield from _of_steps(step, entry["drawn"])
        elif isinstance(step, Telling):
            yield step.tell(entry["drawn"])
