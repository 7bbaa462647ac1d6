"""RDN: residual dense blocks, all of which are fused at the end (Zhang et al., CVPR 2018).

Keys and their order are those of the PyTorch port in the EDSR and LIIF releases.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import conv, thirds


class DenseLayer(nn.Module):
    """A convolution and a ReLU, appended to what it has read; key ``conv.0``.

    Args:
        channels: Channels it reads.
        growth: Channels it adds.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv(channels, growth), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, C + growth, h, w)."""
        return torch.cat((x, self.conv(x)), dim=1)


class ResidualDenseBlock(nn.Module):
    """RDB: densely connected layers, a 1x1 convolution that fuses them, and a skip (equations 4 to 7).

    Args:
        channels: Channels it reads and writes (G0 in the paper).
        growth: Channels that each layer adds (G).
        layers: Dense layers (C).
    """

    def __init__(self, channels: int, growth: int, layers: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(*(DenseLayer(channels + n * growth, growth) for n in range(layers)))
        self.LFF = conv(channels + layers * growth, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        fused: Tensor = self.LFF(self.convs(x))
        return fused + x


class RDNEncoder(nn.Module):
    """RDN without its upsampler; maps lr to features.

    Args:
        blocks: Residual dense blocks (D in the paper).
        layers: Dense layers of a block (C).
        growth: Channels that each layer adds (G).
        channels: Channels between blocks (G0).
    """

    def __init__(self, *, blocks: int = 16, layers: int = 8, growth: int = 64, channels: int = 64) -> None:
        super().__init__()
        self.SFENet1 = conv(3, channels)
        self.SFENet2 = conv(channels, channels)
        self.RDBs = nn.ModuleList(ResidualDenseBlock(channels, growth, layers) for _ in range(blocks))
        self.GFF = nn.Sequential(conv(blocks * channels, channels, 1), conv(channels, channels))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w)."""
        shallow = self.SFENet1(lr)
        features, fused = self.SFENet2(shallow), []
        for block in self.RDBs:
            features = block(features)
            fused.append(features)
        deep: Tensor = self.GFF(torch.cat(fused, dim=1)) + shallow
        return deep


class RDN(RDNEncoder):
    """The network; maps lr to sr in the same range.

    Args:
        scale: 2, 3, 4 or 8.
        channels: See `RDNEncoder`.
        growth: See there; also the channels of the upsampler.
        sizes: Its other arguments.
    """

    def __init__(self, scale: int, *, channels: int = 64, growth: int = 64, **sizes: Any) -> None:  # noqa: ANN401
        super().__init__(channels=channels, growth=growth, **sizes)
        layers: list[nn.Module] = []
        for factor in {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}[scale]:
            layers += [conv(growth if layers else channels, growth * factor**2), nn.PixelShuffle(factor)]
        self.UPNet = nn.Sequential(*layers, conv(growth, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.UPNet(super().forward(lr))
        return sr


PAPER = srbench.Paper(
    title="Residual Dense Network for Image Super-Resolution",
    venue="CVPR",
    year=2018,
    url="https://arxiv.org/abs/1802.08797",
)
RECIPE = srbench.Recipe(
    name="rdn_paper",
    datasets=("div2k_train",),
    patch=32,
    batch=16,
    steps=200_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    source="Section 5.1 of the paper: 1,000 steps an epoch, the rate halved every 200 epochs; 200 epochs are ours, as "
    "the paper does not say how many",
)


def _spec(name: str, label: str, sizes: dict[str, int], **facts: Any) -> srbench.ArchitectureSpec:  # noqa: ANN401
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(RDN, **sizes),
        encoder=partial(RDNEncoder, **sizes),
        paper=PAPER,
        license="MIT",
        taps=thirds("RDBs", sizes["blocks"]),
        **facts,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide both configurations of the release, and a small network of the same family."""
    large = {"blocks": 16, "layers": 8, "growth": 64, "channels": 64}
    many = {"blocks": 20, "layers": 6, "growth": 32, "channels": 64}
    paper = frozenset({2, 3, 4})
    small = {"blocks": 3, "layers": 3, "growth": 8, "channels": 16}
    return [
        _spec("rdn", "RDN", large, scales=paper, recipe=RECIPE, notes="Configuration B of the release."),
        _spec("rdn_a", "RDN-A", many, scales=paper, recipe=RECIPE, notes="Configuration A of the release."),
        _spec(
            "rdn_small",
            "RDN-small",
            small,
            scales=paper | {8},
            notes="Not from the paper: a network that a CPU trains in a minute.",
        ),
    ]
