"""ResNet-18 with a quarter of its channels, for small images and two cores.

Deep Residual Learning for Image Recognition, He et al., CVPR 2016: four stages of two residual blocks each. The first
convolution has 3x3 pixels and keeps the size of an image, and no pooling follows it, as in the paper's networks for
CIFAR-10. The embedding is the mean of the last features. The whole network is ``timm:resnet18``.
"""

import itertools
from functools import partial

from torch import Tensor, nn

import srbench
from srbench.networks.folding import fold_norms


class Block(nn.Module):
    """Two convolutions on a shortcut; the first has the stride."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(inward, outward, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outward),
            nn.ReLU(),
            nn.Conv2d(outward, outward, 3, padding=1, bias=False),
            nn.BatchNorm2d(outward),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inward == outward
            else nn.Sequential(nn.Conv2d(inward, outward, 1, stride, bias=False), nn.BatchNorm2d(outward))
        )
        self.activate = nn.ReLU()

    def switch_to_deploy(self) -> None:
        """Fold normalisation into convolutions."""
        for part in (self.residual, self.shortcut):
            if isinstance(part, nn.Sequential):
                fold_norms(part)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inward, h, w) -> (N, outward, h/stride, w/stride), rounded up."""
        activated: Tensor = self.activate(self.residual(features) + self.shortcut(features))
        return activated


class ResNet(nn.Module):
    """A stem and a stage at full size, and three stages that each halve the sides and double the channels.

    Args:
        width: Channels of the stem; the embedding is eight times as long.
        blocks: Blocks of a stage.
    """

    def __init__(self, width: int, blocks: int = 2) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.start = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    Block(inward, outward, 1 if inward == outward else 2),
                    *(Block(outward, outward, 1) for _ in range(blocks - 1)),
                )
                for inward, outward in itertools.pairwise(widths)
            )
        )

    def switch_to_deploy(self) -> None:
        """Fold the first normalisation into the stem."""
        fold_norms(self.start, before=self.stem)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 8*width)."""
        embeddings: Tensor = self.stages(self.start(self.stem(images))).mean((2, 3))
        return embeddings


@srbench.hookimpl
def register_recognisers() -> list[srbench.RecogniserSpec]:
    """The network with sixteen channels at first."""
    return [
        srbench.RecogniserSpec(
            name="resnet_small",
            label="ResNet-18, a quarter as wide",
            build=partial(ResNet, 16),
            paper=srbench.Paper(
                title="Deep Residual Learning for Image Recognition",
                venue="CVPR",
                year=2016,
                url="https://arxiv.org/abs/1512.03385",
            ),
            input_mean=(0.5, 0.5, 0.5),
            input_std=(0.5, 0.5, 0.5),
            taps=tuple(f"stages.{stage}" for stage in range(4)),
            stem="stem",
            notes="A variant for small images and two cores, not one of the paper's sizes.",
        )
    ]
