"""Live bytes are counted once for each memory."""

import torch
from torch import nn

from srbench.training.live_bytes import LiveBytes


def test_live_bytes_are_those_of_what_autograd_keeps_each_memory_once():
    width, side = 8, 16
    network = nn.Sequential(*(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(5)))
    lr = torch.rand(2, width, side, side)
    one, weights = lr.numel() * 4, sum(p.numel() for p in network.parameters()) * 4
    with LiveBytes([*network.parameters(), network[0].weight.view(-1), lr]) as live:
        assert live.peak == weights + one
        out = network(lr)
        assert live.peak == weights + 6 * one
        del out
        with torch.no_grad():
            network(lr)
        assert live.peak == weights + 6 * one, "what is not kept for gradients is freed layer by layer"
