"""Attention to channels and places as in CBAM, with maps that can be recorded before the sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelLogits(nn.Module):
    """How much each channel matters, before the sigmoid: one small network sees its mean and its maximum."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, 1, 1)."""
        logits: Tensor = self.fc(features.mean((2, 3), keepdim=True)) + self.fc(features.amax((2, 3), keepdim=True))
        return logits


class SpatialLogits(nn.Module):
    """How much each place matters, before the sigmoid: a convolution sees the mean and the maximum over channels."""

    def __init__(self, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, 1, h, w)."""
        seen = torch.cat((features.mean(1, keepdim=True), features.amax(1, keepdim=True)), dim=1)
        logits: Tensor = self.conv(seen)
        return logits


class CBAM(nn.Module):
    """Scale features by attention to channels, and then by attention to places (Woo et al., ECCV 2018).

    The spatial convolution has 3x3 pixels without bias, as A-SKD's has; the paper's has 7x7.

    Args:
        channels: Of the features.
        hidden: Units between the two layers of the channel attention.

    Attributes:
        channel: Its output is the map (N, C, 1, 1) before the sigmoid, which A-SKD compares.
        spatial: The same, (N, 1, h, w).
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.channel, self.spatial = ChannelLogits(channels, hidden), SpatialLogits()

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        features = features * self.channel(features).sigmoid()
        attended: Tensor = features * self.spatial(features).sigmoid()
        return attended
