"""Whole networks as their papers and releases write them: the same weights, PyTorch's operators one after the other.

Every function maps a network of srbench and lr to sr, with the network's own parameters.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from srbench_plugins.architectures.emsrdpn import EMSRDPN
from srbench_plugins.architectures.hpinet import Attention, HPINet, PatchMatch
from srbench_plugins.architectures.kdsr import KDSR
from srbench_plugins.architectures.swinir import SwinIR
from torch import Tensor

from benchmarks.blocks_windows import straightforward

OVERLAP = 2


def kdsr(network: KDSR, lr: Tensor) -> Tensor:
    """Compute KDSR; the images of a batch are channels of one image where each has its own kernel."""
    restorer, estimator = network.G, network.E_st
    degradation = estimator.compress(estimator.mlp(estimator.E(lr).flatten(1)))
    shallow = restorer.head(restorer.sub_mean(lr))
    trunk, last = restorer.body
    x = shallow
    for block in trunk.body:
        images, channels, height, width = x.shape
        kernels = block.da_conv1.kernel(degradation).view(-1, 1, 3, 3)
        folded = x.reshape(1, -1, height, width)
        convolved = F.conv2d(folded, kernels, groups=images * channels, padding=1).view(images, -1, height, width)
        x = x + block.conv1(F.leaky_relu(convolved, 0.1, inplace=True))
    sr: Tensor = restorer.add_mean(restorer.tail(last(x) + shallow))
    return sr


def emsrdpn(network: EMSRDPN, lr: Tensor) -> Tensor:
    """Compute EMSRDPN at its first scale: paths concatenated in each unit, all blocks at the end."""
    shallow = network.SFENet1(lr)
    x, outputs = network.SFENet2(shallow), []
    for block in network.SRDPBs:
        for unit in block.convs:
            added = unit.dpb_conv(x)
            residual, dense = x.split((unit.residual, x.shape[1] - unit.residual), dim=1)
            more, new = added.split((unit.residual, unit.growth), dim=1)
            x = torch.cat((residual + more, new, dense), dim=1)
        x = block.dpb_transition(x)
        outputs.append(x)
    x = network.transition(torch.cat(outputs, dim=1)) + shallow
    sr: Tensor = network.tail[0](network.upsample[0](x))
    return sr


def swinir(network: SwinIR, lr: Tensor) -> Tensor:
    """Compute SwinIR: tokens rolled, cut and put together in every layer; lr is of a multiple of the window."""
    x = lr - network.mean
    shallow = network.conv_first(x)
    tokens = network.patch_embed(shallow.flatten(2).transpose(1, 2))
    features = tokens.transpose(1, 2).reshape(shallow.shape)
    for block in network.layers:
        features = straightforward(block, features)
    tokens = network.norm(features.flatten(2).transpose(1, 2))
    features = shallow + network.conv_after_body(tokens.transpose(1, 2).reshape(shallow.shape))
    for part in network.parts:
        features = getattr(network, part)(features)
    return features + network.mean


def hpinet(network: HPINet, lr: Tensor) -> Tensor:
    """Compute HPINet: patches cut and put together one by one, and all patches of an image attended to at once."""
    x = network.first_conv(lr)
    stages = zip(network.patch_sizes, network.cross_match, network.blocks, network.mid_convs, strict=True)
    for size, match, block, mid_conv in stages:
        patches = divided(x, size)
        other = matched(match, patches)
        tokens, other = patches.flatten(0, 1), other.flatten(0, 1)
        for number, (attention, feed_forward) in enumerate(block.layers):
            normalised = attention.norm(tokens)
            tokens = tokens + attended(attention.fn, normalised, normalised if number else other)
            tokens = feed_forward(tokens)
        x = x + mid_conv(together(tokens.view_as(patches), x, size))
    if network.scale == 4:
        x = F.leaky_relu(F.pixel_shuffle(network.upconv1(x), 2), 0.1)
        x = F.leaky_relu(F.pixel_shuffle(network.upconv2(x), 2), 0.1)
    else:
        x = F.leaky_relu(F.pixel_shuffle(network.upconv(x), network.scale), 0.1)
    sr: Tensor = network.last_conv(x)
    return sr + F.interpolate(lr, scale_factor=network.scale, mode="bilinear", align_corners=False)


def starts(side: int, size: int) -> list[int]:
    """List the first lines of the patches along a side."""
    step = size - OVERLAP
    return [*range(0, side - size, step), side - size]


def divided(x: Tensor, size: int) -> Tensor:
    """Cut (N, C, h, w) into (N, L, T, C)."""
    tops, lefts = starts(x.shape[2], size), starts(x.shape[3], size)
    patches = [x[:, :, top : top + size, left : left + size] for top in tops for left in lefts]
    return torch.stack(patches, dim=1).flatten(3).transpose(2, 3).contiguous()


def together(patches: Tensor, like: Tensor, size: int) -> Tensor:
    """Add up the patches (N, L, T, C) in an image (N, C, h, w), and halve where they overlap."""
    height, width = like.shape[2:]
    tops, lefts = starts(height, size), starts(width, size)
    image, parts = torch.zeros_like(like), patches.transpose(2, 3).unflatten(3, (size, size))
    for number, part in enumerate(parts.unbind(1)):
        top, left = tops[number // len(lefts)], lefts[number % len(lefts)]
        image[:, :, top : top + size, left : left + size] += part
    for before, top in pairwise(tops):
        image[:, :, top : before + size] /= 2
    for before, left in pairwise(lefts):
        image[:, :, :, left : before + size] /= 2
    return image


def matched(match: PatchMatch, patches: Tensor) -> Tensor:
    """Select a patch for each patch (N, L, T, C) by the similarity of their means."""
    means = match.norm(patches.mean(dim=2))
    similarity = (means @ means.transpose(1, 2)) * means.shape[2] ** -0.5
    similarity = similarity - 100 * torch.eye(means.shape[1], device=means.device)
    if match.training:
        choices = F.gumbel_softmax(similarity, hard=True)
    else:
        choices = F.one_hot(similarity.argmax(2), means.shape[1]).to(patches.dtype)
    return (choices @ patches.flatten(2)).view_as(patches)


def attended(attention: Attention, x: Tensor, other: Tensor) -> Tensor:
    """Attend from the patches (P, T, C) to others, with the products of all pairs in memory."""
    query, key, value = attention.to_q(x), attention.to_k(other), attention.to_v(other)
    weights = torch.softmax((query @ key.transpose(1, 2)) * query.shape[2] ** -0.5, dim=-1)
    values: Tensor = weights @ value
    return values
