"""IKM: every image modulates the kernels of a network, depending on where it activates them (Huang et al., 2021).

The family ``ikm:NAME`` modulates any convolutional network; the paper's own network is in ``uhdn.py``. The distiller
``iso`` trains modulated networks as the paper does.
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.ghost import body_convolutions
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import full_precision

CPU_CHANNELS = 8
"""Channels that a CPU computes at once. Grouped convolutions of other widths, or of channels-last images, are slow:
convolving images one by one takes 0.4 to 0.8 of the time with 12 output channels, and 0.9 in training CoMoNet-S."""


def relative_activity(x: Tensor, kernel: tuple[int, int], threshold: Tensor | float = 0.0) -> Tensor:
    """Compute how active each channel is in each region of the image, relative to its own mean.

    There are as many regions as the kernel has taps. The share of values at or above the threshold in each region goes
    through a softmax and is multiplied by the number of regions. A step has no slope, so no gradient flows.

    Args:
        x: (N, C, h, w).
        kernel: Regions down and across.
        threshold: Values from here on are active.

    Returns:
        (N, C, *kernel) in float32 or wider, with the mean 1 in every channel.
    """
    wide = x.detach().to(torch.promote_types(x.dtype, torch.float32))
    active = (wide - threshold).ge_(0)  # in place, so that the results are the numbers 0 and 1
    share = _shares(active, kernel) if torch.compiler.is_compiling() else F.adaptive_avg_pool2d(active, kernel)
    return share.flatten(2).softmax(2).view_as(share) * math.prod(kernel)


def _shares(active: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Return what `torch.nn.functional.adaptive_avg_pool2d` does, for converters to programs of any image size.

    They take minutes to convert that function, once for each layer of a network.
    """
    (rows, heights), (columns, widths) = (_regions(active.shape[2 + i], kernel[i], active) for i in (0, 1))
    with full_precision(active):
        return rows @ active @ columns.mT / heights[:, None] / widths


def _regions(size: int, count: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return which places are in each region of an axis, (count, size) of 0 and 1, and how many, (count,)."""
    places, regions = torch.arange(size, device=like.device), torch.arange(count, device=like.device)
    first, end = regions * size // count, -(-(regions + 1) * size // count)
    inside = (places >= first[:, None]) & (places < end[:, None])
    return inside.to(like.dtype), (end - first).to(like.dtype)


def ikm_attention(x: Tensor, kernel: tuple[int, int]) -> Tensor:
    """Compute IKM's factors on a kernel, from 1 to 2: 1.5 for a channel that is equally active everywhere.

    Args:
        x: (N, C, h, w).
        kernel: Height and width of the kernel.

    Returns:
        (N, C, *kernel).
    """
    return 1 + torch.sigmoid(relative_activity(x, kernel) - 1)


class ModulatedConv2d(nn.Conv2d):
    """A convolution without stride, dilation and groups, whose kernels are multiplied by factors of each image.

    Attributes:
        image_specific: Whether the weight's gradient is the mean of the gradients of the images' own kernels, as if
            these were trained; otherwise it is the gradient of the loss.
    """

    image_specific = False

    @classmethod
    def like(cls, layer: nn.Conv2d) -> ModulatedConv2d:
        """Make a modulated convolution with the parameters of ``layer``."""
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
        """Convolve every image with its own kernels.

        Args:
            x: (N, C, h, w).
            attention: Factors on the kernels, (N, C, kh, kw); default: IKM's.

        Returns:
            (N, D, h, w).
        """
        if attention is None:
            attention = ikm_attention(x, (self.kernel_size[0], self.kernel_size[1]))
        weights = self.weight * attention.unsqueeze(1).to(self.weight.dtype)
        if self.image_specific:  # the same values, with the gradient of the mean
            weights = weights.detach() + (self.weight - self.weight.detach()) / len(x)
        blocked = self.out_channels % CPU_CHANNELS == 0 and x.is_contiguous()
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


def modulated(spec: srbench.ArchitectureSpec, *scale: int) -> nn.Module:
    """Build the network of ``spec`` with modulated convolutions in its body; its weights and keys stay the same."""
    module = spec.build(*scale)
    if any(isinstance(m, ModulatedConv2d) for m in module.modules()):
        raise srbench.SrbenchError(f"{spec.name} is modulated already; choose a network that is not.")
    layers = {id(layer): ModulatedConv2d.like(layer) for layer in body_convolutions(module, spec)}
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if id(child) in layers:
                setattr(parent, name, layers[id(child)])
    return module


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """Make the spec of ``ikm:NAME``.

    Args:
        argument: Name of the network to modulate.
        others: All architectures.

    Raises:
        SrbenchError: It is a fixed operator.
    """
    spec = others[argument]
    if not spec.trainable:
        raise srbench.SrbenchError(f"{spec.name} has no kernels, so there is nothing to modulate; choose a network.")
    code = others.code_hash(argument)
    return dataclasses.replace(
        spec,
        name=f"ikm:{argument}",
        label=f"{spec.title} + IKM",
        build=partial(modulated, spec),
        paper=PAPER,
        checkpoints=(),
        reported=(),
        extra_hash=f"{code}{spec.extra_hash}",
        notes=f"{spec.title} with a modulated body; its keys are the same, so it can start from the weights of the "
        f"plain network. {spec.notes}",
    )


PAPER = srbench.Paper(
    title="Image-specific Convolutional Kernel Modulation for Single Image Super-resolution",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2111.08362",
)
LICENSE = "unknown (no licence file)"


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Provide the family of modulated networks."""
    return [
        srbench.Family(
            name="ikm",
            make=make,
            example="ikm:edsr_baseline",
            label="a network whose kernels every image modulates",
        )
    ]
