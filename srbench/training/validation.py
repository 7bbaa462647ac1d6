"""How well a network does on what is held out of its training: for progress displays, and to choose weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from srbench.networks.network import Network
from srbench.scales import Scale

HeldOut = Mapping[Scale, tuple[Tensor, Tensor]]
"""By scale, what the network sees and what it should give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A score on what is held out, larger where better."""

    name: str
    """The curve in TensorBoard, with its unit: "held_out_psnr_db"."""
    unit: str
    """For people: "dB"."""
    score: Callable[[Network, HeldOut, torch.device, int], float]
    """``score(network, held_out, device, batch)`` takes ``batch`` examples at a time."""

    @torch.no_grad()
    def measure(self, network: Network, held_out: HeldOut, device: torch.device, batch: int) -> float:
        """Score a network in eval mode; its mode is restored."""
        training = [m for m in network.module.modules() if m.training]
        network.module.eval()
        value = self.score(network, held_out, device, batch)
        for module in training:
            module.training = True
        return value

    def text(self, value: float | None) -> str:
        """Return a score for people: "31.26 dB"; empty before it is measured."""
        return "" if value is None else f"{value:.2f} {self.unit}"


def _psnr(network: Network, patches: HeldOut, device: torch.device, batch: int) -> float:
    """Compute the mean PSNR in dB over patches and scales, on the network's own channels."""
    scores: list[float] = []
    for scale, (lr, hr) in patches.items():
        for some, truth in zip(torch.split(lr, batch), torch.split(hr, batch), strict=True):
            sr = network(some.to(device), scale).clamp(0, 1)
            errors = (sr - truth.to(device)).square().mean(dim=(1, 2, 3))
            scores += [-10 * math.log10(max(e, 1e-10)) for e in errors.tolist()]
    return sum(scores) / len(scores)


PSNR = Validation(name="held_out_psnr_db", unit="dB", score=_psnr)
"""The PSNR on held-out patches."""
