"""The moving average of a network's weights, and the PSNR that shows how good weights are while they are trained."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from srbench.naming import Scale
from srbench.networks.network import Network


class Average:
    """A second network whose weights follow the first one's.

    After step t (from 0) the average moves by 1 − min(decay, (1 + t) / (10 + t)) towards the weights, so that the
    start is forgotten soon. Buffers and whole numbers are copied.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = Network(network.spec, copy.deepcopy(network.module).requires_grad_(requires_grad=False))
        self._decay = decay
        self._averaged: list[Tensor] = list(self.network.module.parameters())
        self._weights: list[Tensor] = list(network.module.parameters())
        pairs = zip(self.network.module.buffers(), network.module.buffers(), strict=True)
        self._copied = list(pairs)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the weights after ``step``."""
        weights = [w.detach() for w in self._weights]
        torch._foreach_lerp_(self._averaged, weights, 1 - min(self._decay, (1 + step) / (10 + step)))
        for average, buffer in self._copied:
            average.copy_(buffer)

    @torch.no_grad()
    def restart(self) -> None:
        """Set the average to the current weights."""
        for average, weight in zip(self._averaged, self._weights, strict=True):
            average.copy_(weight)
        for average, buffer in self._copied:
            average.copy_(buffer)


@torch.no_grad()
def held_out_psnr(
    network: Network, patches: Mapping[Scale, tuple[Tensor, Tensor]], device: torch.device, batch: int
) -> float:
    """Compute the mean PSNR in dB over patches and scales, on the network's own channels; for progress displays only.

    ``patches`` are lr (N, C, p, p) and hr by scale, of which ``batch`` are taken at a time. The mode is restored.
    """
    training = [m for m in network.module.modules() if m.training]
    network.module.eval()
    scores: list[float] = []
    for scale, (lr, hr) in patches.items():
        for some, truth in zip(torch.split(lr, batch), torch.split(hr, batch), strict=True):
            sr = network(some.to(device), scale).clamp(0, 1)
            errors = (sr - truth.to(device)).square().mean(dim=(1, 2, 3))
            scores += [-10 * math.log10(max(e, 1e-10)) for e in errors.tolist()]
    for module in training:
        module.training = True
    return sum(scores) / len(scores)
