"""GhostSR: half of a layer's features are shifted copies of the other half (Nie et al., TMLR 2022).

`GhostEDSR` has the keys of the authors' MindSpore release. The family ``ghost:NAME`` applies the same change to any
convolutional network, and the distillers ``ghost`` and ``ghost_clustered`` train both; all are in their own files.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import MeanShift, ResidualBlock, Upsampler, conv


class Shift(nn.Module):
    """Shifts all channels by one pixel in one of eight directions, or not at all (Section 3.2).

    The weight of the largest magnitude selects the shift. In training Gumbel noise is added first, and the weight gets
    the gradient as if it were the kernel itself. The weight is float16 in the release; here it is float32, as Adam
    divides by a second moment and an epsilon that float16 rounds to zero. Checkpoints load into both.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, 1, 3, 3))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.noise: Tensor
        self.register_buffer("noise", torch.ones(()), persistent=False)
        self.direction: tuple[int, int] | None = None

    def switch_to_deploy(self) -> None:
        """Select the shift once and for all, so that no program of it has a convolution."""
        self.direction = self.chosen()

    def chosen(self) -> tuple[int, int]:
        """Return the row and the column of the largest weight."""
        return divmod(int(self.weight.abs().argmax()), 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape; the border is filled with zeros."""
        if self.training:
            uniform = torch.rand_like(self.weight)
            gumbel = -torch.log(-torch.log(uniform + 1e-20) + 1e-20)
            chosen = self._one_hot(self.weight.detach() + self.noise * gumbel)
            return self._convolved(x, chosen + (self.weight - self.weight.detach()))
        if self.direction is not None:
            return _moved(x, *self.direction)
        if x.is_meta:  # without values to select by; every direction costs the same
            return _moved(x, 1, 1)
        if x.device.type == "cpu" and not torch.compiler.is_compiling():
            return _moved(x, *self.chosen())
        return self._convolved(x, self._one_hot(self.weight))  # avoids a synchronisation with the device

    @staticmethod
    def _one_hot(weight: Tensor) -> Tensor:
        indices = torch.arange(weight.numel(), device=weight.device)
        return (indices == weight.abs().argmax()).to(weight.dtype).view_as(weight)

    @staticmethod
    def _convolved(x: Tensor, kernel: Tensor) -> Tensor:
        channels = x.shape[1]
        return F.conv2d(x, kernel.to(x.dtype).expand(channels, 1, 3, 3), padding=1, groups=channels)


def _moved(x: Tensor, row: int, column: int) -> Tensor:
    """Shift an image so that pixel (y, x) is (y + row - 1, x + column - 1): cut at one side, padded at the other."""
    return F.pad(x, (1 - column, column - 1, 1 - row, row - 1))


class GhostModule(nn.Module):
    """Replaces a convolution: computes ``ceil(ratio * out)`` channels, and shifts them to get the others.

    Keys ``primary_conv.*`` and ``cheap_conv.weight``.

    Args:
        layer: The convolution to replace; its form is kept, its weights are not.
        ratio: Share of the channels that are computed. Below a half, shifted channels are repeated.
    """

    def __init__(self, layer: nn.Conv2d, ratio: float = 0.5) -> None:
        super().__init__()
        self.channels = layer.out_channels
        self.primary_conv = nn.Conv2d(
            layer.in_channels,
            math.ceil(self.channels * ratio),
            (layer.kernel_size[0], layer.kernel_size[1]),
            padding=layer.padding if isinstance(layer.padding, str) else (layer.padding[0], layer.padding[1]),
            bias=layer.bias is not None,
            padding_mode=layer.padding_mode,
        )
        self.cheap_conv = Shift()

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, D, h, w)."""
        computed = self.primary_conv(x)
        left = self.channels - computed.shape[1]
        ghosts = self.cheap_conv(computed[:, :left])
        copies = -(-left // computed.shape[1])
        return torch.cat((computed, *[ghosts] * copies), dim=1)[:, : self.channels]


class GhostEDSR(nn.Module):
    """EDSR whose residual blocks have ghost modules; maps lr in [0, 255] to sr in the same range.

    Args:
        scale: 2, 3 or 4.
        n_resblocks: Residual blocks.
        n_feats: Channels.
        ratio: See `GhostModule`.
    """

    def __init__(self, scale: int, *, n_resblocks: int = 32, n_feats: int = 256, ratio: float = 0.5) -> None:
        super().__init__()
        self.sub_mean, self.add_mean = MeanShift(255.0, -1), MeanShift(255.0, +1)
        self.head = nn.Sequential(conv(3, n_feats))
        blocks = [ResidualBlock(n_feats, res_scale=0.1) for _ in range(n_resblocks)]
        for block in blocks:
            for index in (0, 2):
                block.body[index] = GhostModule(conv(n_feats, n_feats), ratio)
        self.body = nn.Sequential(*blocks, conv(n_feats, n_feats))
        self.tail = nn.Sequential(Upsampler(scale, n_feats), conv(n_feats, 3))

    def switch_to_deploy(self) -> None:
        """Fold the mean shift at the end into the convolution before it."""
        self.add_mean.fold_into(self.tail[-1])

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        shallow = self.head(self.sub_mean(lr))
        sr: Tensor = self.add_mean(self.tail(self.body(shallow) + shallow))
        return sr


PAPER = srbench.Paper(
    title="GhostSR: Learning Ghost Features for Efficient Image Super-Resolution",
    venue="TMLR",
    year=2022,
    url="https://arxiv.org/abs/2101.08525",
)
RECIPE = srbench.Recipe(
    name="ghostsr_paper",
    datasets=("div2k_train",),
    patch=96,
    batch=16,
    steps=300_000,
    learning_rate=1e-4,
    schedule="multistep",
    milestones=(200_000,),
    losses={"l1": 1.0},
    source="the release's settings: 6,000 epochs of 50 steps, HR patches of 192 at x2, halved after 4,000 epochs (its "
    "code never halves the rate, as it makes one segment from a single milestone)",
)
_README = "README of the release, self-ensemble of eight"
REPORTED = tuple(
    srbench.Reported(dataset=dataset, scale=2, metric="psnr_y", value=value, source=_README)
    for dataset, value in (("set5", 38.101), ("set14", 33.856), ("b100", 32.288), ("urban100", 32.793))
)


def _spec(
    name: str, label: str, blocks: int, channels: int, notes: str, reported: tuple[srbench.Reported, ...] = ()
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(GhostEDSR, n_resblocks=blocks, n_feats=channels),
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        license="Apache-2.0",
        input_range=255.0,
        taps=tuple(f"body.{blocks * part // 3 - 1}" for part in (1, 2, 3)),
        recipe=RECIPE,
        reported=reported,
        notes=f"{notes} Train it with the distiller ghost, which fades out the noise on the shifts, or with "
        "ghost_clustered, which also starts from a trained EDSR.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the release, and a smaller one."""
    small = "EDSR-baseline with ghost modules; residuals times 0.1."
    return [
        _spec("ghostsr_edsr", "GhostSR-EDSR", 32, 256, "EDSR with ghost modules in its residual blocks.", REPORTED),
        _spec("ghostsr_edsr_b16f64", "GhostSR-EDSR 16x64", 16, 64, small),
    ]
