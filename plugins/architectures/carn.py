"""CARN: residual blocks that cascade within and between groups, and its mobile variant (Ahn et al., ECCV 2018).

Written from the paper; keys follow the layout of the authors' release, whose weights are shared by x2, x3 and x4.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import MeanShift


class BasicBlock(nn.Module):
    """A 1x1 convolution and a ReLU, which merge the features of a cascade (the yellow box of Figure 3)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels_in, channels_out, 1), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, D, h, w)."""
        joined: Tensor = self.body(x)
        return joined


class ResidualBlock(nn.Module):
    """``relu(x + conv(relu(conv(x))))``; with groups, a 1x1 convolution after both (the efficient block of CARN-M)."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(channels, channels, 3, padding=1, groups=groups),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, groups=groups),
        ]
        if groups > 1:
            layers += [nn.ReLU(inplace=True), nn.Conv2d(channels, channels, 1)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        return F.relu(self.body(x) + x, inplace=True)


class Cascading(nn.Module):
    """Three stages; after each, a 1x1 convolution merges the features of all stages so far (equations 3 to 5).

    Keys are ``b1``, ``b2``, ``b3`` for the stages and ``c1``, ``c2``, ``c3`` for the convolutions; ``b1`` alone if the
    three share one stage.
    """

    def __init__(self, channels: int, stages: list[nn.Module]) -> None:
        super().__init__()
        for number, stage in enumerate(stages, 1):
            self.add_module(f"b{number}", stage)
        self.stages = [f"b{min(number, len(stages))}" for number in (1, 2, 3)]
        for number in (1, 2, 3):
            self.add_module(f"c{number}", BasicBlock(channels * (number + 1), channels))

    def cascade(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        features = merged = x
        for number, stage in enumerate(self.stages, 1):
            features = torch.cat((features, self.get_submodule(stage)(merged)), dim=1)
            merged = self.get_submodule(f"c{number}")(features)
        return merged


class Cascade(Cascading):
    """A cascade as a layer within the network."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        return self.cascade(x)


class UpsampleBlock(nn.Module):
    """Sub-pixel shuffles for each scale, each after a ReLU; keys ``up2``, ``up3`` and ``up4``."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        for scale, factors in ((2, [2]), (3, [3]), (4, [2, 2])):
            self.add_module(f"up{scale}", _Shuffles(channels, factors, groups))

    def forward(self, x: Tensor, scale: int) -> Tensor:
        """Map (N, C, h, w) to (N, C, scale*h, scale*w)."""
        enlarged: Tensor = self.get_submodule(f"up{scale}")(x)
        return enlarged


class _Shuffles(nn.Module):
    def __init__(self, channels: int, factors: list[int], groups: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for factor in factors:
            wide = nn.Conv2d(channels, channels * factor**2, 3, padding=1, groups=groups)
            layers += [wide, nn.ReLU(inplace=True), nn.PixelShuffle(factor)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        enlarged: Tensor = self.body(x)
        return enlarged


class _Shift(nn.Module):
    """The mean shift under the release's key, ``shifter``."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.shifter = MeanShift(1.0, sign)

    def forward(self, x: Tensor) -> Tensor:
        shifted: Tensor = self.shifter(x)
        return shifted


class CARNEncoder(Cascading):
    """CARN without its upsampler, itself the outermost cascade; maps normalised lr to features.

    The mean shifts are there for their keys; the caller normalises.

    Args:
        groups: Groups of the convolutions; 1 in CARN. With more, the three stages of each inner cascade share one
            residual block, as in CARN-M.
        channels: Channels.
    """

    def __init__(self, *, groups: int = 1, channels: int = 64) -> None:
        blocks = 3 if groups == 1 else 1
        inner = [Cascade(channels, [ResidualBlock(channels, groups) for _ in range(blocks)]) for _ in range(3)]
        super().__init__(channels, list[nn.Module](inner))
        self.sub_mean, self.add_mean = _Shift(-1), _Shift(+1)
        self.entry = nn.Conv2d(3, channels, 3, padding=1)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w)."""
        return self.cascade(self.entry(lr))


class CARN(CARNEncoder):
    """The network; maps lr in [0, 1] to sr in the same range.

    Args:
        groups: See `CARNEncoder`.
        channels: See there.
    """

    def __init__(self, *, groups: int = 1, channels: int = 64) -> None:
        super().__init__(groups=groups, channels=channels)
        self.upsample = UpsampleBlock(channels, groups)
        self.exit = nn.Conv2d(channels, 3, 3, padding=1)

    def switch_to_deploy(self) -> None:
        """Fold the mean shift at the end into the convolution before it."""
        self.add_mean.shifter.fold_into(self.exit)

    def forward(self, lr: Tensor, scale: int) -> Tensor:  # type: ignore[override]
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        features = super().forward(self.sub_mean(lr))
        sr: Tensor = self.add_mean(self.exit(self.upsample(features, scale)))
        return sr


PAPER = srbench.Paper(
    title="Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network",
    venue="ECCV",
    year=2018,
    url="https://arxiv.org/abs/1803.08664",
)
RECIPE = srbench.Recipe(
    name="carn_paper",
    datasets=("div2k_train",),
    patch=64,
    batch=64,
    steps=600_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=400_000,
    losses={"l1": 1.0},
    source="the paper's implementation details; it also trains on T91 and BSDS200 for its final table",
)


def _spec(name: str, label: str, groups: int, notes: str) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(CARN, groups=groups),
        encoder=partial(CARNEncoder, groups=groups),
        scales=frozenset({2, 3, 4}),
        multi_scale=True,
        paper=PAPER,
        license="MIT",
        taps=("b1", "b2", "b3") if groups == 1 else ("c1", "c2", "c3"),
        recipe=RECIPE,
        notes=f"{notes} One set of weights for x2, x3 and x4. Written from the paper; no checkpoint was available to "
        "verify the keys.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper and its mobile variant."""
    return [
        _spec("carn", "CARN", 1, "Three cascades of three residual blocks of 64 channels."),
        _spec("carn_m", "CARN-M", 4, "Like carn, with 4 groups and one residual block in each cascade."),
    ]
