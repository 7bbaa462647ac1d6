"""Losses on attention and feature maps, and the decoder that rebuilds an image from them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srbench.errors import ShapeError


def cosine_distance(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Add up one minus the cosine between each map of the student and the teacher's map: A-SKD.

    A-SKD takes the channel and the spatial attention of every block, before the sigmoid, and weighs the sum by 5;
    F-SKD's repeat of it takes the mean over all maps, and F-SKD itself the mean over whole feature maps.

    Args:
        pairs: For each map, the student's (N, …) and the teacher's of the same shape.
    """
    return torch.stack([mean_cosine_distance(*pair) for pair in pairs]).sum()


def mean_cosine_distance(one: Tensor, other: Tensor) -> Tensor:
    """Return one minus the cosine between two tensors of a batch (N, …), averaged over the batch."""
    return (1 - F.cosine_similarity(one.flatten(1), other.flatten(1))).mean()


def energy_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean squared difference of attention maps: attention transfer, in the form of F-SKD.

    Attention is the sum of squares over channels, divided by its norm over the pixels plus 1e-6.

    The student's features are (N, C, h, w), the teacher's (N, C', h, w).
    """

    def attention(features: Tensor) -> Tensor:
        sums = features.square().sum(dim=1).flatten(1)
        norm: Tensor = torch.linalg.vector_norm(sums, dim=1, keepdim=True)
        return sums / (norm + 1e-6)

    return F.mse_loss(attention(student), attention(teacher))


def enlarged_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Compute the mean squared difference between the enlarged features of a small image and those of the large one.

    The student's features are (N, C, h, w), the teacher's (N, C, h', w'). It is the part without parameters of what is
    left in Pixel Distillation's release of its first version.
    """
    enlarged = F.interpolate(student, teacher.shape[-2:], mode="bilinear", align_corners=True)
    return F.mse_loss(enlarged, teacher)


class ImageDecoder(nn.Module):
    """Rebuilds the large image from the student's first features: the head of ISRD (Pixel Distillation, TPAMI 2024).

    A 1x1 convolution without bias, a pixel shuffle and a PReLU for each colour; what is too large is cut off at the
    bottom and at the right. The deployed student does without it.

    Args:
        channels: Channels of the features; the release takes them between the first convolution and its normalisation.
        factor: Side of the large image divided by that of the features, rounded up.
        colours: Channels of the large image.
    """

    def __init__(self, channels: int, factor: int, *, colours: int = 3) -> None:
        super().__init__()
        self.factor = factor
        self.expand = nn.Conv2d(channels, colours * factor**2, 1, bias=False)
        self.activate = nn.PReLU(colours)

    def forward(self, features: Tensor, height: int, width: int) -> Tensor:
        """Map (N, channels, h, w) to (N, colours, height, width).

        Raises:
            ShapeError: The features times the factor are smaller than that.
        """
        image: Tensor = self.activate(F.pixel_shuffle(self.expand(features), self.factor))
        if image.shape[-2] < height or image.shape[-1] < width:
            raise ShapeError(
                f"Features of {tuple(features.shape[-2:])} times {self.factor} give no image of {(height, width)}; "
                "give the decoder a larger factor."
            )
        return image[..., :height, :width]

    def distance(self, features: Tensor, large: Tensor) -> Tensor:
        """Compute the mean absolute difference between the rebuilt and the large image.

        The release weighs it by 50 where the student's images are a quarter as large, and by 10 where they are half.

        Args:
            features: (N, channels, h, w).
            large: (N, colours, H, W) as the teacher sees it, normalised.
        """
        return F.l1_loss(self(features, *large.shape[-2:]), large)
