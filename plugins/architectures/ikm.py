"""IKM: every image weighs the kernels of a plain network for itself, by where its activations are (Huang et al., 2021).

`UHDN` has the keys of the authors' release of 2021, with and without the modulation. The family ``ikm:NAME`` modulates
any convolutional network, and the distiller ``iso`` trains whatever is modulated image by image, as the paper does.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.ghost import body_convolutions
from torch import Tensor, nn

import srbench
from srbench.blocks import Upsampler, conv, thirds

MEAN, STD = (0.466, 0.448, 0.403), (0.242, 0.234, 0.246)
"""Of the colours that the release gives its networks."""
LAYERS = (6, 5, 4, 4, 5, 6)
"""Of the dense blocks in a U-HDB."""
BLOCK = 8
"""Channels that a CPU computes at once. Groups of other widths are slow, and so are groups of what lies channels-last:
taken in turns, images need 0.4 to 0.8 of the time with 12 channels out, and 0.9 of it to train CoMoNet-S."""


def relative_activity(x: Tensor, kernel: tuple[int, int], threshold: Tensor | float = 0.0) -> Tensor:
    """Where in the image each channel is active, region by region, relative to its own mean.

    The regions are as many as the kernel has taps. Their shares of values at or above the threshold go through a
    softmax, times the number of regions. The step has no slope, so that no gradient flows from here.

    Args:
        x: (N, C, h, w).
        kernel: Regions down and across.
        threshold: From where on a value is active.

    Returns:
        (N, C, *kernel) in float32 or wider, with the mean 1 in every channel.
    """
    wide = x.detach().to(torch.promote_types(x.dtype, torch.float32))
    active = (wide - threshold).ge_(0)  # in place, 0 and 1 are numbers already
    share = F.adaptive_avg_pool2d(active, kernel)
    return share.flatten(2).softmax(2).view_as(share) * math.prod(kernel)


def ikm_attention(x: Tensor, kernel: tuple[int, int]) -> Tensor:
    """IKM's factors on a kernel, from 1 to 2: 1.5 for a channel that is equally active everywhere.

    Args:
        x: (N, C, h, w).
        kernel: Its height and width.

    Returns:
        (N, C, *kernel).
    """
    return 1 + torch.sigmoid(relative_activity(x, kernel) - 1)


class ModulatedConv2d(nn.Conv2d):
    """A convolution, neither strided, dilated nor grouped, whose kernels are multiplied image by image.

    Attributes:
        image_specific: The weight's gradient is then the mean of the gradients that the images' own kernels receive,
            as if these were what is trained; otherwise it is that of the loss.
    """

    image_specific = False

    @classmethod
    def like(cls, layer: nn.Conv2d) -> ModulatedConv2d:
        """One that holds the parameters of ``layer``."""
        made = cls(
            layer.in_channels,
            layer.out_channels,
            (layer.kernel_size[0], layer.kernel_size[1]),
            padding=layer.padding if isinstance(layer.padding, str) else (layer.padding[0], layer.padding[1]),
            padding_mode=layer.padding_mode,
            bias=layer.bias is not None,
            device="meta",
        )
        made.weight, made.bias = layer.weight, layer.bias
        return made

    def forward(self, x: Tensor, attention: Tensor | None = None) -> Tensor:
        """Convolve every image by kernels of its own.

        Args:
            x: (N, C, h, w).
            attention: (N, C, kh, kw), the factors on the kernels; IKM's if absent.

        Returns:
            (N, D, h, w).
        """
        if attention is None:
            attention = ikm_attention(x, (self.kernel_size[0], self.kernel_size[1]))
        weights = self.weight * attention.unsqueeze(1).to(self.weight.dtype)
        if self.image_specific:  # the same values; the slope is that of the mean
            weights = weights.detach() + (self.weight - self.weight.detach()) / len(x)
        blocked = self.out_channels % BLOCK == 0 and x.is_contiguous()
        if blocked or x.device.type != "cpu" or torch.compiler.is_compiling():
            return self._grouped(x, weights)
        images = zip(torch.split(x, 1), weights, strict=True)
        return torch.cat([self._conv_forward(image, weight, self.bias) for image, weight in images])

    def _grouped(self, x: Tensor, weights: Tensor) -> Tensor:
        count, channels = x.shape[:2]
        bias = None if self.bias is None else self.bias.repeat(count)
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, self._reversed_padding_repeated_twice, self.padding_mode), 0
        side_by_side = x.reshape(1, count * channels, *x.shape[2:])
        made = F.conv2d(side_by_side, weights.flatten(0, 1), bias, padding=padding, groups=count)
        return made.view(count, self.out_channels, *made.shape[2:])


class Convolution(nn.Module):
    """A convolution of U-HDN; key ``Conv2d``.

    Args:
        channels_in: Channels it reads.
        channels_out: Channels it writes.
        kernel: Side of the kernel.
        bias: Whether it adds a bias.
        modulated: Whether images weigh its kernels; those of one tap never.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int = 3, *, bias: bool = False, modulated: bool = False
    ) -> None:
        super().__init__()
        plain = conv(channels_in, channels_out, kernel, bias=bias)
        self.Conv2d = ModulatedConv2d.like(plain) if modulated and kernel > 1 else plain

    def attention(self, x: Tensor, known: Tensor | None) -> Tensor | None:
        """The factors on the kernels, or None where it is not modulated.

        Args:
            x: (N, C, h, w), what it will be called with.
            known: The factors of the first of these channels, from the layer before.
        """
        if not isinstance(self.Conv2d, ModulatedConv2d):
            return None
        kernel = (self.Conv2d.kernel_size[0], self.Conv2d.kernel_size[1])
        if known is None:
            return ikm_attention(x, kernel)
        return torch.cat((known, ikm_attention(x[:, known.shape[1] :], kernel)), dim=1)

    def forward(self, x: Tensor, attention: Tensor | None = None) -> Tensor:
        """(N, C, h, w) to (N, D, h, w)."""
        made: Tensor = self.Conv2d(x) if attention is None else self.Conv2d(x, attention)
        return made


