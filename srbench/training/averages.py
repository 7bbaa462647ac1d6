"""The exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

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
        """Take in the weights after ``step``."""
        weights = [w.detach() for w in self._weights]
        torch._foreach_lerp_(self._averaged, weights, 1 - min(self._decay, (1 + step) / (10 + step)))
        for average, buffer in self._copied:
            average.copy_(buffer)

    @torch.no_grad()
    def restart(self) -> None:
        """Forget the past: the average becomes the weights as they are."""
        for average, weight in zip(self._averaged, self._weights, strict=True):
            average.copy_(weight)
        for average, buffer in self._copied:
            average.copy_(buffer)
