"""U-HDN: dense blocks in a U shape, whose kernels IKM modulates (Huang et al., 2021).

Keys are those of the authors' release of 2021, with and without the modulation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import torch
from srbench_plugins.architectures.ikm import LICENSE, PAPER, ModulatedConv2d, ikm_attention
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import Upsampler, conv, thirds

COLOUR_MEAN, COLOUR_STD = (0.466, 0.448, 0.403), (0.242, 0.234, 0.246)
"""Mean and standard deviation with which the release normalises colours."""
LAYERS_PER_BLOCK = (6, 5, 4, 4, 5, 6)
"""Layers of the six dense blocks in a U-HDB."""


class Convolution(nn.Module):
    """A convolution of U-HDN; key ``Conv2d``.

    Args:
        channels_in: Input channels.
        channels_out: Output channels.
        kernel: Side of the kernel.
        bias: Whether it has a bias.
        modulated: Whether images modulate its kernels; 1x1 kernels are never modulated.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int = 3, *, bias: bool = False, modulated: bool = False
    ) -> None:
        super().__init__()
        plain = conv(channels_in, channels_out, kernel, bias=bias)
        self.Conv2d = ModulatedConv2d.like(plain) if modulated and kernel > 1 else plain

    def attention(self, x: Tensor, previous: Tensor | None) -> Tensor | None:
        """Return the factors on the kernels, or None if it is not modulated.

        Args:
            x: The input of the convolution, (N, C, h, w).
            previous: The factors of the first channels, from the previous layer.
        """
        if not isinstance(self.Conv2d, ModulatedConv2d):
            return None
        kernel = (self.Conv2d.kernel_size[0], self.Conv2d.kernel_size[1])
        if previous is None:
            return ikm_attention(x, kernel)
        return torch.cat((previous, ikm_attention(x[:, previous.shape[1] :], kernel)), dim=1)

    def forward(self, x: Tensor, attention: Tensor | None = None) -> Tensor:
        """Map (N, C, h, w) to (N, D, h, w)."""
        output: Tensor = self.Conv2d(x) if attention is None else self.Conv2d(x, attention)
        return output


