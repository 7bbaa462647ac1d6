"""Networks of blocks of EDSR or IMDN at any size and in any arrangement: ``stack:block=edsr,n_blocks=4,n_feats=16``.

The arrangements are those in which small published networks differ: which features reach the tail, how the tail
enlarges them, and whether sr is predicted or what an enlarged lr lacks. EDSR and IMDN are two of these networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from srbench_plugins.architectures.imdn import IMDModule
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import ChannelAttention, ContrastAttention, PixelAttention, ResidualBlock, Upsampler, conv

LEAST_FEATS_OF_IMDN = 16
"""Its attention squeezes 16 channels into one."""


@dataclass(frozen=True)
class Stack:
    """The parameters of a network."""

    block: Literal["edsr", "imdn"] = "edsr"
    """Residual blocks of EDSR, or IMDN's modules that split off a quarter of their channels in each step."""
    n_blocks: Annotated[int, Field(ge=1, le=128)] = 4
    n_feats: Annotated[int, Field(ge=4, le=512)] = 16
    """Channels."""
    attention: Literal["none", "channel", "contrast", "pixel"] = "none"
    """The gate at the end of a residual block; IMDN's modules have their own."""
    fuse: Literal["last", "all"] = "last"
    """What follows the blocks: the output of the last, or the outputs of all in a 1x1 convolution, as in IMDN."""
    tail: Literal["wide", "direct"] = "wide"
    """Enlarge all channels and convolve them at HR size, as in EDSR, or shuffle one convolution, as in IMDN."""
    base: Literal["none", "nearest", "bicubic"] = "none"
    """The enlarged lr that is added to the output."""

    def __post_init__(self) -> None:
        if self.block == "imdn" and (self.n_feats % 4 or self.n_feats < LEAST_FEATS_OF_IMDN):
            raise ValueError(
                f"blocks of imdn split {self.n_feats} channels into quarters; give a multiple of 4 from "
                f"{LEAST_FEATS_OF_IMDN}"
            )
        if self.block == "imdn" and self.attention != "none":
            raise ValueError("blocks of imdn have their own attention; leave attention at none")

    def make_block(self) -> nn.Module:
        """Make one block; it maps (N, n_feats, h, w) to the same shape."""
        if self.block == "imdn":
            return IMDModule(self.n_feats)
        return ResidualBlock(self.n_feats, attention=self._gate())

    def _gate(self) -> nn.Module | None:
        squeezed = min(self.n_feats, 16)
        match self.attention:
            case "channel":
                return ChannelAttention(self.n_feats, squeezed)
            case "contrast":
                return ContrastAttention(self.n_feats, squeezed)
            case "pixel":
                return PixelAttention(self.n_feats)
        return None


class StackOfBlocks(nn.Module):
    """The network; maps lr to sr in the same range of values.

    Args:
        scale: 2, 3 or 4.
        stack: Its parameters.
    """

    def __init__(self, scale: int, *, stack: Stack) -> None:
        super().__init__()
        self.scale, self.stack = scale, stack
        feats = stack.n_feats
        self.head = conv(3, feats)
        self.blocks = nn.ModuleList(stack.make_block() for _ in range(stack.n_blocks))
        self.fuse = (
            nn.Sequential(conv(feats * stack.n_blocks, feats, 1), nn.LeakyReLU(0.05)) if stack.fuse == "all" else None
        )
        self.last = conv(feats, feats)
        self.tail = (
            nn.Sequential(Upsampler(scale, feats), conv(feats, 3))
            if stack.tail == "wide"
            else nn.Sequential(conv(feats, 3 * scale**2), nn.PixelShuffle(scale))
        )

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        shallow = features = self.head(lr)
        outputs = []
        for block in self.blocks:
            features = block(features)
            outputs.append(features)
        if self.fuse is not None:
            features = self.fuse(torch.cat(outputs, dim=1))
        sr: Tensor = self.tail(self.last(features) + shallow)
        if self.stack.base == "nearest":
            sr = sr + F.interpolate(lr, scale_factor=self.scale, mode="nearest")
        elif self.stack.base == "bicubic":
            sr = sr + F.interpolate(lr, scale_factor=self.scale, mode="bicubic", align_corners=False)
        return sr


def make(stack: Stack, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:  # noqa: ARG001
    """Make the spec of a network.

    Args:
        stack: Its parameters.
        others: Not used.
    """
    details = [
        "" if stack.attention == "none" else f"{stack.attention} attention",
        "fused" if stack.fuse == "all" else "",
        f"{stack.tail} tail",
        "" if stack.base == "none" else f"on {stack.base}",
    ]
    return srbench.ArchitectureSpec(
        name="stack",
        label=f"{stack.n_blocks}×{stack.n_feats} {stack.block}, {', '.join(filter(None, details))}",
        build=partial(StackOfBlocks, stack=stack),
        scales=frozenset({2, 3, 4}),
        license="Apache-2.0",
        taps=tuple(f"blocks.{stack.n_blocks * part // 3}" for part in (0, 1, 2)) if stack.n_blocks > 2 else ("head",),
        notes="Blocks of EDSR or IMDN in one of the arrangements of small networks; a space to search in.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide the family of stacks."""
    return [
        srbench.Family(
            name="stack",
            make=make,
            takes=Stack,
            example="stack:block=edsr,n_blocks=4,n_feats=16",
            label="blocks of EDSR or IMDN at any size",
        )
    ]
