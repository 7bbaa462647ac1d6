"""RCAN: residual in residual, with channel attention in every block (Zhang et al., ECCV 2018).

Keys, their order and the value range are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

import srbench
from srbench.networks.blocks import ChannelAttention, MeanShift, ResidualBlock, ResidualGroup, Upsampler, conv, thirds


class RCANEncoder(nn.Module):
    """RCAN without its upsampler; maps normalised lr to features.

    The mean shifts are there for their keys; the caller normalises.

    Args:
        n_resgroups: Residual groups (G in the paper).
        n_resblocks: Residual channel attention blocks in each group (B).
        n_feats: Channels (C).
        reduction: Factor by which the attention reduces the channels (r).
        rgb_range: Value of white.
    """

    def __init__(
        self,
        *,
        n_resgroups: int = 10,
        n_resblocks: int = 20,
        n_feats: int = 64,
        reduction: int = 16,
        rgb_range: float = 255.0,
    ) -> None:
        super().__init__()
        self.sub_mean = MeanShift(rgb_range, -1)
        self.add_mean = MeanShift(rgb_range, +1)
        self.head = nn.Sequential(conv(3, n_feats))
        groups = [residual_group(n_feats, n_resblocks, reduction) for _ in range(n_resgroups)]
        self.body = nn.Sequential(*groups, conv(n_feats, n_feats))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, n_feats, h, w)."""
        shallow = self.head(lr)
        features: Tensor = self.body(shallow) + shallow  # the long skip; the groups have the short ones
        return features


class RCAN(RCANEncoder):
    """The network; maps lr in [0, rgb_range] to sr in the same range.

    Args:
        scale: 2, 3, 4 or 8.
        n_feats: See `RCANEncoder`.
        sizes: Its other arguments.
    """

    def __init__(self, scale: int, *, n_feats: int = 64, **sizes: Any) -> None:  # noqa: ANN401
        super().__init__(n_feats=n_feats, **sizes)
        self.tail = nn.Sequential(Upsampler(scale, n_feats), conv(n_feats, 3))

    def switch_to_deploy(self) -> None:
        """Fold the mean shift at the end into the convolution before it."""
        self.add_mean.fold_into(self.tail[-1])

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.add_mean(self.tail(super().forward(self.sub_mean(lr))))
        return sr


def residual_group(n_feats: int, n_resblocks: int, reduction: int) -> ResidualGroup:
    """Build residual channel attention blocks and a convolution with a short skip (equations 5 and 6)."""
    return ResidualGroup(n_feats, [attention_block(n_feats, reduction) for _ in range(n_resblocks)])


def attention_block(n_feats: int, reduction: int) -> ResidualBlock:
    """Build an RCAB: a residual block of two convolutions with channel attention (equations 9 and 10)."""
    return ResidualBlock(n_feats, attention=ChannelAttention(n_feats, reduction))


RECIPE = srbench.Recipe(
    name="rcan_paper",
    datasets=("div2k_train",),
    patch=48,
    batch=16,
    steps=1_000_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    start_from_scale=2,
    source="Section 4.1 of the paper and the release's commands: 1,000 epochs of 1,000 steps",
)

_TABLE = "results table of the release (Figs/psnr_bi)"
REPORTED = srbench.Reported.on_luma(
    _TABLE,
    {
        2: {
            "set5": (38.27, 0.9614),
            "set14": (34.12, 0.9216),
            "b100": (32.41, 0.9027),
            "urban100": (33.34, 0.9384),
            "manga109": (39.44, 0.9786),
        },
        3: {
            "set5": (34.74, 0.9299),
            "set14": (30.65, 0.8482),
            "b100": (29.32, 0.8111),
            "urban100": (29.09, 0.8702),
            "manga109": (34.44, 0.9499),
        },
        4: {
            "set5": (32.63, 0.9002),
            "set14": (28.87, 0.7889),
            "b100": (27.77, 0.7436),
            "urban100": (26.82, 0.8087),
            "manga109": (31.22, 0.9173),
        },
    },
)


PAPER = srbench.Paper(
    title="Image Super-Resolution Using Very Deep Residual Channel Attention Networks",
    venue="ECCV",
    year=2018,
    url="https://arxiv.org/abs/1807.02758",
)
LICENSE = "unknown (no licence file)"


def _small(name: str, label: str, n_feats: int, notes: str) -> srbench.ArchitectureSpec:
    sizes = {"n_resgroups": 3, "n_resblocks": 2, "n_feats": n_feats, "reduction": n_feats // 4}
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(RCAN, **sizes),
        encoder=partial(RCANEncoder, **sizes),
        scales=frozenset({2, 3, 4, 8}),
        paper=PAPER,
        license=LICENSE,
        input_range=255.0,
        taps=thirds("body", 3),
        notes=f"Not from the paper: {notes}",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper, and two small ones of the same family."""
    return [
        _small("rcan_small", "RCAN-small", 16, "a network that a CPU trains in a minute."),
        _small("rcan_medium", "RCAN-medium", 32, "the wider teacher of rcan_small."),
        srbench.ArchitectureSpec(
            name="rcan",
            label="RCAN",
            build=RCAN,
            encoder=RCANEncoder,
            scales=frozenset({2, 3, 4, 8}),
            paper=PAPER,
            license=LICENSE,
            input_range=255.0,
            taps=("body.2", "body.6", "body.10"),  # FAKD's
            recipe=RECIPE,
            reported=REPORTED,
            notes="The release intends to freeze its mean shifts but does not; here they are constants, with the "
            "values of the checkpoint. It was measured with chopped inference: four overlapping quarters, each with "
            "its own channel means.",
        ),
    ]
