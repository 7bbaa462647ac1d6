"""CoMoNet: U-HDN with another modulation of its kernels, leaky activations and separable tails (TCSVT, 2024).

The successor of IKM, by the same authors. Keys are those of their release, so that its checkpoints load.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from srbench_plugins.architectures.ikm import LICENSE, ModulatedConv2d, relative_activity
from srbench_plugins.architectures.uhdn import COLOUR_MEAN, COLOUR_STD, UHDB, Convolution, DenseBlock
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import Upsampler, conv, thirds


class ThresholdConvolution(Convolution):
    """A convolution whose kernels are multiplied by the relative activity itself; keys ``threshold`` and ``Conv2d``.

    Values from the threshold on count as active. A step function has no gradient, so the threshold is not trained; it
    is 0 in all released files. The release also gives one to 1x1 convolutions, whose only tap has the factor 1.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int = 3, *, bias: bool = False, modulated: bool = True
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, bias=bias, modulated=modulated)
        self.threshold = nn.Parameter(torch.zeros(1))

    def attention(self, x: Tensor, previous: Tensor | None) -> Tensor | None:  # noqa: ARG002 - it has another threshold
        """See `Convolution`: (N, C, kh, kw) with the mean 1 in every channel, or None."""
        if not isinstance(self.Conv2d, ModulatedConv2d):
            return None
        return relative_activity(x, (self.Conv2d.kernel_size[0], self.Conv2d.kernel_size[1]), self.threshold.detach())


class CoMoNetEncoder(nn.Module):
    """CoMoNet without its upsampler; maps normalised lr to features.

    Args:
        channels: Channels of the features.
        blocks: Number of U-HDBs.
        growth: Channels that a layer adds within a dense block.
        modulated: Whether every image modulates the kernels of the dense layers; keys do not depend on it.
    """

    def __init__(self, *, channels: int = 48, blocks: int = 4, growth: int = 8, modulated: bool = True) -> None:
        super().__init__()
        dense_block = partial(
            DenseBlock,
            channels,
            growth,
            convolution=partial(ThresholdConvolution, modulated=modulated),
            activation=partial(nn.LeakyReLU, 0.1, inplace=True),
            bias=True,
        )
        self.input = conv(3, channels)
        self.body = nn.Sequential(*(UHDB(dense_block) for _ in range(blocks)), conv(channels, channels))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w)."""
        shallow = self.input(lr)
        features: Tensor = self.body(shallow) + shallow
        return features


class CoMoNet(CoMoNetEncoder):
    """The network; maps normalised lr to sr of the same kind.

    Args:
        scale: 2, 3 or 4.
        channels: See `CoMoNetEncoder`.
        options: Its other arguments.
    """

    def __init__(self, scale: int, *, channels: int = 48, **options: Any) -> None:  # noqa: ANN401
        super().__init__(channels=channels, **options)
        self.tail = nn.Sequential(Upsampler(scale, channels, widen=separable), conv(channels, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        sr: Tensor = self.tail(super().forward(lr))
        return sr


def separable(few: int, more: int) -> list[nn.Module]:
    """Return a depthwise 3x3 convolution and a 1x1 convolution."""
    return [nn.Conv2d(few, more, 3, padding=1, groups=few, bias=False), conv(more, more, 1, bias=False)]


PAPER = srbench.Paper(
    title="CoMoNet",
    venue="TCSVT 34(5)",
    year=2024,
    url="https://github.com/YuanfeiHuang/IKM",
)
RECIPE = srbench.Recipe(
    name="comonet_paper",
    datasets=("div2k_train",),
    patch=48,
    batch=16,
    steps=100_000,
    learning_rate=2e-4,
    schedule="cosine",
    final_learning_rate=1e-5,
    losses={"l1": 1.0, "linf": 0.02},
    source="the release's options: 50 epochs of 2,000 steps, one period of its cosine; patch and batch are IKM's. It "
    "takes its losses on normalised colours, in mixed precision, and goes back to its best weights when PSNR falls "
    "by 0.5 %, which is left out here",
)
_NOTES = (
    "The distiller iso trains it as IKM is trained. The factors depend on the whole image, so tiles give other "
    "scores. The tables of its paper were not available; with the release's code, the files for x2 and x4 score 38.02 "
    "and 32.20 dB on Set5, and without modulation 38.03 and 32.24."
)
_RELEASE = "https://github.com/YuanfeiHuang/IKM/raw/b76ac4ffa3eb1fdc026c182d514e31e5be8c2577/models"
CHECKPOINTS = tuple(
    srbench.Checkpoint(
        tag="div2k",
        scale=scale,
        file=f"comonet/CoMo-S_x{scale}.pth",
        sha256=sha256,
        url=f"{_RELEASE}/CoMo-S_x{scale}.pth",
        trained_on=frozenset({"div2k_train"}),
    )
    for scale, sha256 in (
        (2, "f685430abea9444e4ca919bbcae9e0e02b2826ab53ff7a7d7a02f5cf493dce61"),
        (4, "f2b57d4b18a315d5b28f9ad03aa5cff34bc42d267decc64e1bdc90c17b80339e"),
    )
)


def _spec(
    name: str, label: str, form: Mapping[str, Any], notes: str, checkpoints: tuple[srbench.Checkpoint, ...] = ()
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(CoMoNet, **form),
        encoder=partial(CoMoNetEncoder, **form),
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        license=LICENSE,
        input_mean=COLOUR_MEAN,
        input_std=COLOUR_STD,
        taps=thirds("body", form["blocks"]),
        dead_parameters=("*.threshold",),
        recipe=RECIPE,
        checkpoints=checkpoints,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the small and the large network, and the small one without modulation."""
    small = {"channels": 48, "blocks": 4, "growth": 8}
    large = {"channels": 128, "blocks": 8, "growth": 32}
    plain = f"comonet_s without modulation, with the same weights. {_NOTES}"
    return [
        _spec("comonet_s", "CoMoNet-S", small, _NOTES, CHECKPOINTS),
        _spec("comonet_l", "CoMoNet-L", large, _NOTES),
        _spec("comonet_s_unmodulated", "CoMoNet-S, unmodulated", small | {"modulated": False}, plain, CHECKPOINTS),
    ]
