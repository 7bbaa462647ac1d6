"""How well a network does on what is held out of its training: for progress displays, and to choose weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srbench.networks.network import Network
from srbench.scales import Scale
from srbench.training.seeds import stream

PATCHES_DRAWN = 4
"""Rows of a sheet."""
HeldOut = Mapping[Scale, tuple[Tensor, Tensor]]
"""By scale, what the network sees and what it should give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A score on what is held out, larger where better."""

    name: str
    """The name of its curve, with its unit: "held_out_psnr_db"."""
    unit: str
    """For people: "dB"."""
    score: Callable[[Network, HeldOut, torch.device, int], float]
    """``score(network, held_out, device, batch)`` takes ``batch`` examples at a time."""

    sheet: Callable[[Network, HeldOut, torch.device], NDArray[np.uint8]] | None = None
    """Draws what the network makes of some examples, (height, width, 3); None where there is nothing to see."""
    caption: str = ""
    """What a sheet shows."""
    decimals: int = 2
    """For people."""

    @torch.no_grad()
    def draw(self, network: Network, held_out: HeldOut, device: torch.device) -> NDArray[np.uint8] | None:
        """Return the sheet of a network in eval mode; its mode is restored. None where there is nothing to see."""
        if self.sheet is None or not held_out:
            return None
        with _in_eval_mode(network):
            return self.sheet(network, held_out, device)

    @torch.no_grad()
    def measure(self, network: Network, held_out: HeldOut, device: torch.device, batch: int) -> float:
        """Score a network in eval mode; its mode is restored."""
        with _in_eval_mode(network):
            return self.score(network, held_out, device, batch)

    def text(self, value: float | None) -> str:
        """Return a score for people: "31.26 dB"; empty before it is measured."""
        return "" if value is None else f"{value:.{self.decimals}f} {self.unit}"


@contextmanager
def _in_eval_mode(network: Network) -> Iterator[None]:
    training = [m for m in network.module.modules() if m.training]
    network.module.eval()
    yield
    for module in training:
        module.training = True


def _psnr(network: Network, patches: HeldOut, device: torch.device, batch: int) -> float:
    """Compute the mean PSNR in dB over patches and scales, on the network's own channels."""
    scores: list[float] = []
    for scale, (lr, hr) in patches.items():
        for some, truth in zip(torch.split(lr, batch), torch.split(hr, batch), strict=True):
            sr = network(some.to(device), scale).clamp(0, 1)
            errors = (sr - truth.to(device)).square().mean(dim=(1, 2, 3))
            scores += [-10 * math.log10(max(e, 1e-10)) for e in errors.tolist()]
    return sum(scores) / len(scores)


def _crops(network: Network, patches: HeldOut, device: torch.device) -> NDArray[np.uint8]:
    """Draw a row for each of some patches of the largest scale: lr in large pixels, sr and hr."""
    scale = max(patches)
    lr, hr = (part[:PATCHES_DRAWN].to(device) for part in patches[scale])
    sr = network(lr, scale)
    large = torch.nn.functional.interpolate(lr, size=hr.shape[-2:], mode="nearest")
    rows = torch.cat((large, sr, hr), dim=3).clamp(0, 1)  # side by side
    sheet = rows.transpose(1, 2).reshape(-1, *rows.shape[1:2], rows.shape[3])  # (N * H, C, W)
    pixels = sheet.permute(0, 2, 1).expand(-1, -1, 3).mul(255).round().to(torch.uint8)
    return pixels.cpu().numpy()


def _minus_objective(network: Network, patches: HeldOut, device: torch.device, batch: int) -> float:
    """Compute minus the mean objective over patches and scales; its random numbers are the same every time."""
    total, count = 0.0, 0
    for lr, hr in patches.values():
        generator = stream("held out")
        for some, truth in zip(torch.split(lr, batch), torch.split(hr, batch), strict=True):
            total += network.objective(some.to(device), truth.to(device), generator).item() * len(some)
            count += len(some)
    return -total / count


PSNR = Validation(name="held_out_psnr_db", unit="dB", score=_psnr, sheet=_crops, caption="lr in large pixels, sr, hr")
"""The PSNR on held-out patches."""
OBJECTIVE = Validation(
    name="held_out_minus_objective", unit="(minus the objective)", score=_minus_objective, sheet=_crops,
    caption="lr in large pixels, one draw of sr, hr", decimals=4,
)  # fmt: skip
"""Minus the objective on held-out patches, for networks whose sr is drawn: to draw them would take longer than to train
between two validations."""
