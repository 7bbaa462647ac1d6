"""Small networks with attention to channels and places, for two cores; from 7x7 pixels upwards.

A first convolution at full size, four stages that each halve the sides, and CBAM at the end of every block, so that
attention can be compared as A-SKD does. ``cbam_medium_s4`` is for images of a hundred pixels and more: its first
convolution has a stride of 4. CBAM: Convolutional Block Attention Module, Woo et al., ECCV 2018; the sizes are
srbench's own.
"""

import itertools
from functools import partial

from torch import Tensor, nn

import srbench
from srbench.networks.folding import fold_norms
from srbench.networks.recognition.attention import CBAM


class Block(nn.Module):
    """A convolution, which may halve the sides, and attention; with a skip connection where the shape stays."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inward, outward, 3, stride, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outward)
        self.cbam = CBAM(outward, max(outward // 8, 4))
        self.activate = nn.ReLU()
        self.skips = stride == 1 and inward == outward

    def switch_to_deploy(self) -> None:
        """Fold normalisation into the convolution."""
        folded = nn.Sequential(self.norm)
        fold_norms(folded, before=self.conv)
        self.norm = folded[0]

    def forward(self, features: Tensor) -> Tensor:
        """(N, inward, h, w) -> (N, outward, h/stride, w/stride), rounded up."""
        attended: Tensor = self.cbam(self.activate(self.norm(self.conv(features))))
        return features + attended if self.skips else attended


class CbamNet(nn.Module):
    """A stem, four stages at a half to a sixteenth of its sides, means of quarters and a linear layer.

    The means are of the four quarters of the last map, so that the embedding knows where features are in an image.

    Args:
        width: Channels of the stem and of the first stage; each stage doubles them.
        blocks: Blocks of a stage, of which the first halves the sides.
        embedding: Length of the embedding.
        stride: Stride of the stem, whose kernel covers two strides and the pixel between them; 1 keeps full size.
    """

    def __init__(self, width: int, blocks: int, embedding: int, stride: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 2 * stride + 1, stride, stride, bias=False)
        self.start = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.Sequential(
            *(
                nn.Sequential(Block(inward, outward, 2), *(Block(outward, outward, 1) for _ in range(blocks - 1)))
                for inward, outward in itertools.pairwise(widths)
            )
        )
        self.embed = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * widths[-1], embedding))

    def switch_to_deploy(self) -> None:
        """Fold the first normalisation into the stem."""
        fold_norms(self.start, before=self.stem)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, embedding)."""
        embeddings: Tensor = self.embed(self.stages(self.start(self.stem(images))))
        return embeddings


def _spec(name: str, label: str, width: int, blocks: int, embedding: int, stride: int = 1) -> srbench.RecogniserSpec:
    return srbench.RecogniserSpec(
        name=name,
        label=label,
        build=partial(CbamNet, width, blocks, embedding, stride),
        input_mean=(0.5, 0.5, 0.5),
        input_std=(0.5, 0.5, 0.5),
        taps=tuple(f"stages.{stage}" for stage in range(4)),
        attention=tuple(
            f"stages.{stage}.{block}.cbam.{part}"
            for stage in range(4)
            for block in range(blocks)
            for part in ("channel", "spatial")
        ),
        stem="stem",
    )


@srbench.hookimpl
def register_recognisers() -> list[srbench.RecogniserSpec]:
    """A student, a wider and deeper teacher, and the teacher for images of 100 pixels and more."""
    return [
        _spec("cbam_small", "CBAM-small", 16, 1, 128),
        _spec("cbam_medium", "CBAM-medium", 32, 2, 128),
        _spec("cbam_medium_s4", "CBAM-medium/4", 32, 2, 128, stride=4),
    ]
