"""HSRNet: half-quadratic splitting unrolled in feature space; all steps share one solver and one denoiser.

Liu et al., TNNLS 2024. Keys, their order and the value range are those of the authors' release, so that its
checkpoints load.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import DIV2K_MEAN, conv, full_precision, thirds

WHITE = 255.0


class TrainedShift(nn.Conv2d):
    """Subtracts the mean colour (``sign`` -1) or adds it (+1), and is trained like any convolution.

    The release intends to freeze it but does not, so its 12 parameters belong to the network. Half precision would
    lose the last bits of values from 0 to 255, so the sum is computed in the precision of the weights.
    """

    bias: Tensor

    def __init__(self, sign: int) -> None:
        super().__init__(3, 3, 1)
        nn.init.dirac_(self.weight)
        with torch.no_grad():
            self.bias.copy_(sign * WHITE * torch.tensor(DIV2K_MEAN))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, h, w) to the same shape."""
        with full_precision(x):
            return super().forward(x.to(self.weight.dtype))


class Refined(nn.Module):
    """A convolution and a leaky ReLU; key ``conv.0``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv(channels, channels), leaky())

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        refined: Tensor = self.conv(x)
        return refined


class HierarchicalExploration(nn.Module):
    """HEB: quarters of the channels, each refined once more than the previous one and merged with it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter = channels // 4
        self.conv_in = Refined(channels)
        for depth, path in enumerate("ABC", start=1):
            self.add_module(f"conv{path}_0", nn.Sequential(*(Refined(quarter) for _ in range(depth))))
            self.add_module(f"conv{path}_1", conv(2 * quarter, quarter, 1))
        self.conv_out = conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        first, *others = self.conv_in(x).chunk(4, dim=1)
        levels = [first]
        for path, quarter in zip("ABC", others, strict=True):
            refined = self.get_submodule(f"conv{path}_0")(quarter)
            levels.append(self.get_submodule(f"conv{path}_1")(torch.cat((refined, levels[-1]), dim=1)))
        explored: Tensor = self.conv_out(torch.cat(levels, dim=1))
        return x + explored


class MultiLevelAttention(nn.Module):
    """MSA: a gate for every value, from thirds of the channels at full and at half resolution.

    The paper has the last third at a quarter of the resolution; the release, followed here, at full resolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        third = channels // 4
        self.conv_in = conv(channels, 3 * third, 1)
        self.conv_1x1 = Refined(third)
        self.conv_2x2 = Refined(third)
        self.conv_4x4 = Refined(third)
        self.conv_out = conv(3 * third, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape; h and w at least 2."""
        fine, coarse, last = self.conv_in(x).chunk(3, dim=1)
        coarse = self.conv_2x2(F.max_pool2d(coarse, 2))
        coarse = F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)
        levels = torch.cat((self.conv_1x1(fine), coarse, self.conv_4x4(last)), dim=1)
        return x * torch.sigmoid(self.conv_out(levels))


class Stage(nn.Module):
    """Exploration, then attention; key ``conv``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(HierarchicalExploration(channels), MultiLevelAttention(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        features: Tensor = self.conv(x)
        return features


class SubPixel(nn.Module):
    """A convolution and one sub-pixel shuffle; key ``conv``."""

    def __init__(self, scale: int, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, 3 * scale**2)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to (N, 3, scale*h, scale*w)."""
        return F.pixel_shuffle(self.conv(x), self.scale)


class HSRNet(nn.Module):
    """The network; maps lr in [0, 255] to sr in the same range.

    Args:
        scale: Up-sampling factor of the single sub-pixel shuffle.
        channels: Channels.
        stages: Stages of the denoiser.
        iterations: Steps of the splitting, which share all weights.
    """

    def __init__(self, scale: int, *, channels: int = 64, stages: int = 10, iterations: int = 3) -> None:
        super().__init__()
        self.iterations = iterations
        self.sub_mean = TrainedShift(-1)
        self.add_mean = TrainedShift(+1)
        self.head = nn.Sequential(conv(3, channels))
        self.Trans = nn.Sequential(conv(channels, channels), leaky(), conv(channels, channels))
        self.SolverLS = nn.Sequential(
            conv(2 * channels, channels, 1), conv(channels, channels), leaky(), conv(channels, channels)
        )
        self.body = nn.Sequential(*(Stage(channels) for _ in range(stages)), conv(channels, channels))
        self.Denoiser = self.body  # a second name in the release, also in its state dict
        self.tail = nn.Sequential(conv(channels, channels), SubPixel(scale, channels))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w); sides of at least 2."""
        observed = self.head(self.sub_mean(lr))
        observed = estimate = observed + self.Trans(observed)
        for _ in range(self.iterations):
            estimate = estimate + self.SolverLS(torch.cat((estimate, observed), dim=1))  # the data term
            estimate = estimate + self.body(estimate)  # the prior
        sr: Tensor = self.add_mean(self.tail(estimate))
        return sr


def leaky() -> nn.LeakyReLU:
    """Make the activation after every refining convolution; it works in place, as its input is not used elsewhere."""
    return nn.LeakyReLU(0.01, inplace=True)


REPORTED = srbench.Reported.on_luma(
    "comparison table of the paper as a public note quotes it, which says that one of the paper's entries "
    "contradicts another; not checked",
    {
        2: {
            "set5": (38.07, 0.9607),
            "set14": (33.78, 0.9197),
            "b100": (32.26, 0.9006),
            "urban100": (32.53, 0.9320),
        },
        4: {
            "set5": (32.28, 0.8960),
            "set14": (28.68, 0.7840),
            "b100": (27.64, 0.7388),
            "urban100": (26.28, 0.7934),
        },
    },
)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper."""
    return [
        srbench.ArchitectureSpec(
            name="hsrnet",
            label="HSRNet",
            build=HSRNet,
            scales=frozenset({2, 3, 4}),
            paper=srbench.Paper(
                title="HSRNet (arXiv 2206.03361)",
                venue="IEEE TNNLS",
                year=2024,
                url="https://arxiv.org/abs/2206.03361",
            ),
            license="unknown (no licence file)",
            input_range=WHITE,
            min_size=2,
            taps=thirds("body", 10),
            recipe=srbench.Recipe(
                name="hsrnet_paper",
                datasets=("div2k_train",),
                patch=48,
                batch=16,
                steps=1_000_000,
                learning_rate=1e-4,
                losses={"l1": 1.0},
                source="a public note on the paper: DIV2K, L1, Adam at 1e-4, 1,000 epochs, LR patches of 48; the "
                "release has no training code, so batch, steps an epoch and the constant rate are our reconstruction",
            ),
            reported=REPORTED,
            notes="Three steps of half-quadratic splitting, each a solver and a denoiser of ten stages, which share "
            "their weights; distillers get the features of the last step. The state dict lists the denoiser twice, as "
            "body and Denoiser. Takes 0 to 255. As in the release, and unlike the paper, the last third of the "
            "attention is not pooled; the paper's 808.2 and 203.2 GMACs at x2 and x4 are half a percent above these. "
            "The release intends to freeze its mean shifts but does not, so they are trained here too. Its trained "
            "weights and the paper's full title were not available.",
        )
    ]