class DenseLayer(nn.Module):
    """Appends the output of a convolution and an activation to the features; keys ``layer.0``.

    Args:
        convolution: The convolution.
        activation: The activation.
    """

    def __init__(self, convolution: Convolution, activation: nn.Module) -> None:
        super().__init__()
        self.layer = nn.Sequential(convolution, activation)

    def forward(self, features: Tensor, previous: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Map (N, C, h, w) and previous factors to (N, C + growth, h, w) and the factors of C channels."""
        convolution = cast("Convolution", self.layer[0])
        attention = convolution.attention(features, previous)
        added = self.layer[1](convolution(features, attention))
        return torch.cat((features, added), dim=1), attention


class DenseBlock(nn.Module):
    """Layers that each read the output of all earlier ones, then a 1x1 convolution; keys ``body`` and ``gate.0``.

    Args:
        channels: Channels of input and output.
        growth: Channels that each layer adds.
        layers: Number of layers.
        convolution: ``convolution(channels_in, channels_out, kernel, bias=…)`` makes one.
        activation: Makes the activation after a convolution.
        bias: Whether the 1x1 convolution has a bias.
    """

    def __init__(
        self,
        channels: int,
        growth: int,
        layers: int,
        convolution: Callable[..., Convolution],
        activation: Callable[[], nn.Module],
        *,
        bias: bool,
    ) -> None:
        super().__init__()
        widths = [channels + growth * index for index in range(layers + 1)]
        self.body = nn.ModuleList(DenseLayer(convolution(width, growth, 3), activation()) for width in widths[:-1])
        self.gate = nn.Sequential(convolution(widths[-1], channels, 1, bias=bias))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        features, attention = x, None
        for layer in self.body:
            features, attention = layer(features, attention)
        gated: Tensor = self.gate(features)
        return gated


class UHDB(nn.Module):
    """Six dense blocks in a U shape: outputs of the first ones are added to those of the last ones; key ``body``.

    Args:
        dense_block: ``dense_block(layers)`` makes a block.
    """

    def __init__(self, dense_block: Callable[[int], DenseBlock]) -> None:
        super().__init__()
        self.body = nn.ModuleList(dense_block(layers) for layers in LAYERS_PER_BLOCK)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, h, w) to the same shape."""
        down1, down2, bottom, up2, up1, end = self.body
        first = down1(x)
        second = down2(first)
        merged = up2(bottom(second)) + second
        merged = up1(merged) + first
        output: Tensor = end(merged) + x
        return output


class UHDN(nn.Module):
    """U-shaped hierarchical dense network; maps normalised lr to sr of the same kind.

    Args:
        scale: 2, 3 or 4.
        channels: Channels of the features.
        blocks: Number of U-HDBs.
        growth: Channels that a layer adds within a dense block.
        groups: Groups of the enlarging convolutions.
        modulated: Whether every image modulates the kernels of the dense layers.
    """

    def __init__(
        self,
        scale: int,
        *,
        channels: int = 64,
        blocks: int = 4,
        growth: int = 12,
        groups: int = 16,
        modulated: bool = False,
    ) -> None:
        super().__init__()

        def widen(few: int, more: int) -> list[nn.Module]:
            return [nn.Conv2d(few, more, 3, padding=1, groups=groups, bias=False)]

        dense_block = partial(
            DenseBlock,
            channels,
            growth,
            convolution=partial(Convolution, modulated=modulated),
            activation=partial(nn.ReLU, inplace=True),
            bias=False,
        )
        self.input = conv(3, channels)
        self.body = nn.Sequential(*(UHDB(dense_block) for _ in range(blocks)), conv(channels, channels, bias=False))
        self.tail = nn.Sequential(Upsampler(scale, channels, widen=widen), conv(channels, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        shallow = self.input(lr)
        sr: Tensor = self.tail(self.body(shallow) + shallow)
        return sr


RECIPE = srbench.Recipe(
    name="ikm_paper",
    datasets=("div2k_train", "flickr2k"),
    patch=48,
    batch=16,
    steps=300_000,
    learning_rate=2e-4,
    schedule="halve",
    halve_every=100_000,
    losses={"l1": 1.0},
    source="the release's main.py: 150 epochs of 2,000 steps, halved every 50 epochs; its L1 is taken on normalised "
    "colours, and its lr is output by PyTorch's bicubic interpolation",
)
REPORTED = srbench.Reported.on_luma(
    "Table I of the paper, as the release shows it",
    {
        2: {
            "set5": (38.06, 0.9607),
            "set14": (33.77, 0.9191),
            "b100": (32.24, 0.9004),
            "urban100": (32.32, 0.9301),
            "manga109": (39.09, 0.9780),
        },
        3: {
            "set5": (34.43, 0.9273),
            "set14": (30.39, 0.8424),
            "b100": (29.14, 0.8060),
            "urban100": (28.19, 0.8537),
            "manga109": (33.85, 0.9459),
        },
        4: {
            "set5": (32.29, 0.8955),
            "set14": (28.68, 0.7826),
            "b100": (27.62, 0.7373),
            "urban100": (26.17, 0.7880),
            "manga109": (30.85, 0.9110),
        },
    },
)


def _spec(
    name: str, label: str, notes: str, *, modulate: bool, reported: tuple[srbench.Reported, ...] = ()
) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=partial(UHDN, modulated=modulate),
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        license=LICENSE,
        input_mean=COLOUR_MEAN,
        input_std=COLOUR_STD,
        taps=thirds("body", 4),
        recipe=RECIPE,
        reported=reported,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper, with and without modulation."""
    return [
        _spec(
            "uhdn_ikm",
            "U-HDN + IKM",
            "Train it with the distiller iso, as the paper does. The factors depend on the whole image, so tiles give "
            "other scores. The paper's 60.3, 27.2 and 15.7 GMACs are for outputs of 480x360.",
            modulate=True,
            reported=REPORTED,
        ),
        _spec("uhdn", "U-HDN", "Like uhdn_ikm, without modulation.", modulate=False),
    ]
