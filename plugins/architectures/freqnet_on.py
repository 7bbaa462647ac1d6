"""FreqNet on top of another network: ``freqnet_on:NAME``. A reconstruction, like `freqnet` itself.

The paper's abstract says that merging FreqNet's output with that of a spatial network improves the latter. Here every
DCT coefficient of the merged luma is a convex combination of the two, with learned weights. Chroma comes from the other
network. Plain training trains both networks together from scratch; the distiller ``freqnet_on_trained`` keeps a trained
network, and trains only FreqNet and the weights of the combination.
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
RGB_PER_LUMA = 255 / 219
"""Change of red, green and blue that changes BT.601's luma by 1 and keeps chroma."""


class Merge(nn.Module):
    """FreqNet for one scale, and the share of its coefficients in the merged luma.

    Args:
        scale: Up-sampling factor.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.freqnet = FreqNet(scale, block=BLOCK, band=FULL_BAND, n_feats=64, n_blocks=8)
        self.logit = nn.Parameter(torch.zeros(self.freqnet.dct.channels, 1, 1))  # of the share, which starts at a half

    def forward(self, lr: Tensor, sr: Tensor) -> Tensor:
        """Map luma of lr (N, 1, h, w) and of the other network's sr (N, 1, H, W), in [0, 1], to the change of sr."""
        own = self.freqnet(lr)
        dct = self.freqnet.dct
        gain: Tensor = dct.inverse(torch.sigmoid(self.logit) * dct(own - sr))
        return gain


class FreqNetOn(nn.Module):
    """Another network merged with FreqNet; keys ``network.*`` and ``merge.SCALE.*``.

    Args:
        spec: The spec of the other network, which may have any input range; this one maps [0, 1] to [0, 1].
        scale: Up-sampling factor; none for a multi-scale network.
    """

    def __init__(self, spec: srbench.ArchitectureSpec, *scale: int) -> None:
        super().__init__()
        self.spec = spec
        self.scales = scale or tuple(map(srbench.whole_scale, sorted(spec.scales)))
        self.network = spec.build(*scale)
        self.merge = nn.ModuleDict({str(factor): Merge(factor) for factor in self.scales})

    def forward(self, lr: Tensor, scale: int | None = None) -> Tensor:
        """Map (N, C, h, w) to (N, C, scale*h, scale*w), both in [0, 1]; C is 1 if the other network works on luma."""
        scale = scale or self.scales[0]
        sr = srbench.Network(self.spec, self.network)(lr, scale)
        luma = self.spec.channels == "y"
        gain: Tensor = self.merge[str(scale)](*(image if luma else rgb_to_y(image) for image in (lr, sr)))
        return sr + (gain if luma else RGB_PER_LUMA * gain)


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """Make the spec of ``freqnet_on:NAME``.

    Args:
        argument: Name of the other network.
        others: All architectures.

    Raises:
        SrbenchError: The other network is for any scale, and blocks of 8x8 have whole scales only.
    """
    spec = others[argument]
    if spec.any_scale:
        raise srbench.SrbenchError(
            f"FreqNet merges networks at whole scales, and {argument} is for any; choose another."
        )
    code = others.code_hash(argument)
    return dataclasses.replace(
        spec,
        name=f"freqnet_on:{argument}",
        label=f"FreqNet on {spec.title}",
        build=partial(FreqNetOn, spec),
        encoder=None,
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
        notes=f"Our reading of FreqNet merged with {spec.title}: the DCT coefficients of the merged luma, in blocks of "
        "8x8, are a learned combination of both networks'. Plain training trains both together; the distiller "
        "freqnet_on_trained keeps the other network as its teacher is.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide the family of FreqNet on another network."""
    return [
        srbench.Family(
            name="freqnet_on",
            make=make,
            example="freqnet_on:edsr_baseline",
            label="a network whose DCT coefficients are merged with FreqNet's",
        )
    ]
