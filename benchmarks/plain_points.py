"""Networks for every scale as their releases write them: at every point of sr, what surrounds it is gathered first."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.plain_residual import in_turn

Module = Any
QUERIES = 30_000
"""Points that LIIF's release computes at a time."""


def encoded(network: Module, lr: Tensor) -> Tensor:
    """Compute EDSR's features."""
    encoder = network.encoder
    shallow = encoder.head(lr)
    features = in_turn(encoder.body, shallow)
    features += shallow
    return features


def centres(height: int, width: int) -> Tensor:
    """Centres of pixels (height*width, 2) in an image from -1 to 1."""
    rows, columns = ((2 * torch.arange(side) + 1) / side - 1 for side in (height, width))
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).view(-1, 2)


def sampled(image: Tensor, points: Tensor) -> Tensor:
    """Take the nearest pixels (N, P, C) of (N, C, h, w) at points (N, P, 2)."""
    grid = points.flip(-1).unsqueeze(1)
    return F.grid_sample(image, grid, mode="nearest", align_corners=False)[:, :, 0].permute(0, 2, 1)


def liif(network: Module, lr: Tensor) -> Tensor:
    """LIIF at x2: the neighbourhoods of four pixels at every point, each through the whole MLP."""
    features = encoded(network, lr)
    height, width = features.shape[-2:]
    unfolded = F.unfold(features, 3, padding=1).view(1, -1, height, width)
    places = centres(height, width).view(height, width, 2).permute(2, 0, 1)[None]
    points, cell = centres(2 * height, 2 * width)[None], torch.tensor([1 / height, 1 / width])
    parts = []
    for start in range(0, points.shape[1], QUERIES):
        part = points[:, start : start + QUERIES]
        colours, areas = [], []
        for down in (-1, 1):
            for across in (-1, 1):
                moved = part.clone()
                moved[..., 0] += down / height + 1e-6
                moved[..., 1] += across / width + 1e-6
                moved.clamp_(-1 + 1e-6, 1 - 1e-6)
                offsets = part - sampled(places, moved)
                offsets[..., 0] *= height
                offsets[..., 1] *= width
                relative_cell = (cell * torch.tensor([height, width])).expand_as(part)
                x = torch.cat((sampled(unfolded, moved), offsets, relative_cell), dim=-1)
                colours.append(network.imnet.layers(x.flatten(0, 1)).view(1, -1, 3))
                areas.append((offsets[..., 0] * offsets[..., 1]).abs() + 1e-9)
        total = torch.stack(areas).sum(0)
        parts.append(sum(c * (a / total)[..., None] for c, a in zip(colours, areas[::-1], strict=True)))
    return torch.cat(parts, dim=1).permute(0, 2, 1).reshape(1, 3, 2 * height, 2 * width)


def metasr(network: Module, lr: Tensor) -> Tensor:
    """Meta-SR at x2: a filter for every pixel of sr, from the offset of its corner, times its neighbourhood."""
    features = encoded(network, lr)
    height, width = features.shape[-2:]
    neighbourhoods = F.unfold(features, 3, padding=1)
    rows, columns = (torch.arange(2 * side) / 2 for side in (height, width))
    corners = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).view(-1, 2)
    offsets = corners - corners.floor()
    inputs = torch.cat((torch.full((len(corners), 1), 0.5), offsets), dim=1)
    filters = network.P2W["meta_block"](inputs).view(len(corners), -1, 3)
    index = (corners.floor()[:, 0] * width + corners.floor()[:, 1]).long()
    colours = torch.bmm(neighbourhoods[0].t()[index].unsqueeze(1), filters)
    return colours.squeeze(1).t().reshape(1, 3, 2 * height, 2 * width)
