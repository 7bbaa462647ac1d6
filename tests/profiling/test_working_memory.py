"""The memory of a forward pass is counted from shapes: by hand where that is possible, and growing with the image."""

import torch
from torch import nn

import srbench
from srbench.profiling.working_memory import working_bytes


class Plain(nn.Module):
    """Two convolutions and a shuffle: what is alive at once is known."""

    def __init__(self, scale):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 3 * scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, lr):
        return self.shuffle(self.last(torch.relu(self.first(lr))))


SPEC = srbench.ArchitectureSpec(name="plain", label="Plain", build=Plain, scales=frozenset({2}), license="Apache-2.0")


def test_it_is_what_lives_at_once():
    pixels = 16 * 24
    features, shuffled = 8 * pixels * 4, 12 * pixels * 4
    most = working_bytes(SPEC, 2, (16, 24))
    assert max(2 * features, features + shuffled, 2 * shuffled) <= most <= 2 * features + 2 * shuffled


def test_it_grows_with_the_pixels():
    one, four = working_bytes(SPEC, 2, (32, 32)), working_bytes(SPEC, 2, (64, 64))
    assert four == 4 * one
