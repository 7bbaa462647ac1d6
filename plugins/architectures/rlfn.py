"""RLFN: blocks of three convolutions and a spatial attention, without splitting (Kong et al., CVPR Workshops 2022).

Keys and the value range are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import SpatialAttention, conv


class RLFB(nn.Module):
    """Residual local feature block: ``esa(conv(x + refined))``, where three convolutions refine x."""

    def __init__(self, channels: int, attention_channels: int) -> None:
        super().__init__()
        self.c1_r = conv(channels, channels)
        self.c2_r = conv(channels, channels)
        self.c3_r = conv(channels, channels)
        self.c5 = conv(channels, channels, 1)
        self.esa = SpatialAttention(channels, attention_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        refined = _leaky(self.c3_r(_leaky(self.c2_r(_leaky(self.c1_r(x))))))
        attended: Tensor = self.esa(self.c5(x + refined))
        return attended


class RLFNEncoder(nn.Module):
    """RLFN without its upsampler; maps lr to features.

    Args:
        channels: Channels.
        attention_channels: Channels inside the spatial attention.
        blocks: Number of RLFBs.
    """

    def __init__(self, *, channels: int = 52, attention_channels: int = 16, blocks: int = 6) -> None:
        super().__init__()
        self.conv_1 = conv(3, channels)
        self.names = [f"block_{number}" for number in range(1, blocks + 1)]
        for name in self.names:
            self.add_module(name, RLFB(channels, attention_channels))
        self.conv_2 = conv(channels, channels)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w); sides of at least 15."""
        shallow = features = self.conv_1(lr)
        for name in self.names:
            features = self.get_submodule(name)(features)
        deep: Tensor = self.conv_2(features) + shallow
        return deep


class RLFN(RLFNEncoder):
    """The network; maps lr in [0, 255] to sr in the same range.

    Args:
        scale: Up-sampling factor of the single sub-pixel shuffle.
        channels: See `RLFNEncoder`.
        sizes: Its other arguments.
    """

    def __init__(self, scale: int, *, channels: int = 52, **sizes: int) -> None:
        super().__init__(channels=channels, **sizes)
        self.upsampler = nn.Sequential(conv(channels, 3 * scale**2), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w); sides of at least 15."""
        sr: Tensor = self.upsampler(super().forward(lr))
        return sr


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.05, inplace=True)  # in place, as its input is not used elsewhere


REPORTED = srbench.Reported.on_luma(
    "comparison table of the paper, which the released weights reproduce",
    {2: {"set5": (38.07, 0.9607)}, 4: {"set5": (32.24, 0.8952)}},
)


def _checkpoint(scale: int, sha256: str) -> srbench.Checkpoint:
    return srbench.Checkpoint(
        tag="div2k",
        scale=scale,
        file=f"rlfn/rlfn_x{scale}.pth",
        sha256=sha256,
        license="Apache-2.0",
        trained_on=frozenset({"div2k_train"}),
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper."""
    return [
        srbench.ArchitectureSpec(
            name="rlfn",
            label="RLFN",
            build=RLFN,
            encoder=RLFNEncoder,
            scales=frozenset({2, 3, 4}),
            paper=srbench.Paper(
                title="Residual Local Feature Network for Efficient Super-Resolution",
                venue="CVPR Workshops",
                year=2022,
                url="https://arxiv.org/abs/2205.07514",
            ),
            license="Apache-2.0",
            input_range=255.0,
            min_size=15,
            taps=("block_2", "block_4", "block_6"),
            recipe=srbench.Recipe(
                name="rlfn_paper",
                datasets=("div2k_train",),
                patch=128,
                batch=64,
                steps=1_000_000,
                learning_rate=5e-4,
                schedule="halve",
                halve_every=200_000,
                losses={"l1": 1.0},
                source="the paper's first stage at x2 (HR patches of 256, 1,000 epochs); its warm starts and the "
                "contrastive loss of the challenge entry are left out",
            ),
            checkpoints=(
                _checkpoint(2, "eafe5d5feeb122022453595c06d79160facdc157ae88deb02a44c50f5eba2d41"),
                _checkpoint(4, "8c7edb57dfc89048bafba29d591d4c27d4099964b4a9e22df23d6dc257a637c0"),
            ),
            reported=REPORTED,
            notes="Six blocks of 52 channels. The attention pools 7x7 after a stride of 2, so sides are at least 15. "
            "Takes 0 to 255, as the checkpoints expect. Written from the paper and the checkpoints' keys; x3 is our "
            "addition.",
        )
    ]
