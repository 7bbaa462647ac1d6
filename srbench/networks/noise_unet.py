"""The U-Net of diffusion models: it sees an image, a noisy image and the noise level, with the state-dict keys of SR3.

It follows the public PyTorch implementation of SR3 (Saharia et al., TPAMI 2022): residual blocks with group norms, to
which an embedding of the noise level is added, and self-attention at the resolutions that a configuration names.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srbench.networks.blocks import conv, shrunk

SLOWEST = 1e-4
"""The lowest frequency of the embedding of noise levels; the highest is 1."""


class LevelEncoding(nn.Module):
    """Sines and cosines of a noise level at frequencies that fall from 1 to almost `SLOWEST`.

    Args:
        channels: Length of the encoding; even.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pairs = channels // 2

    def forward(self, level: Tensor) -> Tensor:
        """Map levels (N,) to (N, channels): first all sines, then all cosines."""
        exponents = torch.arange(self.pairs, dtype=level.dtype, device=level.device) / self.pairs
        angles = level[:, None] * torch.exp(math.log(SLOWEST) * exponents)
        return torch.cat((angles.sin(), angles.cos()), dim=1)


class NormedConv(nn.Module):
    """Group norm, Swish, dropout and a 3x3 convolution; keys ``block.0`` and ``block.3``.

    Args:
        channels_in: Channels that it reads.
        channels_out: Channels that it writes.
        groups: Of the norm.
        dropout: Probability.
    """

    def __init__(self, channels_in: int, channels_out: int, groups: int, dropout: float = 0.0) -> None:
        super().__init__()
        drop = nn.Dropout(dropout) if dropout else nn.Identity()
        self.block = nn.Sequential(nn.GroupNorm(groups, channels_in), nn.SiLU(), drop, conv(channels_in, channels_out))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels_in, h, w) to (N, channels_out, h, w)."""
        out: Tensor = self.block(x)
        return out


class LevelShift(nn.Module):
    """Adds what it makes of the embedded noise level to every channel; keys ``noise_func.0``."""

    def __init__(self, embedding: int, channels: int) -> None:
        super().__init__()
        self.noise_func = nn.Sequential(nn.Linear(embedding, channels))

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Map (N, channels, h, w), and the embedded level (N, embedding), to the same shape."""
        shift: Tensor = self.noise_func(embedded)
        return x + shift[:, :, None, None]


class LevelBlock(nn.Module):
    """A residual block that knows the noise level."""

    def __init__(self, channels_in: int, channels_out: int, embedding: int, groups: int, dropout: float) -> None:
        super().__init__()
        self.noise_func = LevelShift(embedding, channels_out)
        self.block1 = NormedConv(channels_in, channels_out, groups)
        self.block2 = NormedConv(channels_out, channels_out, groups, dropout)
        same = channels_in == channels_out
        self.res_conv = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Map (N, channels_in, h, w), and the embedded level, to (N, channels_out, h, w)."""
        out: Tensor = self.block2(self.noise_func(self.block1(x), embedded)) + self.res_conv(x)
        return out


class PixelAttention(nn.Module):
    """Self-attention of one head over all pixels, added to its input."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        query, key, value = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).contiguous().chunk(3, dim=2)
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(x.shape))
        return x + out


class Stage(nn.Module):
    """A residual block, with attention behind it where that is wanted; keys ``res_block`` and ``attn``."""

    def __init__(
        self, channels_in: int, channels_out: int, embedding: int, groups: int, dropout: float, *, attention: bool
    ) -> None:
        super().__init__()
        self.res_block = LevelBlock(channels_in, channels_out, embedding, groups, dropout)
        self.attn = PixelAttention(channels_out, groups) if attention else nn.Identity()

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Map (N, channels_in, h, w), and the embedded level, to (N, channels_out, h, w)."""
        out: Tensor = self.attn(self.res_block(x, embedded))
        return out


class Half(nn.Module):
    """Halves both sides by a strided convolution; key ``conv``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, h, w) to (N, channels, h/2, w/2)."""
        out: Tensor = self.conv(x)
        return out


class Double(nn.Module):
    """Doubles both sides by repeating pixels, and convolves; key ``conv``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, h, w) to (N, channels, 2h, 2w)."""
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return out


class Shortcut(nn.Module):
    """A linear path around a network, each of whose channels has a gain that depends on the noise level."""

    def __init__(self, channels_in: int, channels_out: int, embedding: int) -> None:
        super().__init__()
        self.gain = nn.Linear(embedding, channels_in)
        self.out = shrunk(nn.Conv2d(channels_in, channels_out, 1))

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Map (N, channels_in, h, w), and the embedded level, to (N, channels_out, h, w)."""
        out: Tensor = self.out(x * (1 + self.gain(embedded))[:, :, None, None])
        return out


