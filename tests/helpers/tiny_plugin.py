"""Networks of a few weights and datasets of a few pixels, so that whole runs take a second."""

import torch
from torch import nn

import srbench


class Dot(nn.Module):
    """One convolution and a shuffle."""

    def __init__(self, scale, kernel=3):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 3 * scale**2, kernel, padding=kernel // 2), nn.PixelShuffle(scale))

    def forward(self, lr):
        return self.body(lr)


class Wide(Dot):
    """The teacher of Dot."""

    def __init__(self, scale):
        super().__init__(scale, kernel=5)


class Both(nn.Module):
    """One set of weights for two scales."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 4, 3, padding=1)
        self.heads = nn.ModuleDict({str(s): nn.Conv2d(4, 3 * s**2, 3, padding=1) for s in (2, 3)})

    def forward(self, lr, scale):
        return nn.functional.pixel_shuffle(self.heads[str(scale)](self.trunk(lr)), scale)


@srbench.hookimpl
def register_architectures():
    return [
        srbench.ArchitectureSpec(
            name="dot",
            label="Dot",
            build=Dot,
            scales=frozenset({2, 3}),
            reported=(srbench.Reported(dataset="tiny_test", scale=2, metric="psnr_y", value=99.0, source="Table 1"),),
        ),
        srbench.ArchitectureSpec(name="wide", build=Wide, scales=frozenset({2, 3}), taps=("body.0",)),
        srbench.ArchitectureSpec(name="both", build=Both, scales=frozenset({2, 3}), multi_scale=True),
    ]


@srbench.hookimpl
def register_degradations():
    def grainy(hr, scale, generator):
        lr = nn.functional.avg_pool2d(hr, scale)
        return (lr + 0.05 * torch.randn(lr.shape, generator=generator)).clamp(0, 1)

    return [srbench.DegradationSpec(name="grainy", apply=grainy, stochastic=True, scales=frozenset({2}))]


@srbench.hookimpl
def register_datasets():
    facts = {"license": "CC0-1.0", "citation": "nobody"}
    return [
        srbench.DatasetSpec(name="tiny_test", label="TinyTest", split="test", images=2, **facts),
        srbench.DatasetSpec(name="tiny_train", label="TinyTrain", split="train", images=3, **facts),
    ]
