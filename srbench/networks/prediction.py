"""What a network returns: sr, and a map of its uncertainty where it has one."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from srbench.errors import ShapeError
from srbench.networks.spec import ArchitectureSpec

RGB_PER_LUMA = 255 / 219
"""Change of red, green and blue that changes BT.601's luma by 1 and keeps chroma."""


class Prediction(NamedTuple):
    """The output of a network for a batch."""

    sr: Tensor
    """(N, C, H, W), nominally in [0, 1]."""
    map: Tensor | None = None
    """What ``spec.uncertainty`` says, in the network's own units: (N, C, H, W), or (N, 1, H, W) for a network on luma;
    None for a network that returns sr alone."""


def maps_of(spec: ArchitectureSpec, output: object) -> tuple[Tensor, ...]:
    """Return what a module of the spec returned as a tuple: sr, or sr and the map of its uncertainty.

    Raises:
        ShapeError: It returned something else.
    """
    found = output if isinstance(output, tuple) and spec.uncertainty else (output,)
    if len(found) != (2 if spec.uncertainty else 1) or not all(isinstance(one, Tensor) for one in found):
        wanted = "sr and its uncertainty, (sr, map)" if spec.uncertainty else "sr alone"
        kind = "tuple" if spec.uncertainty else "tensor"
        raise ShapeError(f"{spec.name} returned a {type(output).__name__}, not a {kind}; it must return {wanted}.")
    return found


def unit(spec: ArchitectureSpec, like: Tensor) -> Tensor:
    """Return what a difference of 1 in the network's own units is in [0, 1], (C, 1, 1) or (1, 1, 1)."""
    return like.new_tensor(spec.input_std or (1.0,)).view(-1, 1, 1) / spec.input_range


def deviation(spec: ArchitectureSpec, prediction: Prediction) -> Tensor:
    """Return the standard deviation that a network expects of each value of its sr.

    A Laplace distribution of scale b has the standard deviation √2 b. The map of a network on luma is what the
    uncertainty of luma makes of each of red, green and blue.

    Args:
        spec: The spec of the network.
        prediction: What the network returned.

    Returns:
        As sr, in units of [0, 1]; a map that only orders is returned as it is.

    Raises:
        ShapeError: The network returned no map.
    """
    sr, spread = prediction
    if spread is None:
        raise ShapeError(f"{spec.name} returns no uncertainty; choose a network whose spec declares one.")
    if spec.uncertainty == "log_scale":
        spread = math.sqrt(2) * spread.exp()
    elif spec.uncertainty == "log_variance":
        spread = (spread / 2).exp()
    if spec.uncertainty != "order":
        spread = spread * unit(spec, spread)
    return RGB_PER_LUMA * spread.expand_as(sr) if sr.shape[1] > spread.shape[1] else spread
