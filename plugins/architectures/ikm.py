"""IKM: every image weighs the kernels of a plain network for itself, by where its activations are (Huang et al., 2021).

The family ``ikm:NAME`` modulates any convolutional network; the paper's own is in ``uhdn.py``. The distiller ``iso``
trains whatever is modulated image by image, as the paper does.
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


def make(argument: str, others: srbench.SpecMap[srbench.ArchitectureSpec]) -> srbench.ArchitectureSpec:
    """The spec of ``ikm:NAME``.

    Args:
        argument: Name of the network that is modulated.
        others: All architectures.

    Raises:
        SrbenchError: It is a fixed operator.
    """
    spec = others[argument]
    if not spec.trainable:
        raise srbench.SrbenchError(f"{spec.name} has no kernels, so there is nothing to modulate; name a network.")
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


@srbench.hookimpl
def register_architectures() -> list[srbench.Family]:
    """Every other network, modulated."""
    return [
        srbench.Family(
            name="ikm",
            make=make,
            example="ikm:edsr_baseline",
            label="a network whose kernels every image weighs for itself",
        )
    ]
