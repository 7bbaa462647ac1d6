"""MSRResNet: SRGAN's generator without batch normalisation, as ESRGAN's authors train it (Wang et al., ECCVW 2018).

The original one is SRResNet (Ledig et al., CVPR 2017). Keys and initial weights are those of BasicSR.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import conv, shrunk, thirds

NEGATIVE_SLOPE = 0.1
BLOCKS = 16


class Block(nn.Module):
    """``x + conv2(relu(conv1(x)))``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = shrunk(conv(channels, channels))
        self.conv2 = shrunk(conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        residual: Tensor = self.conv2(F.relu(self.conv1(x), inplace=True))
        return x + residual


class MSRResNet(nn.Module):
    """The network; maps lr in [0, 1] to sr in the same range, as what it adds to the bilinear image.

    Args:
        scale: 2, 3 or 4.
        channels: Channels.
        blocks: Number of residual blocks.
    """

    def __init__(self, scale: int, *, channels: int = 64, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.scale, self.factor = scale, 3 if scale == 3 else 2
        self.conv_first = shrunk(conv(3, channels))
        self.body = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        wide = channels * self.factor**2
        self.upconv1 = shrunk(conv(channels, wide))
        if scale == 4:
            self.upconv2 = shrunk(conv(channels, wide))
        self.conv_hr = shrunk(conv(channels, channels))
        self.conv_last = shrunk(conv(channels, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        features = self.body(_leaky(self.conv_first(lr)))
        for wider in (self.upconv1, self.upconv2) if self.scale == 4 else (self.upconv1,):
            features = _leaky(F.pixel_shuffle(wider(features), self.factor))
        residual: Tensor = self.conv_last(_leaky(self.conv_hr(features)))
        return residual + F.interpolate(lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False)


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, NEGATIVE_SLOPE, inplace=True)  # in place, as its input is not used elsewhere


PAPER = srbench.Paper(
    title="Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
    venue="CVPR",
    year=2017,
    url="https://arxiv.org/abs/1609.04802",
)


def _spec(name: str, label: str, channels: int, blocks: int, notes: str) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(MSRResNet, channels=channels, blocks=blocks),
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        license="Apache-2.0",
        taps=thirds("body", blocks),
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide BasicSR's network, and a small one of the same family."""
    return [
        _spec(
            "msrresnet",
            "MSRResNet",
            64,
            BLOCKS,
            "SRResNet as BasicSR has it: without batch normalisation, and added to the bilinear image. The distiller "
            "srgan trains it as a GAN.",
        ),
        _spec(
            "msrresnet_small", "MSRResNet-small", 16, 4, "Not from the paper: a network that a CPU trains in a minute."
        ),
    ]