class DenseLayer(nn.Module):
    """Puts what a convolution and an activation make of the features behind them; keys ``layer.0``.

    Args:
        convolution: The one.
        activation: The other.
    """

    def __init__(self, convolution: Convolution, activation: nn.Module) -> None:
        super().__init__()
        self.layer = nn.Sequential(convolution, activation)

    def forward(self, features: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(N, C, h, w) and factors that are known already to (N, C + growth, h, w) and the factors of C channels."""
        convolution = cast("Convolution", self.layer[0])
        attention = convolution.attention(features, known)
        added = self.layer[1](convolution(features, attention))
        return torch.cat((features, added), dim=1), attention


class DenseBlock(nn.Module):
    """Layers that each read what all before them wrote, and a 1x1 convolution of it all; keys ``body`` and ``gate.0``.

    Args:
        channels: Before and after.
        growth: Channels that each layer adds.
        layers: How many there are.
        convolution: ``convolution(channels_in, channels_out, kernel, bias=…)`` makes one.
        activation: Makes what follows it.
        bias: Whether the 1x1 convolution adds a bias.
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
        """(N, C, h, w) to the same shape."""
        features, attention = x, None
        for layer in self.body:
            features, attention = layer(features, attention)
        gated: Tensor = self.gate(features)
        return gated


class UHDB(nn.Module):
    """Six dense blocks in the form of a U: what the first ones made is added again behind the last ones; key ``body``.

    Args:
        dense_block: ``dense_block(layers)`` makes a block.
    """

    def __init__(self, dense_block: Callable[[int], DenseBlock]) -> None:
        super().__init__()
        self.body = nn.ModuleList(dense_block(layers) for layers in LAYERS)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same shape."""
        down1, down2, bottom, up2, up1, end = self.body
        first = down1(x)
        second = down2(first)
        risen = up2(bottom(second)) + second
        risen = up1(risen) + first
        made: Tensor = end(risen) + x
        return made


class UHDN(nn.Module):
    """U-shaped hierarchical dense network; maps normalised lr to sr of the same kind.

    Args:
        scale: 2, 3 or 4.
        channels: Of the features.
        blocks: U-HDBs.
        growth: Channels that a layer adds within a dense block.
        groups: Of the enlarging convolutions.
        modulated: Whether every image weighs the kernels of the dense layers.
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
        """(N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        shallow = self.input(lr)
        sr: Tensor = self.tail(self.body(shallow) + shallow)
        return sr


def modulated(spec: srbench.ArchitectureSpec, *scale: int) -> nn.Module:
    """The network of ``spec`` whose body's convolutions every image weighs for itself; its weights and keys stay."""
    module = spec.build(*scale)
    if any(isinstance(m, ModulatedConv2d) for m in module.modules()):
        raise srbench.SrbenchError(f"{spec.name} is modulated already; name a network that is not.")
    layers = {id(layer): ModulatedConv2d.like(layer) for layer in body_convolutions(module, spec)}
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if id(child) in layers:
                setattr(parent, name, layers[id(child)])
    return module


def make(argument: str, others: Mapping[str, Any]) -> srbench.ArchitectureSpec:
    """The spec of ``ikm:NAME``.

    Args:
        argument: Name of the network that is modulated.
        others: All architectures.

    Raises:
        SrbenchError: It is a fixed operator.
    """
    spec: srbench.ArchitectureSpec = others[argument]
    if not spec.trainable:
        raise srbench.SrbenchError(f"{spec.name} has no kernels, so there is nothing to modulate; name a network.")
    code = getattr(others, "fingerprint", lambda _: "")(argument)
    return dataclasses.replace(
        spec,
        name=f"ikm:{argument}",
        label=f"{spec.title} + IKM",
        build=partial(modulated, spec),
        paper=PAPER,
        checkpoints=(),
        reported=(),
        fingerprint=f"{code}{spec.fingerprint}",
        notes=f"{spec.title} whose body is modulated; its keys are the same, so that it can start from the weights of "
        f"the plain one. {spec.notes}",
    )


PAPER = srbench.Paper(
    title="Image-specific Convolutional Kernel Modulation for Single Image Super-resolution",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2111.08362",
)
LICENSE = "unknown (no licence file)"
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
    "colours, and its lr is made by PyTorch's bicubic interpolation",
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
        input_mean=MEAN,
        input_std=STD,
        taps=thirds("body", 4),
        recipe=RECIPE,
        reported=reported,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec | srbench.Family]:
    """The network of the paper, the same without modulation, and every other network with it."""
    return [
        _spec(
            "uhdn_ikm",
            "U-HDN + IKM",
            "Train it with the distiller iso, as the paper does. The factors depend on the whole image, so tiles give "
            "other scores. The 60.3, 27.2 and 15.7 GMACs of the paper are for outputs of 480x360.",
            modulate=True,
            reported=REPORTED,
        ),
        _spec("uhdn", "U-HDN", "As uhdn_ikm, without modulation.", modulate=False),
        srbench.Family(
            name="ikm",
            make=make,
            example="ikm:edsr_baseline",
            label="a network whose kernels every image weighs for itself",
        ),
    ]
