"""A²N: blocks that weigh an attention branch against a plain one for each image (Chen et al., arXiv 2104.09497).

Keys, their order and the value range are those of the authors' release (class AAN), so that its checkpoints load.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import PixelAttention, conv
from srbench.networks.folding import side_by_side

BRANCH_TEMPERATURE = 30.0
"""Temperature of the softmax over the two branches; a high one keeps both weights near a half."""


class AttentionBranch(nn.Module):
    """``k4(k3(x) * sigmoid(k2(lrelu(k1(x)))))``, the attention branch (Figure 3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.k1 = conv(channels, channels, bias=False)
        self.k2 = conv(channels, channels, 1)
        self.k3 = conv(channels, channels, bias=False)
        self.k4 = conv(channels, channels, bias=False)
        self.joined: nn.Conv2d | None = None

    def switch_to_deploy(self) -> None:
        """Join the two convolutions that read the input; results stay the same to the bit."""
        self.joined = side_by_side(self.k1, self.k3)
        del self.k1, self.k3

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        first, third = (self.k1(x), self.k3(x)) if self.joined is None else self.joined(x).chunk(2, dim=1)
        attended: Tensor = self.k4(third * torch.sigmoid(self.k2(_leaky(first))))
        return attended


class AttentionInAttention(nn.Module):
    """A²B: ``x + conv(lrelu(w0 attention + w1 plain))``, where w0 + w1 = 1 (Section 3.3).

    The two weights depend on the mean features of the image.

    Args:
        channels: Channels.
        plain_kernel: Side of the plain branch's kernel: 3, or 1 in A²N-M.
        reduction: Factor by which the module that computes the weights reduces the channels.
    """

    def __init__(self, channels: int, plain_kernel: int, reduction: int = 4) -> None:
        super().__init__()
        self.conv_first = conv(channels, channels, 1, bias=False)
        self.conv_last = conv(channels, channels, 1, bias=False)
        squeezed = channels // reduction
        self.ADM = nn.Sequential(  # the "attention dropout module"
            nn.Linear(channels, squeezed, bias=False), nn.ReLU(inplace=True), nn.Linear(squeezed, 2, bias=False)
        )
        self.attention = AttentionBranch(channels)
        self.non_attention = conv(channels, channels, plain_kernel, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        features = _leaky(self.conv_first(x))
        shares = torch.softmax(self.ADM(features.mean((2, 3))) / BRANCH_TEMPERATURE, dim=1)[..., None, None]
        mixed = torch.addcmul(shares[:, :1] * self.attention(features), shares[:, 1:], self.non_attention(features))
        joined: Tensor = self.conv_last(_leaky(mixed))
        return x + joined


class AANEncoder(nn.Module):
    """A²N without its upsampler; maps lr to features.

    Args:
        channels: Channels of the features at LR size.
        blocks: Number of A²Bs.
        plain_kernel: See `AttentionInAttention`.
    """

    def __init__(self, *, channels: int = 40, blocks: int = 16, plain_kernel: int = 3) -> None:
        super().__init__()
        self.conv_first = conv(3, channels)
        self.AAB_trunk = nn.Sequential(*(AttentionInAttention(channels, plain_kernel) for _ in range(blocks)))
        self.trunk_conv = conv(channels, channels)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w)."""
        shallow = self.conv_first(lr)
        features: Tensor = shallow + self.trunk_conv(self.AAB_trunk(shallow))
        return features


class AAN(AANEncoder):
    """The network; maps lr in [0, 255] to sr in the same range.

    Args:
        scale: 2 or 3 (one enlarging stage), or 4 (two of x2).
        channels: See `AANEncoder`.
        up_channels: Channels of the features after the first enlarging convolution.
        sizes: Other arguments of `AANEncoder`.
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


PAPER = srbench.Paper(
    title="Attention in Attention Network for Image Super-Resolution",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2104.09497",
)
RECIPE = srbench.Recipe(
    name="a2n_paper",
    datasets=("div2k_train",),
    patch=64,
    batch=32,
    steps=2_000_000,
    learning_rate=5e-4,
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    source="the release's README and defaults: 2,000 epochs of 1,000 steps, halved every 200 epochs",
)
REPORTED = srbench.Reported.on_luma(
    "table of the paper, which the released weights reproduce in overlapping quarters (chop), as measured there; "
    "whole images score 0.03 dB less on Set14 x2",
    {
        2: {"set5": (38.06, 0.9608), "set14": (33.75, 0.9194)},
        3: {"set5": (34.47, 0.9279), "set14": (30.44, 0.8437)},
    },
)
CHECKPOINTS = (
    srbench.Checkpoint(
        tag="div2k",
        scale=2,
        file="a2n/aan_x2.pt",
        sha256="076f3ef50212a0641262d71210aeeda71e03324ecec14032630d1f2225887dfb",
        url="https://github.com/haoyuc/A2N/raw/210b38cbe721f0283aa5ad20c98373c5822f917a/weights/aan_x2.pt",
        trained_on=frozenset({"div2k_train"}),
    ),
)


def _spec(name: str, label: str, plain_kernel: int, notes: str) -> srbench.ArchitectureSpec:
    whole = name == "a2n"
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(AAN, plain_kernel=plain_kernel),
        encoder=partial(AANEncoder, plain_kernel=plain_kernel),
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        input_range=255.0,
        taps=("AAB_trunk.4", "AAB_trunk.9", "AAB_trunk.15"),
        recipe=RECIPE,
        checkpoints=CHECKPOINTS if whole else (),
        reported=REPORTED if whole else (),
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper and its light variant."""
    notes = (
        "16 blocks; the weights of the branches depend on means over the whole image, so quarters or tiles give other "
        "scores. The release has no licence file."
    )
    return [
        _spec("a2n", "A²N", 3, notes),
        _spec("a2n_m", "A²N-M", 1, f"Like a2n, but the plain branch is a 1x1 convolution. {notes}"),
    ]
