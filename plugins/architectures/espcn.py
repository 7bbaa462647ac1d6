"""ESPCN: convolve at LR size, then one sub-pixel shuffle (Shi et al., CVPR 2016)."""

from __future__ import annotations

from torch import Tensor, nn

import srbench


class ESPCN(nn.Module):
    """The network on luma: 5x5 to 64 channels, 3x3 to 32, 3x3 to scale² and a shuffle, with tanh between them."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 64, 5, padding=2), nn.Tanh(), nn.Conv2d(64, 32, 3, padding=1), nn.Tanh()
        )
        self.upsample = nn.Sequential(nn.Conv2d(32, scale**2, 3, padding=1), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 1, h, w) to (N, 1, scale*h, scale*w), in [0, 1]."""
        sr: Tensor = self.upsample(self.features(lr))
        return sr


RECIPE = srbench.Recipe(
    name="espcn_adapted",
    datasets=("t91",),
    patch=24,
    batch=16,
    steps=200_000,
    learning_rate=1e-3,
    schedule="cosine",
    final_learning_rate=1e-5,
    losses={"mse": 1.0},
    source="ours: the paper's smaller training set and its MSE, but a schedule of fixed length and Adam",
)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the network of the paper, with tanh as in its final version."""
    return [
        srbench.ArchitectureSpec(
            name="espcn",
            label="ESPCN",
            build=ESPCN,
            scales=frozenset({2, 3, 4, 8}),
            channels="y",
            taps=("features.1", "features.3"),
            recipe=RECIPE,
            paper=srbench.Paper(
                title="Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional "
                "Neural Network",
                venue="CVPR",
                year=2016,
                url="https://arxiv.org/abs/1609.05158",
            ),
            notes="Written from the paper; its authors released no code.",
        )
    ]
