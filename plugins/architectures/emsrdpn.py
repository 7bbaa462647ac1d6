"""EMSRDPN: a residual and a dense path in parallel, shared by several scales (Yang and Wu, TOMM 2023).

Keys and their order are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import Upsampler, conv, thirds

SCALES = (2, 3, 4, 8)
"""Scales that share one set of weights, in the order of the release's modules."""


class DualPathUnit(nn.Module):
    """Computes features from both paths, which it adds to the residual path and appends to the dense path.

    As in the release, the newest dense features come before the older ones.

    Args:
        channels: Input channels of both paths.
        residual: Number of the first channels that are the residual path.
        growth: Channels that it appends to the dense path.
    """

    def __init__(self, channels: int, residual: int, growth: int) -> None:
        super().__init__()
        self.residual, self.growth = residual, growth
        width = residual + growth
        self.dpb_conv = nn.Sequential(  # the first ReLU is not in place, as the paths still need its input
            nn.ReLU(), conv(channels, width, 1), nn.ReLU(inplace=True), conv(width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, h, w) to (N, channels + growth, h, w)."""
        added = self.dpb_conv(x)
        residual, dense = torch.split(x, [self.residual, x.shape[1] - self.residual], dim=1)
        more, new = torch.split(added, [self.residual, self.growth], dim=1)
        paths = (residual + more, new, dense)
        return torch.cat([path for path in paths if path.shape[1]], dim=1)  # a path of an ablation can be empty


class DualPathBlock(nn.Module):
    """Dual path units, and a convolution back to the number of input channels, without a skip connection.

    Args:
        residual: Channels of the residual path.
        dense: Channels of the dense path before the first unit.
        growth: Channels that each unit appends to the dense path.
        units: Number of units.
    """

    def __init__(self, residual: int, dense: int, growth: int, units: int) -> None:
        super().__init__()
        widths = list(accumulate([growth] * units, initial=residual + dense))
        self.dpb_transition = nn.Sequential(conv(widths[-1], widths[0], 1))
        self.convs = nn.Sequential(*(DualPathUnit(width, residual, growth) for width in widths[:-1]))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, residual + dense, h, w) to the same shape."""
        features: Tensor = self.dpb_transition(self.convs(x))
        return features


class EMSRDPN(nn.Module):
    """The network; maps lr in [0, 255] to sr in the same range.

    Args:
        scales: Supported scales, in the order of the release's modules.
        residual: Channels of the residual path (Gr in the release).
        dense: Channels of the dense path at the start of each block (Gd).
        growth: Channels that each unit appends to the dense path (G).
        blocks: Number of dual path blocks (D).
        units: Units in each block (C).
    """

    def __init__(
        self,
        scales: tuple[int, ...] = SCALES,
        *,
        residual: int = 64,
        dense: int = 64,
        growth: int = 64,
        blocks: int = 16,
        units: int = 4,
    ) -> None:
        super().__init__()
        self.scales = scales
        channels = residual + dense
        self.SFENet1 = nn.Sequential(conv(3, channels))
        self.SFENet2 = nn.Sequential(conv(channels, channels))
        self.transition = nn.Sequential(conv(channels * blocks, channels, 1), conv(channels, channels))
        self.SRDPBs = nn.ModuleList(DualPathBlock(residual, dense, growth, units) for _ in range(blocks))
        self.upsample = nn.ModuleList(Upsampler(scale, channels) for scale in scales)
        self.tail = nn.ModuleList(conv(channels, 3) for _ in scales)

    def forward(self, lr: Tensor, scale: int | None = None) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w); default: the network's first scale."""
        branch = 0 if scale is None else self.scales.index(scale)
        sr: Tensor = self.tail[branch](self.upsample[branch](self.trunk(lr)))
        return sr

    def trunk(self, lr: Tensor) -> Tensor:
        """Compute the features that all scales share: (N, 3, h, w) to (N, C, h, w).

        The 1x1 convolution over the concatenated blocks is computed as a sum of convolutions, one after each block, so
        that no block has to stay in memory.
        """
        fusing, refining = self.transition
        shallow: Tensor = self.SFENet1(lr)
        features: Tensor = self.SFENet2(shallow)
        weights, bias = fusing.parameters()
        fused: Tensor = bias.view(-1, 1, 1)
        for block, weight in zip(self.SRDPBs, weights.chunk(len(self.SRDPBs), dim=1), strict=True):
            features = block(features)
            fused = fused + F.conv2d(features, weight)
        deep: Tensor = refining(fused) + shallow
        return deep


def single(scale: int, **sizes: int) -> EMSRDPN:
    """Build a network for a single scale; ``sizes`` are those of `EMSRDPN`."""
    return EMSRDPN((scale,), **sizes)


PAPER = srbench.Paper(
    title="Efficient Single Image Super-Resolution Using Dual Path Connections with Multiple Scale Learning",
    venue="ACM TOMM",
    year=2023,
    url="https://arxiv.org/abs/2112.15386",
)
RECIPE = srbench.Recipe(
    name="emsrdpn_paper",
    datasets=("div2k_train", "flickr2k"),
    patch=48,
    batch=16,
    steps=5_000_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=1_000_000,
    losses={"l1": 1.0},
    source="demo.sh and option.py of the release: 5,000 epochs of 1,000 steps, each batch at one scale drawn at "
    "random, LR patches of 48 at every scale",
)
ABLATION = RECIPE.model_copy(
    update={
        "name": "emsrdpn_ablation",
        "steps": 1_250_000,
        "halve_every": 250_000,
        "source": "demo.sh of the release: 1,250 epochs of 1,000 steps at one scale",
    }
)


def _spec(name: str, label: str, notes: str, **sizes: int) -> srbench.ArchitectureSpec:
    shared = not sizes
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=EMSRDPN if shared else partial(single, **sizes),
        scales=frozenset(SCALES),
        multi_scale=shared,
        paper=PAPER,
        license="MIT",
        input_range=255.0,
        taps=thirds("SRDPBs", 16),
        recipe=RECIPE if shared else ABLATION,
        notes=f"{notes} 16 blocks of 4 units, without skip connections around blocks. Takes 0 to 255, without mean "
        "shift. The authors' weights and score tables were not available.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper, and its ablations with only one of the two paths."""
    return [
        _spec(
            "emsrdpn_a",
            "EMSRDPN",
            "Configuration A: residual and dense paths of 64 channels, one trunk for x2, x3, x4 and x8.",
        ),
        _spec(
            "emsrdpn_b",
            "EMSRDPN-B",
            "Configuration B: only the residual path, 135 channels, one network a scale.",
            residual=135,
            dense=0,
            growth=0,
        ),
        _spec(
            "emsrdpn_c",
            "EMSRDPN-C",
            "Configuration C: only the dense path, growing by 122 channels, one network a scale.",
            residual=0,
            dense=122,
            growth=122,
        ),
    ]
