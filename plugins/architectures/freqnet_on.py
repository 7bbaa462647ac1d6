"""FreqNet on top of another network: ``freqnet_on:NAME``. A reconstruction, like `freqnet` itself.

The paper's abstract says that FreqNet's output, merged with that of a spatial network, improves it. Here the merged
luma has, coefficient by coefficient, a convex mix of the two; how much of each is learned. Chroma stays the other
network's. Trained plainly, both networks learn together from scratch; the distiller ``freqnet_on_trained`` takes the
other network as it was trained and teaches FreqNet and the mix alone.
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import torch
from srbench_plugins.architectures.freqnet import FULL_BAND, PAPER, FreqNet
from torch import Tensor, nn

import srbench
from srbench.imaging import rgb_to_y

BLOCK = 8
RGB_OF_LUMA = 255 / 219
"""What red, green and blue gain each where BT.601's luma gains 1 and chroma nothing."""


class Merge(nn.Module):
    """FreqNet for one scale, and how much of its coefficients a luma image takes over.

    Args:
        scale: Factor.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.freqnet = FreqNet(scale, block=BLOCK, band=FULL_BAND, n_feats=64, n_blocks=8)
        self.logit = nn.Parameter(torch.zeros(self.freqnet.dct.channels, 1, 1))  # of the share: half at first

    def forward(self, lr: Tensor, sr: Tensor) -> Tensor:
        """Luma of lr (N, 1, h, w) and of another network's sr (N, 1, H, W), in [0, 1], to what sr shall gain."""
        own = self.freqnet(lr)
        dct = self.freqnet.dct
        gain: Tensor = dct.inverse(torch.sigmoid(self.logit) * dct(own - sr))
        return gain


class FreqNetOn(nn.Module):
    """Another network and FreqNet, merged; keys ``network.*`` and ``merge.SCALE.*``.

    Args:
        spec: Of the other network; whatever range that works in, this one maps [0, 1] to [0, 1].
        scale: Nothing for a multi-scale one.
    """

    def __init__(self, spec: srbench.ArchitectureSpec, *scale: int) -> None:
        super().__init__()
        self.spec = spec
        self.scales = scale or tuple(sorted(spec.scales))
        self.network = spec.build(*scale)
        self.merge = nn.ModuleDict({str(factor): Merge(factor) for factor in self.scales})

    def forward(self, lr: Tensor, scale: int | None = None) -> Tensor:
        """(N, C, h, w) to (N, C, scale*h, scale*w), both in [0, 1]; C is 1 where the other network works on luma."""
        scale = scale or self.scales[0]
        sr = srbench.Network(self.spec, self.network)(lr, scale)
        luma = self.spec.channels == "y"
        gain: Tensor = self.merge[str(scale)](*(image if luma else rgb_to_y(image) for image in (lr, sr)))
        return sr + (gain if luma else RGB_OF_LUMA * gain)


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """The spec of ``freqnet_on:NAME``.

    Args:
        argument: Name of the network below.
        others: All architectures.
    """
    spec = others[argument]
    code = others.code_hash(argument)
    return dataclasses.replace(
        spec,
        name=f"freqnet_on:{argument}",
        label=f"FreqNet on {spec.title}",
        build=partial(FreqNetOn, spec),
        paper=PAPER,
        license="Apache-2.0",
        reconstruction=True,
        trainable=True,
        input_range=1.0,
        input_mean=(),
        input_std=(),
        size_multiple=math.lcm(spec.size_multiple, BLOCK),
        taps=tuple(f"network.{tap}" for tap in spec.taps),
        dead_parameters=tuple(f"network.{key}" for key in spec.dead_parameters),
        checkpoints=(),
        reported=(),
        extra_hash=f"{code}{spec.extra_hash}",
        notes=f"Our reading of FreqNet merged with {spec.title}: the merged luma's DCT coefficients, in blocks of 8x8, "
        "are a learned mix of both networks'. Trained plainly both learn together; the distiller freqnet_on_trained "
        "keeps the network below as its teacher has it.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """FreqNet on every other network."""
    return [
        srbench.Family(
            name="freqnet_on",
            make=make,
            example="freqnet_on:edsr_baseline",
            label="a network whose DCT coefficients are merged with FreqNet's",
        )
    ]
