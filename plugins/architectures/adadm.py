"""AdaDM: EDSR with normalisation, which is given back the deviation that it removes (Liu et al., arXiv 2021).

Normalised residuals lose the deviation of the block's input, and with it detail. AdaDM multiplies each residual by
``exp(φ(log σ))``, where σ is that deviation, and φ a scale and a shift that are learnt. The same network without that
factor compares the usual normalisations with one another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from srbench_plugins.architectures import edsr
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import (
    DIV2K_MEAN,
    Upsampler,
    conv,
    full_precision,
    mean_and_deviation,
    thirds,
    zero_bias,
)
from srbench.networks.folding import scale_outputs

Normalisation = Callable[[int], nn.Module]
"""Takes the number of channels and makes a layer."""

GROUP = 4
"""Channels that share their mean and deviation in group normalisation, our choice."""


def batch_norm(channels: int) -> nn.Module:
    """Make batch normalisation whose statistics start as those of values up to 255.

    With PyTorch's start, a variance of one, each block of an untrained network squares its features when it is
    measured, as residuals are then not normalised but multiplied by their deviation. Training forgets the start.
    """
    layer = nn.BatchNorm2d(channels)
    if layer.running_var is not None:
        layer.running_var.fill_(255.0**2)
    return layer


def layer_norm(channels: int) -> nn.Module:
    """Make layer normalisation: one mean and deviation an image, over channels and pixels; gains by channel."""
    return nn.GroupNorm(1, channels)


def group_norm(channels: int) -> nn.Module:
    """Make group normalisation: a mean and deviation for each `GROUP` channels of an image."""
    return nn.GroupNorm(channels // GROUP, channels)


def instance_norm(channels: int) -> nn.Module:
    """Make instance normalisation: a mean and deviation for each channel of an image."""
    return nn.GroupNorm(channels, channels)


class NormalisedBlock(nn.Module):
    """``x + exp(φ(log σ(x))) * res_scale * conv(norm(relu(conv(norm(x)))))``; the exponential only with AdaDM.

    Keys ``conv1``, ``conv2``, ``phi``, ``norm1`` and ``norm2``, as in AdaDM's release.

    Args:
        channels: Channels.
        normalisation: Makes both layers of normalisation.
        adaptive: Whether the residual is given the deviation of the input (AdaDM).
        res_scale: Factor on the residual.
    """

    def __init__(
        self, channels: int, normalisation: Normalisation, *, adaptive: bool = False, res_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        self.phi = nn.Conv2d(1, 1, 1) if adaptive else None
        if self.phi is not None:
            nn.init.ones_(self.phi.weight)
            zero_bias(self.phi)
        self.norm1, self.norm2 = normalisation(channels), normalisation(channels)
        self.res_scale = res_scale

    def switch_to_deploy(self) -> None:
        """Fold the factor into the last convolution; its padding is after the normalisations, which therefore stay."""
        scale_outputs(self.conv2, self.res_scale)
        self.res_scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        residual: Tensor = self.conv2(self.norm2(torch.relu(self.conv1(self.norm1(x)))))
        residual = residual if self.res_scale == 1.0 else residual * self.res_scale
        return x + residual if self.phi is None else x + residual * self.deviation(x, self.phi)

    @staticmethod
    def deviation(x: Tensor, phi: nn.Conv2d) -> Tensor:
        """Return ``exp(φ(log σ))`` for each image, (N, 1, 1, 1), where σ is over channels and pixels."""
        with full_precision(x):  # squares of features up to 255 and more do not fit into half precision
            _, sigma = mean_and_deviation(x, (1, 2, 3), correction=1)
            modulated = sigma.log() * phi.weight + cast("Tensor", phi.bias)
            return modulated.exp().to(x.dtype)


class NormalisedEDSR(nn.Module):
    """EDSR with `NormalisedBlock`; maps lr in [0, 255] to sr in the same range, without EDSR's mean shift.

    Args:
        scale: 2, 3, 4 or 8.
        normalisation: See `NormalisedBlock`.
        adaptive: See `NormalisedBlock`.
        n_resblocks: Residual blocks.
        n_feats: Channels.
        res_scale: Factor on each residual.
    """

    def __init__(
        self,
        scale: int,
        *,
        normalisation: Normalisation = batch_norm,
        adaptive: bool = True,
        n_resblocks: int = 32,
        n_feats: int = 256,
        res_scale: float = 0.1,
    ) -> None:
        super().__init__()
        self.head = nn.Sequential(conv(3, n_feats))
        blocks = (
            NormalisedBlock(n_feats, normalisation, adaptive=adaptive, res_scale=res_scale) for _ in range(n_resblocks)
        )
        self.body = nn.Sequential(*blocks, conv(n_feats, n_feats))
        self.tail = nn.Sequential(Upsampler(scale, n_feats), conv(n_feats, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        shallow = self.head(lr)
        sr: Tensor = self.tail(self.body(shallow) + shallow)
        return sr


PAPER = srbench.Paper(
    title="AdaDM: Enabling Normalization for Image Super-Resolution",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2111.13905",
)
REPORTED = tuple(
    srbench.Reported(dataset=dataset, scale=scale, metric="psnr_y", value=value, source="README of the release")
    for scale, urban, manga in ((2, 33.12, 39.31), (3, 29.02, 34.48), (4, 26.83, 31.24))
    for dataset, value in (("urban100", urban), ("manga109", manga))
)


def _small(
    name: str, what: str, normalisation: Normalisation, *, adaptive: bool = False, min_size: int = 1
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=f"edsr_small_{name}",
        label=f"EDSR-small, {what}",
        build=partial(
            NormalisedEDSR, normalisation=normalisation, adaptive=adaptive, n_resblocks=4, n_feats=16, res_scale=1.0
        ),
        scales=frozenset({2, 3, 4, 8}),
        paper=PAPER,
        license="MIT",
        input_range=255.0,
        input_mean=DIV2K_MEAN,
        min_size=min_size,
        taps=thirds("body", 4),
        notes=f"Not from the paper: edsr_small, mean shift included, with {what} before each convolution of its "
        "residual blocks.",
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the EDSR of AdaDM's release, and edsr_small with each kind of normalisation."""
    return [
        srbench.ArchitectureSpec(
            name="edsr_adadm",
            label="EDSR-AdaDM",
            build=NormalisedEDSR,
            scales=frozenset({2, 3, 4}),
            paper=PAPER,
            license="MIT",
            input_range=255.0,
            taps=thirds("body", 32),
            recipe=edsr.RECIPE.model_copy(
                update={"name": "adadm_adapted", "source": f"ours: that of EDSR. {edsr.RECIPE.source}"}
            ),
            reported=REPORTED,
            notes="EDSR* of the release: EDSR with batch normalisation and AdaDM, without a mean shift. The release "
            "says to keep no average of the weights where that leaves out the statistics of batch normalisation; "
            "srbench copies them.",
        ),
        _small("bn", "batch normalisation", batch_norm),
        _small("ln", "layer normalisation", layer_norm),
        _small("gn", "group normalisation", group_norm),
        _small("in", "instance normalisation", instance_norm, min_size=2),
        _small("adadm", "AdaDM", batch_norm, adaptive=True),
    ]
