"""MDSR: one network for several scales, which share all layers except the first and last (Lim et al., CVPRW 2017).

Keys, their order and the value range are those of the authors' PyTorch release, so that its checkpoints load.
"""

from __future__ import annotations

from functools import partial

from srbench_plugins.architectures.edsr import PAPER, on_div2k
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import MeanShift, ResidualBlock, Upsampler, conv, thirds


class MDSR(nn.Module):
    """The network; maps lr in [0, rgb_range] to sr in the same range.

    Args:
        scales: Supported scales, in the order of the release's modules.
        n_resblocks: Shared residual blocks; 16 in the baseline, 80 in MDSR.
        n_feats: Channels.
        rgb_range: Value of white.
    """

    def __init__(
        self,
        scales: tuple[int, ...] = (2, 3, 4),
        *,
        n_resblocks: int = 16,
        n_feats: int = 64,
        rgb_range: float = 255.0,
    ) -> None:
        super().__init__()
        self.branch_of = {scale: branch for branch, scale in enumerate(scales)}
        self.sub_mean = MeanShift(rgb_range, -1)
        self.add_mean = MeanShift(rgb_range, +1)
        self.pre_process = nn.ModuleList(
            nn.Sequential(ResidualBlock(n_feats, kernel=5), ResidualBlock(n_feats, kernel=5)) for _ in scales
        )
        self.upsample = nn.ModuleList(Upsampler(scale, n_feats) for scale in scales)
        self.head = nn.Sequential(conv(3, n_feats))
        blocks = [ResidualBlock(n_feats) for _ in range(n_resblocks)]
        self.body = nn.Sequential(*blocks, conv(n_feats, n_feats))
        self.tail = nn.Sequential(conv(n_feats, 3))

    def switch_to_deploy(self) -> None:
        """Fold the mean shift at the end into the convolution before it."""
        self.add_mean.fold_into(self.tail[-1])

    def forward(self, lr: Tensor, scale: int) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w); scale is one of the network's."""
        branch = self.branch_of[scale]
        shallow = self.pre_process[branch](self.head(self.sub_mean(lr)))
        deep = self.body(shallow) + shallow
        sr: Tensor = self.add_mean(self.tail(self.upsample[branch](deep)))
        return sr


RECIPE = srbench.Recipe(
    name="mdsr_paper",
    datasets=("div2k_train",),
    patch=48,
    batch=16,
    steps=650_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    source="Section 4.2 of the paper, each batch at one scale; the length is the release's template of 650 epochs",
)

REPORTED_BASELINE = on_div2k((34.63, 30.94, 28.97))
REPORTED = on_div2k((34.92, 31.22, 29.24))


def _spec(name: str, label: str, n_resblocks: int, reported: tuple[srbench.Reported, ...]) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(MDSR, n_resblocks=n_resblocks),
        scales=frozenset({2, 3, 4}),
        multi_scale=True,
        paper=PAPER,
        license="MIT",
        input_range=255.0,
        taps=thirds("body", n_resblocks),
        recipe=RECIPE,
        reported=reported,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the two multi-scale networks of the paper."""
    return [
        _spec("mdsr_baseline", "MDSR-baseline", 16, REPORTED_BASELINE),
        _spec("mdsr", "MDSR", 80, REPORTED),
    ]
