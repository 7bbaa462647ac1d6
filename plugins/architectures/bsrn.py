"""BSRN: RFDN's blocks with blueprint separable convolutions and two attentions (Li et al., CVPR Workshops 2022).

Keys are those of the authors' release, so that its checkpoint loads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import ContrastAttention, SpatialAttention, conv
from srbench.networks.folding import mix_inputs

COPIES = 4
"""How many times the release reads lr."""


class BSConv(nn.Module):
    """Blueprint separable convolution: mix the channels of each pixel, then filter each channel (Section 3.2)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1, padding: int = 1) -> None:
        super().__init__()
        self.pw = conv(channels_in, channels_out, 1, bias=False)
        self.dw = nn.Conv2d(channels_out, channels_out, 3, stride=stride, padding=padding, groups=channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, D, h, w), or smaller with a stride."""
        filtered: Tensor = self.dw(self.pw(x))
        return filtered


class BlueprintAttention(SpatialAttention):
    """Spatial attention with blueprint separable convolutions, two more of them at the lowest resolution."""

    def __init__(self, channels: int) -> None:
        nn.Module.__init__(self)
        inner = channels // 4
        self.conv1 = conv(channels, inner, 1)
        self.conv_f = conv(inner, inner, 1)
        self.conv_max = BSConv(inner, inner)
        self.conv2 = BSConv(inner, inner, stride=2, padding=0)
        self.conv3 = BSConv(inner, inner)
        self.conv3_ = BSConv(inner, inner)
        self.conv4 = conv(inner, channels, 1)

    def coarse(self, pooled: Tensor) -> Tensor:
        """Apply the convolutions at the lowest resolution: (N, c, h', w') to the same shape."""
        refined: Tensor = self.conv3_(F.gelu(self.conv3(F.gelu(self.conv_max(pooled)))))
        return refined


class ESDB(nn.Module):
    """Efficient separable distillation block: distil half and refine three times, then fuse and attend (Figure 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.c1_d = conv(channels, half, 1)
        self.c1_r = BSConv(channels, channels)
        self.c2_d = conv(channels, half, 1)
        self.c2_r = BSConv(channels, channels)
        self.c3_d = conv(channels, half, 1)
        self.c3_r = BSConv(channels, channels)
        self.c4 = BSConv(channels, half)
        self.c5 = conv(4 * half, channels, 1)
        self.esa = BlueprintAttention(channels)
        self.cca = ContrastAttention(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        distilled, rest = [], x
        for distil, refine in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            distilled.append(F.gelu(distil(rest)))
            rest = F.gelu(refine(rest) + rest)
        fused = self.c5(torch.cat([*distilled, F.gelu(self.c4(rest))], dim=1))
        attended: Tensor = self.cca(self.esa(fused))
        return x + attended


class BSRNEncoder(nn.Module):
    """BSRN without its upsampler; maps lr to features.

    Args:
        channels: Channels.
        blocks: Number of ESDBs.
    """

    def __init__(self, *, channels: int = 64, blocks: int = 8) -> None:
        super().__init__()
        self.fea_conv = BSConv(3 * COPIES, channels)
        self.names = [f"B{number}" for number in range(1, blocks + 1)]
        for name in self.names:
            self.add_module(name, ESDB(channels))
        self.c1 = conv(channels * blocks, channels, 1)
        self.c2 = BSConv(channels, channels)
        self.copies = COPIES

    def switch_to_deploy(self) -> None:
        """Sum the weights of the copies of lr."""
        if self.copies > 1:
            mix_inputs(self.fea_conv.pw, torch.eye(3).repeat(self.copies, 1).to(self.fea_conv.pw.weight))
            self.copies = 1

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w); sides of at least 15."""
        shallow = features = self.fea_conv(lr.repeat(1, self.copies, 1, 1))
        stages = []
        for name in self.names:
            features = self.get_submodule(name)(features)
            stages.append(features)
        deep: Tensor = self.c2(F.gelu(self.c1(torch.cat(stages, dim=1)))) + shallow
        return deep


class BSRN(BSRNEncoder):
    """The network; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: Up-sampling factor of the single sub-pixel shuffle.
        channels: See `BSRNEncoder`.
        blocks: See there.
    """

    def __init__(self, scale: int, *, channels: int = 64, blocks: int = 8) -> None:
        super().__init__(channels=channels, blocks=blocks)
        self.upsampler = nn.Sequential()
        self.upsampler.add_module(
            "upsampleOneStep", nn.Sequential(conv(channels, 3 * scale**2), nn.PixelShuffle(scale))
        )

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w); sides of at least 15."""
        sr: Tensor = self.upsampler(super().forward(lr))
        return sr


REPORTED = srbench.Reported.on_luma(
    "comparison table of the paper, which the released weights reproduce", {4: {"set5": (32.35, 0.8966)}}
)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper."""
    return [
        srbench.ArchitectureSpec(
            name="bsrn",
            label="BSRN",
            build=BSRN,
            encoder=BSRNEncoder,
            scales=frozenset({2, 3, 4}),
            paper=srbench.Paper(
                title="Blueprint Separable Residual Network for Efficient Image Super-Resolution",
                venue="CVPR Workshops",
                year=2022,
                url="https://arxiv.org/abs/2205.05996",
            ),
            min_size=15,
            taps=("B3", "B5", "B8"),
            recipe=srbench.Recipe(
                name="bsrn_paper",
                datasets=("div2k_train", "flickr2k"),
                patch=48,
                batch=64,
                steps=1_000_000,
                learning_rate=1e-3,
                betas=(0.9, 0.999),
                schedule="cosine",
                final_learning_rate=1e-7,
                losses={"l1": 1.0},
                ema=0.999,
                source="the paper's training details; the images of DIV2K and Flickr2K (the paper takes 2,650 of the "
                "latter's)",
            ),
            checkpoints=(
                srbench.Checkpoint(
                    tag="df2k",
                    scale=4,
                    file="bsrn/net_g_BSRN_x4.pth",
                    sha256="47518e0f549f5696da0c84ca2d65bf50d789c7ac20e621909f5fd6c8c8d70bcb",
                    trained_on=frozenset({"div2k_train", "flickr2k"}),
                ),
            ),
            reported=REPORTED,
            notes="Eight blocks of 64 channels. Written from the paper and the keys of the checkpoint, which has the "
            "moving average of the weights.",
        )
    ]
