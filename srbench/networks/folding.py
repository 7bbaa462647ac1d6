"""Fold what comes before or after a convolution into its weights, for `switch_to_deploy` of a network's modules.

For authors of architectures; see `srbench.networks.deployed`. All of it is exact, also at borders that are padded with
zeros, as each function says. Products are taken in double precision, so that each weight is rounded once.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


@torch.no_grad()
def mix_outputs(layer: nn.Conv2d, matrix: Tensor, shift: Tensor | None = None) -> None:
    """Let a convolution also do the linear map of channels that follows it.

    Args:
        layer: A convolution without groups; C are its output channels.
        matrix: (D, C), of which each row makes a channel.
        shift: (D,), added to the channels; zero if absent.
    """
    wide, bias = matrix.double(), layer.bias
    shifted = wide.new_zeros(len(wide)) if shift is None else shift.double()
    if bias is not None:
        shifted = shifted + wide @ bias.double()
    weight = torch.einsum("dc,cikl->dikl", wide, layer.weight.double())
    _replace(layer, weight, shifted if bias is not None or shift is not None else None)


@torch.no_grad()
def mix_inputs(layer: nn.Conv2d, matrix: Tensor) -> None:
    """Let a convolution also do the linear map of channels before it; padding with zeros makes no difference to that.

    Args:
        layer: A convolution without groups; C are its input channels.
        matrix: (C, D), which maps D channels to those that the convolution reads.
    """
    weight = torch.einsum("oikl,id->odkl", layer.weight.double(), matrix.double())
    _replace(layer, weight, None if layer.bias is None else layer.bias.double())


@torch.no_grad()
def scale_outputs(layer: nn.Conv2d, factor: float | Tensor) -> None:
    """Let a convolution also multiply its output.

    Args:
        layer: Any convolution.
        factor: A number, or one for each output channel, (C,).
    """
    factors = torch.as_tensor(factor, dtype=torch.float64, device=layer.weight.device).expand(layer.out_channels)
    bias = None if layer.bias is None else layer.bias.double() * factors
    _replace(layer, layer.weight.double() * factors.view(-1, 1, 1, 1), bias)


@torch.no_grad()
def side_by_side(*layers: nn.Conv2d) -> nn.Conv2d:
    """Make one convolution of several that read the same input and have the same kernel; its output is theirs, joined.

    Args:
        layers: Convolutions that differ in their output channels at most.
    """
    joined = copy.deepcopy(layers[0])
    joined.out_channels = sum(layer.out_channels for layer in layers)
    joined.weight = nn.Parameter(torch.cat([layer.weight for layer in layers]))
    if any(layer.bias is not None for layer in layers):
        biases = [layer.weight.new_zeros(layer.out_channels) if layer.bias is None else layer.bias for layer in layers]
        joined.bias = nn.Parameter(torch.cat(biases))
    return joined


@torch.no_grad()
def fold_norms(layers: nn.Sequential, before: nn.Module | None = None) -> None:
    """Fold each batch normalisation in eval mode into the convolution directly before it.

    A normalisation before a convolution that pads stays, as its shift would be missing in the padding.

    Args:
        layers: A sequence; what was folded becomes an identity.
        before: The layer before the first.
    """
    for index, norm in enumerate(layers):
        layer = layers[index - 1] if index else before
        if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and norm.track_running_stats:
            weight, bias = fuse_conv_bn_weights(
                layer.weight.double(),
                layer.bias.double() if layer.bias is not None else None,
                cast("Tensor", norm.running_mean).double(),
                cast("Tensor", norm.running_var).double(),
                norm.eps,
                norm.weight.double() if norm.affine else None,
                norm.bias.double() if norm.affine else None,
            )
            _replace(layer, weight, bias)
            layers[index] = nn.Identity()


def _replace(layer: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> None:
    like = layer.weight
    layer.out_channels, layer.in_channels = weight.shape[0], weight.shape[1] * layer.groups
    layer.weight = nn.Parameter(weight.to(like), like.requires_grad)
    layer.bias = None if bias is None else nn.Parameter(bias.to(like), like.requires_grad)
