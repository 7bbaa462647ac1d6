"""Find the parameters of a network that decide its map of uncertainty and not its sr."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from srbench.networks.network import Network
from srbench.scales import Scale


def map_parameters(network: Network, scales: Iterable[Scale]) -> list[nn.Parameter]:
    """Return the parameters that a gradient of the map reaches and none of sr.

    A training that compares sr alone cannot train them; one that uses the map has to name them, as a distiller does in
    ``Phase.optimise``.

    Args:
        network: Any network; it is left as it is.
        scales: The scales to look at.

    Returns:
        None for a network without such a map.
    """
    if not network.spec.uncertainty:
        return []
    probe = Network(network.spec, copy.deepcopy(network.module).eval().requires_grad_())
    weights = list(probe.module.parameters())
    side = max(network.spec.min_size, network.spec.size_multiple, 8)
    lr = torch.full((1, network.colours, side, side), 0.5, device=weights[0].device, dtype=weights[0].dtype)
    for_sr, for_map = set[int](), set[int]()
    with torch.enable_grad():
        for scale in scales:
            sr, spread = probe.predict(lr, scale)
            for_sr |= _reached(sr, weights)
            for_map |= _reached(spread, weights) if spread is not None else set()
    return [weight for at, weight in enumerate(network.module.parameters()) if at in for_map - for_sr]


def _reached(output: Tensor, weights: Sequence[nn.Parameter]) -> set[int]:
    """Return the numbers of the weights that a gradient of ``output`` reaches."""
    gradients = torch.autograd.grad(output.sum(), weights, retain_graph=True, allow_unused=True)
    return {at for at, gradient in enumerate(gradients) if gradient is not None}