class NoiseUNet(nn.Module):
    """Map a noisy image, what it is conditioned on, and the noise level to an image.

    Args:
        channels_in: Channels of the condition and the noisy image together.
        channels_out: Channels of the result.
        inner: Channels at the first level, and length of the embedding of the noise level.
        multipliers: Channels at each level, in units of ``inner``; each level below the first has half the sides.
        res_blocks: Residual blocks at each level; one more on the way up.
        groups: Of every norm.
        dropout: Probability, in the second convolution of each block.
        attention_at: Resolutions with attention, as sides in pixels of an image of ``image_size``.
        image_size: Side of the images that the configuration was made for; any other size works.
        fold: Side of the squares of pixels that become channels before the network, and pixels again behind it.
        shortcut: Whether a `Shortcut` leads from the first convolution to the result, which then starts near zero.
    """

    def __init__(
        self,
        channels_in: int = 6,
        channels_out: int = 3,
        *,
        inner: int,
        multipliers: Sequence[int],
        res_blocks: int,
        groups: int,
        dropout: float = 0.0,
        attention_at: Collection[int] = (),
        image_size: int = 128,
        fold: int = 1,
        shortcut: bool = False,
    ) -> None:
        super().__init__()
        self.fold = fold
        self.multiple = fold * 2 ** (len(multipliers) - 1)
        self.noise_level_mlp = nn.Sequential(
            LevelEncoding(inner), nn.Linear(inner, 4 * inner), nn.SiLU(), nn.Linear(4 * inner, inner)
        )
        resolution, channels = image_size // fold, inner

        def stage(before: int, after: int, attention: bool | None = None) -> Stage:
            wanted = resolution in attention_at if attention is None else attention
            return Stage(before, after, inner, groups, dropout, attention=wanted)

        self.downs = nn.ModuleList([conv(channels_in * fold**2, inner)])
        kept = [inner]
        for level, factor in enumerate(multipliers):
            if level:
                self.downs.append(Half(channels))
                kept.append(channels)
                resolution //= 2
            for _ in range(res_blocks):
                self.downs.append(stage(channels, inner * factor))
                channels = inner * factor
                kept.append(channels)
        self.mid = nn.ModuleList([stage(channels, channels, True), stage(channels, channels, False)])
        self.ups = nn.ModuleList()
        for level, factor in reversed(list(enumerate(multipliers))):
            for _ in range(res_blocks + 1):
                self.ups.append(stage(channels + kept.pop(), inner * factor))
                channels = inner * factor
            if level:
                self.ups.append(Double(channels))
                resolution *= 2
        self.final_conv = NormedConv(channels, channels_out * fold**2, groups)
        self.shortcut = Shortcut(inner, channels_out * fold**2, inner) if shortcut else None
        if shortcut:
            for parameter in self.final_conv.block[-1].parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """Compute what the network predicts.

        Args:
            x: (N, channels_in, H, W), the condition first. Where a side does not divide by ``fold * 2**(levels - 1)``,
                its last pixels are repeated as far as that needs.
            level: The noise level of each image, (N,) or (N, 1).

        Returns:
            (N, channels_out, H, W).
        """
        embedded = self.noise_level_mlp(level.flatten())
        height, width = x.shape[-2:]
        # torch.compile has no modulo of negative numbers where sides are of any size
        right, below = ((self.multiple - side % self.multiple) % self.multiple for side in (width, height))
        x = F.pad(x, (0, right, 0, below), mode="replicate")
        x = F.pixel_unshuffle(x, self.fold)
        kept: list[Tensor] = []
        for layer in self.downs:
            x = layer(x, embedded) if isinstance(layer, Stage) else layer(x)
            kept.append(x)
        first = kept[0]
        for layer in self.mid:
            x = layer(x, embedded)
        for layer in self.ups:
            x = layer(torch.cat((x, kept.pop()), dim=1), embedded) if isinstance(layer, Stage) else layer(x)
        x = self.final_conv(x)
        if self.shortcut is not None:
            x = x + self.shortcut(first, embedded)
        return F.pixel_shuffle(x, self.fold)[..., :height, :width]
