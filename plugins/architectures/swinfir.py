"""SwinFIR: SwinIR with convolutions on the spectrum of the whole image (Zhang et al., arXiv 2208.11247).

Keys, their order and the value range are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from srbench_plugins.architectures.swinir import SETS, SwinIR, SwinIREncoder, table
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import conv, full_precision, thirds

COLOUR_MEAN = (0.3014, 0.3152, 0.3094)
"""Mean colour that the release subtracts; not DIV2K's."""


class FourierUnit(nn.Module):
    """A 1x1 convolution and a leaky ReLU on the spectrum, real and imaginary parts as channels (FFC without norm).

    The transforms support single precision only, and the sum of an image would overflow half precision.

    Args:
        channels: Channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = conv(2 * channels, 2 * channels, 1)
        self.act = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        single = torch.promote_types(x.dtype, torch.float32)
        with full_precision(x):
            spectrum = torch.fft.rfft2(x.permute(0, 2, 3, 1).to(single), dim=(1, 2), norm="ortho").contiguous()
            parts = torch.view_as_real(spectrum).flatten(3).permute(0, 3, 1, 2)  # re0, im0, re1, im1, …
            changed = self.act(self.conv_layer(parts.to(self.conv_layer.weight.dtype)))
            pairs = changed.permute(0, 2, 3, 1).to(single).unflatten(3, (-1, 2)).contiguous()
            image: Tensor = torch.fft.irfft2(torch.view_as_complex(pairs), s=x.shape[2:], dim=(1, 2), norm="ortho")
        return image.permute(0, 3, 1, 2).to(x.dtype)


class FrequencyBranch(nn.Module):
    """The block's global branch: a Fourier unit with a skip, with half the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Sequential(conv(channels, half, 1), nn.LeakyReLU(0.2, inplace=True))
        self.fu = FourierUnit(half)
        self.conv2 = conv(half, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        halved = self.conv1(x)
        output: Tensor = self.conv2(halved + self.fu(halved))
        return output


class SpatialBranch(nn.Module):
    """The block's local branch: two convolutions with a skip; keys ``body.0`` and ``body.2``."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        inner = channels // reduction
        self.body = nn.Sequential(conv(channels, inner), nn.LeakyReLU(0.2, inplace=True), conv(inner, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        residual: Tensor = self.body(x)
        return x + residual


class SpatialFrequencyBlock(nn.Module):
    """SFB: both branches in parallel, merged by a 1x1 convolution.

    Args:
        channels: Channels.
        reduction: Factor by which the local branch reduces the channels; 2 in SwinFIR-T ("HSFB").
    """

    def __init__(self, channels: int, reduction: int = 1) -> None:
        super().__init__()
        self.S = SpatialBranch(channels, reduction)
        self.F = FrequencyBranch(channels)
        self.fusion = conv(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        joined: Tensor = self.fusion(torch.cat((self.S(x), self.F(x)), dim=1))
        return joined


class SwinFIR(SwinIR):
    """The network: `SwinIR` whose residual blocks end in an SFB.

    Args:
        scale: 2, 3 or 4.
        reduction: See `SpatialFrequencyBlock`.
        window: Side of a window.
        image: Side of the training LR.
        options: Other sizes of `SwinIR`.
    """

    def __init__(self, scale: int, *, reduction: int = 1, window: int = 12, image: int = 60, **options: Any) -> None:  # noqa: ANN401
        block = partial(SpatialFrequencyBlock, reduction=reduction)
        super().__init__(scale, window=window, image=image, connection=block, mean=COLOUR_MEAN, **options)


def encoder(*, reduction: int = 1, window: int = 12, image: int = 60, **options: Any) -> SwinIREncoder:  # noqa: ANN401
    """Build SwinFIR without its upsampler.

    Args:
        reduction: See `SwinFIR`, as for all others.
        window: Side of a window.
        image: Side of the training LR.
        options: Other sizes of `SwinIREncoder`.
    """
    block = partial(SpatialFrequencyBlock, reduction=reduction)
    return SwinIREncoder(window=window, image=image, connection=block, **options)


RECIPE = srbench.Recipe(
    name="swinfir_paper",
    datasets=("div2k_train", "flickr2k"),
    patch=60,
    batch=32,
    steps=500_000,
    learning_rate=2e-4,
    betas=(0.9, 0.99),
    schedule="multistep",
    milestones=(250_000, 400_000, 450_000, 475_000),
    losses={"charbonnier_colour": 1.0},
    ema=0.999,
    permute_colours=0.5,
    source="the release's options for training from scratch. Its published weights were trained on ImageNet first "
    "(800,000 steps, 1,000,000 in the paper) and then tuned for 250,000 at 1e-5. Its mixup (0.5, shape 1.2) is left "
    "out, as the released code never runs it",
)
_README = "table of the release's README (PSNR alone), with pre-training on ImageNet"
_QUOTED = "as later papers quote the figures, which differ from the README's"


def _readme(rows: dict[int, tuple[float, ...]]) -> tuple[srbench.Reported, ...]:
    return tuple(
        srbench.Reported(dataset=dataset, scale=scale, metric="psnr_y", value=value, source=_README)
        for scale, row in rows.items()
        for dataset, value in zip(SETS, row, strict=True)
    )


REPORTED = _readme(
    {
        2: (38.67, 34.94, 32.66, 34.59, 40.63),
        3: (35.16, 31.25, 29.56, 30.45, 35.77),
        4: (33.20, 29.36, 28.03, 28.14, 32.84),
    }
)
REPORTED_T = _readme(
    {
        2: (38.30, 34.28, 32.43, 33.33, 39.71),
        3: (34.76, 30.68, 29.30, 29.05, 34.59),
        4: (32.67, 28.99, 27.80, 26.99, 31.68),
    }
) + table(
    _QUOTED,
    {
        2: ((38.26, 0.9616), (34.08, 0.9221), (32.38, 0.9024), (33.14, 0.9374), (39.55, 0.9790)),
        3: ((34.75, 0.9300), (30.68, 0.8489), (29.30, 0.8106), (29.04, 0.8697), (34.60, 0.9506)),
        4: ((32.62, 0.9002), (28.95, 0.7898), (27.79, 0.7440), (26.85, 0.8088), (31.50, 0.9199)),
    },
)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper and its light variant."""
    tiny: dict[str, Any] = {"channels": 60, "depths": (6, 5, 5, 6), "heads": (6,) * 4, "reduction": 2}
    notes = (
        "The spectrum depends on the whole image, so tiles give other scores. The paper's feature ensemble is the "
        "average of several checkpoints: pass --weights several times."
    )
    common: dict[str, Any] = {
        "scales": frozenset({2, 3, 4}),
        "paper": srbench.Paper(
            title="SwinFIR: Revisiting the SwinIR with Fast Fourier Convolution and Improved Training for Image "
            "Super-Resolution",
            venue="arXiv",
            year=2022,
            url="https://arxiv.org/abs/2208.11247",
        ),
        "license": "CC-BY-NC-SA-4.0",
        "size_multiple": 12,
        "padding": "beyond",
        "recipe": RECIPE,
    }
    return [
        srbench.ArchitectureSpec(
            name="swinfir",
            label="SwinFIR",
            build=SwinFIR,
            encoder=encoder,
            taps=thirds("layers", 6),
            reported=REPORTED,
            notes=f"The paper's figure has an SFB after the body too, the release a plain convolution. {notes}",
            **common,
        ),
        srbench.ArchitectureSpec(
            name="swinfir_t",
            label="SwinFIR-T",
            build=partial(SwinFIR, upsampler="pixelshuffledirect", **tiny),
            encoder=partial(encoder, **tiny),
            taps=thirds("layers", 4),
            reported=REPORTED_T,
            notes="The 872K parameters reported at x2 leave out relative position tables and layer norms. The release "
            f"trained it only with pre-training; the recipe is SwinFIR's from scratch. {notes}",
            **common,
        ),
    ]
