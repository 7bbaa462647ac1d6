"""Seams of tiles in sr, ``seams:96x4`` for tiles of 96 pixels of lr at x4: steps at them, relative to those beside.

Of images that were enlarged whole, the score is that of their content: about 1. It judges sr alone, since a metric does
not know what a network gives without tiles; ``srbench doctor tiles`` compares with that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

import srbench
from srbench.imaging.seams import seam_visibility


def seams(sr: Tensor, hr: Tensor | None = None, *, tile: int, scale: int) -> Tensor:  # noqa: ARG001
    """Return the visibility of seams, (N,): about 1 where none is seen.

    Args:
        sr: (N, 3, H, W) in [0, 1].
        hr: Not looked at.
        tile: Side of a tile in pixels of lr.
        scale: The factor.
    """
    return seam_visibility(sr, tile * scale, scale)


def make(argument: str, others: Mapping[str, Any]) -> srbench.MetricSpec:  # noqa: ARG001 - the interface of families
    """Return the metric of tiles of so many pixels at a scale."""
    found = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d?)", argument)
    if found is None:
        raise srbench.UnavailableError(
            f"seams:{argument} names no tiles; give their side in pixels of lr and the scale, as in seams:96x4."
        )
    tile, scale = int(found[1]), int(found[2])

    def load(device: torch.device) -> Callable[..., Tensor]:  # noqa: ARG001
        return partial(seams, tile=tile, scale=scale)

    return srbench.MetricSpec(
        name=f"seams:{argument}", label=f"Seams {argument}", higher_is_better=False, decimals=3, needs_hr=False,
        shaved=False, load=load,
    )  # fmt: skip


@srbench.hookimpl
def register_metrics() -> list[srbench.Family]:
    """Provide them by name."""
    return [srbench.Family(name="seams", make=make, example="seams:96x4", label="visibility of the seams of tiles")]
