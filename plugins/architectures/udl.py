"""UDL's network: EDSR that also returns how uncertain it is of every value (Ning et al., NeurIPS 2021).

Keys, their order and the value range are those of the authors' release. Its map is the logarithm of the scale of a
Laplace distribution, in grey levels, and is bounded below by -1, the infimum of its last activation. The distiller
``udl`` trains it in the two steps of the paper.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

import srbench
from srbench.networks.blocks import ResidualBlock, Upsampler, conv, thirds


class UncertainEDSR(nn.Module):
    """EDSR without mean shift, and a branch for the map; maps lr in [0, 255] to sr in the same range and the map.

    Args:
        scale: 2, 3, 4 or 8.
        n_resblocks: Residual blocks.
        n_feats: Channels.
        res_scale: Factor on each residual.
    """

    def __init__(self, scale: int, *, n_resblocks: int = 16, n_feats: int = 64, res_scale: float = 0.1) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Sequential(conv(3, n_feats))
        blocks = [ResidualBlock(n_feats, res_scale=res_scale) for _ in range(n_resblocks)]
        self.body = nn.Sequential(*blocks, conv(n_feats, n_feats))
        self.tail = nn.Sequential(Upsampler(scale, n_feats), conv(n_feats, 3))
        self.var_conv = nn.Sequential(
            conv(n_feats, n_feats), nn.ELU(), conv(n_feats, n_feats), nn.ELU(), conv(n_feats, 3), nn.ELU()
        )

    def forward(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, 3, h, w) to sr and the map of uncertainty, each (N, 3, scale*h, scale*w)."""
        shallow = self.head(lr)
        features = self.body(shallow) + shallow
        return self.tail(features), self.var_conv(F.interpolate(features, scale_factor=self.scale, mode="nearest"))


PAPER = srbench.Paper(
    title="Uncertainty-Driven Loss for Single Image Super-Resolution",
    venue="NeurIPS",
    year=2021,
    url="https://github.com/QianNing0/UDL",
)
RECIPE = srbench.Recipe(
    name="udl_paper",
    datasets=("div2k_train",),
    patch=192,
    patch_of="hr",
    batch=64,
    steps=130_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=65_000,
    losses={"l1": 1.0},
    source="the release's options: 400 epochs for each step, of 75 batches (800 images 6 times) in the first and 250 "
    "(20 times) in the second, as the distiller udl divides these steps; the rate is halved in the middle of each",
)


def _spec(name: str, label: str, n_resblocks: int, n_feats: int, notes: str = "") -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(UncertainEDSR, n_resblocks=n_resblocks, n_feats=n_feats),
        scales=frozenset({2, 3, 4, 8}),
        paper=PAPER,
        license="unknown (no licence file)",
        input_range=255.0,
        uncertainty="log_scale",
        taps=thirds("body", n_resblocks),
        recipe=RECIPE,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the release, and a small one for CPUs."""
    return [
        _spec("udl_edsr_s", "UDL-EDSR-S", 16, 64),
        _spec("udl_edsr_small", "UDL-EDSR (small)", 4, 16, "Not from the paper: small enough to train on a CPU."),
    ]
