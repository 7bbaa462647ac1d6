"""The PSNR that the progress bar shows."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from srbench.naming import Scale
from srbench.networks.network import Network


@torch.no_grad()
def held_out_psnr(
    network: Network, patches: Mapping[Scale, tuple[Tensor, Tensor]], device: torch.device, batch: int
) -> float:
    """Mean PSNR in dB over patches and scales, on the network's own channels; for watching, not for reporting.

    Args:
        network: Left in the mode it was in.
        patches: lr (N, C, p, p) and hr by scale.
        device: Where the network is.
        batch: Patches at a time.
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
