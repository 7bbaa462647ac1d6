"""PAN: pixel attention inside self-calibrated blocks and in the upsampler (Zhao et al., ECCV Workshops 2020).

Keys are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import PixelAttention, conv


class AttendedConv(nn.Module):
    """A convolution gated by pixel attention on its input, then another convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.k2 = conv(channels, channels, 1)
        self.k3 = conv(channels, channels, bias=False)
        self.k4 = conv(channels, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        attended: Tensor = self.k4(self.k3(x) * torch.sigmoid(self.k2(x)))
        return attended


class SCPA(nn.Module):
    """Self-calibrated block with pixel attention: a plain half and an attended half, merged and added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1_a = conv(channels, half, 1, bias=False)
        self.conv1_b = conv(channels, half, 1, bias=False)
        self.k1 = nn.Sequential(conv(half, half, bias=False))
        self.PAConv = AttendedConv(half)
        self.conv3 = conv(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        plain = _leaky(self.k1(_leaky(self.conv1_a(x))))
        attended = _leaky(self.PAConv(_leaky(self.conv1_b(x))))
        joined: Tensor = self.conv3(torch.cat((plain, attended), dim=1))
        return x + joined


class PANEncoder(nn.Module):
    """PAN without its upsampler; maps lr to features.

    Args:
        channels: Channels of the features at LR size; the blocks work on halves.
        blocks: Number of SCPA blocks.
    """

    def __init__(self, *, channels: int = 40, blocks: int = 16) -> None:
        super().__init__()
        self.conv_first = conv(3, channels)
        self.SCPA_trunk = nn.Sequential(*(SCPA(channels) for _ in range(blocks)))
        self.trunk_conv = conv(channels, channels)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w)."""
        shallow = self.conv_first(lr)
        features: Tensor = shallow + self.trunk_conv(self.SCPA_trunk(shallow))
        return features


class PAN(PANEncoder):
    """The network; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2 or 3 (one enlarging stage), or 4 (two of x2).
        channels: See `PANEncoder`.
        up_channels: Channels of the features after the first enlarging convolution.
        sizes: Other arguments of `PANEncoder`.
    """

    def __init__(self, scale: int, *, channels: int = 40, up_channels: int = 24, **sizes: int) -> None:
        super().__init__(channels=channels, **sizes)
        self.scale = scale
        self.upconv1 = conv(channels, up_channels)
        self.att1 = PixelAttention(up_channels)
        self.HRconv1 = conv(up_channels, up_channels)
        if scale == 4:
            self.upconv2 = conv(up_channels, up_channels)
            self.att2 = PixelAttention(up_channels)
            self.HRconv2 = conv(up_channels, up_channels)
        self.conv_last = conv(up_channels, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        features = super().forward(lr)
        factor = 2.0 if self.scale == 4 else float(self.scale)
        features = self.upconv1(F.interpolate(features, scale_factor=factor, mode="nearest"))
        features = _leaky(self.HRconv1(_leaky(self.att1(features))))
        if self.scale == 4:
            features = self.upconv2(F.interpolate(features, scale_factor=factor, mode="nearest"))
            features = _leaky(self.HRconv2(_leaky(self.att2(features))))
        enlarged = F.interpolate(lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False)
        sr: Tensor = self.conv_last(features) + enlarged
        return sr


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)  # in place, as its input is not used elsewhere


_DF2K = frozenset({"div2k_train", "flickr2k"})
_LOG = "the authors' log of single images in their release, averaged"
_RESULTS = {
    2: {"set5": (38.0007, 0.9605), "set14": (33.5927, 0.9181), "b100": (32.1812, 0.8997)},
    3: {"set5": (34.4003, 0.9272), "set14": (30.3553, 0.8422), "b100": (29.1045, 0.8049)},
    4: {"set5": (32.1311, 0.8948), "set14": (28.6107, 0.7822), "b100": (27.5914, 0.7363)},
}


def _checkpoint(scale: int, sha256: str) -> srbench.Checkpoint:
    return srbench.Checkpoint(
        tag="df2k",
        scale=scale,
        file=f"pan/PANx{scale}_DF2K.pth",
        sha256=sha256,
        trained_on=_DF2K,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper."""
    return [
        srbench.ArchitectureSpec(
            name="pan",
            label="PAN",
            build=PAN,
            encoder=PANEncoder,
            scales=frozenset({2, 3, 4}),
            paper=srbench.Paper(
                title="Efficient Image Super-Resolution Using Pixel Attention",
                venue="ECCV Workshops",
                year=2020,
                url="https://arxiv.org/abs/2010.01073",
            ),
            taps=("SCPA_trunk.4", "SCPA_trunk.9", "SCPA_trunk.15"),
            recipe=srbench.Recipe(
                name="pan_paper",
                datasets=("div2k_train", "flickr2k"),
                patch=64,
                batch=32,
                steps=1_000_000,
                learning_rate=1e-3,
                schedule="cosine",
                final_learning_rate=1e-7,
                losses={"l1": 1.0},
                source="the paper's training details; its cosine restarts every 250,000 steps, here it runs once",
            ),
            checkpoints=(
                _checkpoint(2, "fcf8ed48656abbaae46309ee91745684b80235a9c8b37a2d8fb0715a3ad3f00f"),
                _checkpoint(4, "739fab99ee7b7058dab4d1b84aa2869bb9fc3995a1c08789c20355bee943833c"),
            ),
            reported=srbench.Reported.on_luma(_LOG, _RESULTS),
        )
    ]
