"""EDSR: residual blocks without batch normalisation, enlarged at the end (Lim et al., CVPRW 2017).

Keys, their order and the value range are those of the authors' PyTorch release, so that its checkpoints load.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

import srbench
from srbench.networks.blocks import MeanShift, ResidualBlock, Upsampler, conv, thirds


class EDSREncoder(nn.Module):
    """EDSR without its upsampler; maps normalised lr to features.

    The mean shifts are there for their keys, which LIIF's checkpoints have too; the caller normalises.

    Args:
        n_resblocks: Residual blocks; 16 in the baseline, 32 in EDSR.
        n_feats: Channels; 64 in the baseline, 256 in EDSR.
        res_scale: Factor on each residual; 0.1 keeps the wide network stable.
        rgb_range: Value of white.
    """

    def __init__(
        self, *, n_resblocks: int = 16, n_feats: int = 64, res_scale: float = 1.0, rgb_range: float = 255.0
    ) -> None:
        super().__init__()
        self.sub_mean = MeanShift(rgb_range, -1)
        self.add_mean = MeanShift(rgb_range, +1)
        self.head = nn.Sequential(conv(3, n_feats))
        blocks = [ResidualBlock(n_feats, res_scale=res_scale) for _ in range(n_resblocks)]
        self.body = nn.Sequential(*blocks, conv(n_feats, n_feats))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, n_feats, h, w)."""
        shallow = self.head(lr)
        features: Tensor = self.body(shallow) + shallow
        return features


class EDSR(EDSREncoder):
    """The network; maps lr in [0, rgb_range] to sr in the same range.

    Args:
        scale: 2, 3, 4 or 8.
        n_feats: See `EDSREncoder`.
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


PAPER = srbench.Paper(
    title="Enhanced Deep Residual Networks for Single Image Super-Resolution",
    venue="CVPR Workshops",
    year=2017,
    url="https://arxiv.org/abs/1707.02921",
)
RECIPE = srbench.Recipe(
    name="edsr_paper",
    datasets=("div2k_train",),
    patch=48,
    batch=16,
    steps=300_000,
    learning_rate=1e-4,
    schedule="halve",
    halve_every=200_000,
    losses={"l1": 1.0},
    start_from_scale=2,
    source="Section 4.2 of the paper; 300,000 steps as in its ablation and the release's default of 300 epochs",
)

_RCAN_TABLE = "results table of the RCAN release (Figs/psnr_bi)"
_QUOTED = "comparison table of a later paper"


def on_div2k(values: tuple[float, float, float]) -> tuple[srbench.Reported, ...]:
    """Make scores from PSNR in dB at x2, x3 and x4 under DIV2K's convention: RGB, scale + 6 pixels shaved."""
    source = "README of the authors' PyTorch release: 100 images, RGB, shave scale + 6"
    return tuple(
        srbench.Reported(
            dataset="div2k_valid", scale=scale, metric="psnr_rgb", value=value, source=source, protocol="div2k-rgb"
        )
        for scale, value in zip((2, 3, 4), values, strict=True)
    )


REPORTED_BASELINE = (
    *srbench.Reported.on_luma(
        _QUOTED,
        {
            2: {
                "set5": (37.99, 0.9604),
                "set14": (33.57, 0.9175),
                "b100": (32.16, 0.8994),
                "urban100": (31.98, 0.9272),
            },
            4: {
                "set5": (32.09, 0.8938),
                "set14": (28.58, 0.7813),
                "b100": (27.57, 0.7357),
                "urban100": (26.04, 0.7849),
            },
        },
    ),
    *on_div2k((34.61, 30.92, 28.95)),
)
REPORTED = (
    *srbench.Reported.on_luma(
        _RCAN_TABLE,
        {
            2: {
                "set5": (38.11, 0.9602),
                "set14": (33.92, 0.9195),
                "b100": (32.32, 0.9013),
                "urban100": (32.93, 0.9351),
                "manga109": (39.10, 0.9773),
            },
            3: {
                "set5": (34.65, 0.9280),
                "set14": (30.52, 0.8462),
                "b100": (29.25, 0.8093),
                "urban100": (28.80, 0.8653),
                "manga109": (34.17, 0.9476),
            },
            4: {
                "set5": (32.46, 0.8968),
                "set14": (28.80, 0.7876),
                "b100": (27.71, 0.7420),
                "urban100": (26.64, 0.8033),
                "manga109": (31.02, 0.9148),
            },
        },
    ),
    *on_div2k((35.03, 31.26, 29.25)),
)


def _spec(
    name: str,
    label: str,
    n_resblocks: int,
    n_feats: int,
    *,
    res_scale: float = 1.0,
    recipe: srbench.Recipe | None = None,
    reported: tuple[srbench.Reported, ...] = (),
    notes: str = "",
) -> srbench.ArchitectureSpec:
    sizes: dict[str, Any] = {"n_resblocks": n_resblocks, "n_feats": n_feats, "res_scale": res_scale}
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(EDSR, **sizes),
        encoder=partial(EDSREncoder, **sizes),
        scales=frozenset({2, 3, 4, 8}),
        paper=PAPER,
        license="MIT",
        input_range=255.0,
        taps=thirds("body", n_resblocks),
        recipe=recipe,
        reported=reported,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the two networks of the paper, and two small ones of the same family."""
    return [
        _spec("edsr_baseline", "EDSR-baseline", 16, 64, recipe=RECIPE, reported=REPORTED_BASELINE),
        _spec("edsr", "EDSR", 32, 256, res_scale=0.1, recipe=RECIPE, reported=REPORTED),
        _spec("edsr_small", "EDSR-small", 4, 16, notes="Not from the paper: a network that a CPU trains in a minute."),
        _spec("edsr_medium", "EDSR-medium", 4, 32, notes="Not from the paper: the wider teacher of edsr_small."),
    ]
