"""IMDN: blocks that split off a quarter of their channels in each step, and fuse them (Hui et al., ACM MM 2019).

Keys are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import ContrastAttention, conv


class IMDModule(nn.Module):
    """Information multi-distillation: keep a quarter and refine the rest three times, then fuse them (Figure 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kept = channels // 4
        rest = channels - self.kept
        self.c1 = conv(channels, channels)
        self.c2 = conv(rest, channels)
        self.c3 = conv(rest, channels)
        self.c4 = conv(rest, self.kept)
        self.c5 = conv(channels, channels, 1)
        self.cca = ContrastAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        pieces, rest = [], x
        for refine in (self.c1, self.c2, self.c3):
            refined = _leaky(refine(rest))
            pieces.append(refined[:, : self.kept])
            rest = refined[:, self.kept :]
        fused: Tensor = self.c5(self.cca(torch.cat([*pieces, self.c4(rest)], dim=1)))
        return x + fused


class IMDNEncoder(nn.Module):
    """IMDN without its upsampler; maps lr to features.

    Args:
        channels: Channels.
        modules: Number of IMD modules.
    """

    def __init__(self, *, channels: int = 64, modules: int = 6) -> None:
        super().__init__()
        self.fea_conv = conv(3, channels)
        self.names = [f"IMDB{number}" for number in range(1, modules + 1)]
        for name in self.names:
            self.add_module(name, IMDModule(channels))
        self.c = nn.Sequential(conv(channels * modules, channels, 1), nn.LeakyReLU(0.05, inplace=True))
        self.LR_conv = conv(channels, channels)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w)."""
        shallow = features = self.fea_conv(lr)
        stages = []
        for name in self.names:
            features = self.get_submodule(name)(features)
            stages.append(features)
        deep: Tensor = self.LR_conv(self.c(torch.cat(stages, dim=1))) + shallow
        return deep


class IMDN(IMDNEncoder):
    """The network; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: Up-sampling factor of the single sub-pixel shuffle.
        channels: See `IMDNEncoder`.
        modules: See there.
    """

    def __init__(self, scale: int, *, channels: int = 64, modules: int = 6) -> None:
        super().__init__(channels=channels, modules=modules)
        self.upsampler = nn.Sequential(conv(channels, 3 * scale**2), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.upsampler(super().forward(lr))
        return sr


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.05, inplace=True)  # in place, as its input is not used elsewhere


REPORTED = srbench.Reported.on_luma(
    "comparison table of the paper, which the released weights reproduce",
    {
        2: {"set5": (38.00, 0.9605)},
        4: {"set5": (32.21, 0.8948), "set14": (28.58, 0.7811), "b100": (27.56, 0.7353)},
    },
)


def _checkpoint(scale: int, sha256: str) -> srbench.Checkpoint:
    return srbench.Checkpoint(
        tag="div2k",
        scale=scale,
        file=f"imdn/IMDN_x{scale}.pth",
        sha256=sha256,
        url=f"https://github.com/Zheng222/IMDN/raw/master/checkpoints/IMDN_x{scale}.pth",
        license="MIT",
        trained_on=frozenset({"div2k_train"}),
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper."""
    return [
        srbench.ArchitectureSpec(
            name="imdn",
            label="IMDN",
            build=IMDN,
            encoder=IMDNEncoder,
            scales=frozenset({2, 3, 4}),
            paper=srbench.Paper(
                title="Lightweight Image Super-Resolution with Information Multi-distillation Network",
                venue="ACM Multimedia",
                year=2019,
                url="https://arxiv.org/abs/1909.11856",
            ),
            license="MIT",
            taps=("IMDB2", "IMDB4", "IMDB6"),
            recipe=srbench.Recipe(
                name="imdn_paper",
                datasets=("div2k_train",),
                patch=96,
                batch=16,
                steps=1_000_000,
                learning_rate=2e-4,
                schedule="halve",
                halve_every=200_000,
                losses={"l1": 1.0},
                source="the paper's implementation details: HR patches of 192, which is 96 at x2; 1e6 steps in all",
            ),
            checkpoints=(
                _checkpoint(2, "740b39653592bd3f49955a21cd9e16f2d37f2c413368cc09327601b8fbe42ce1"),
                _checkpoint(4, "e660c38221147217a136debeb99eb304d62d9c0f73ac421ed66281b619719714"),
            ),
            reported=REPORTED,
            notes="Six modules that keep 16 of 64 channels in each step; every LeakyReLU has the slope 0.05. Written "
            "from the paper and the checkpoints' keys.",
        )
    ]
