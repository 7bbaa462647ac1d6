"""Losses with which networks are taught to recognise images of low resolution.

Functions on logits, on embeddings and on feature maps, which the distillers of classifiers and of face recognisers put
together: Pixel Distillation (Guo et al., TPAMI 2024), whose student must be able to tell the large image from its first
layer; A-SKD (Shin et al., ECCV 2022), whose student must attend where the teacher does; its successor F-SKD (2023); and
what they are compared with. Student and teacher see the same images, the student small ones.

Each returns one number. The weights that papers give them are said, and left to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srbench.errors import ShapeError

# --- logits ---------------------------------------------------------------------------------------------------------


def softened_divergence(student: Tensor, teacher: Tensor, temperature: float = 4.0) -> Tensor:
    """KL divergence of the student's softened probabilities from the teacher's, by the temperature's square.

    Args:
        student: Logits (N, K).
        teacher: The same.
        temperature: Logits are divided by it.

    Returns:
        The mean over the batch.
    """
    mine, theirs = ((logits / temperature).log_softmax(dim=1) for logits in (student, teacher))
    return temperature**2 * F.kl_div(mine, theirs, reduction="batchmean", log_target=True)


def hinton_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float = 4.0, share: float = 0.9
) -> Tensor:
    """Labels and a teacher, ``share * divergence + (1 - share) * cross-entropy`` (Hinton et al., 2014).

    Args:
        student: Logits (N, K).
        teacher: The same.
        labels: (N,), the classes.
        temperature: See `softened_divergence`.
        share: Of the teacher; 0.9 in the releases of attention transfer and of Pixel Distillation.
    """
    return share * softened_divergence(student, teacher, temperature) + (1 - share) * F.cross_entropy(student, labels)


def decoupled_divergence(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    *,
    target: float = 1.0,
    others: float = 2.0,
    temperature: float = 4.0,
) -> Tensor:
    """DKD: how likely the right class is, and how the others share the rest, weighed apart (Zhao et al., CVPR 2022).

    Releases add it to the cross-entropy, and raise its weight from 0 to 1 over the first 20 epochs.

    Args:
        student: Logits (N, K) of two classes or more.
        teacher: The same.
        labels: (N,), the classes.
        target: Weight of the divergence between the right class and all others together.
        others: Weight of the divergence among the others; 2 and 8 for Pixel Distillation.
        temperature: See `softened_divergence`.
    """
    right = F.one_hot(labels, student.shape[1]).bool()

    def parted(logits: Tensor) -> tuple[Tensor, Tensor]:
        logits = logits / temperature
        rest = logits[~right].view(len(logits), -1)
        return torch.stack((logits[right], rest.logsumexp(dim=1)), dim=1), rest

    (mine, my_rest), (theirs, their_rest) = (parted(logits) for logits in (student, teacher))
    square = temperature**2
    return square * (
        target * softened_divergence(mine, theirs, 1.0) + others * softened_divergence(my_rest, their_rest, 1.0)
    )


def margin_logits(
    embeddings: Tensor, centres: Tensor, labels: Tensor, *, scale: float = 32.0, margin: float = 0.5
) -> Tensor:
    """ArcFace: cosines to centres, that of the right class at an angle larger by a margin (Deng et al., CVPR 2019).

    Where the angle with the margin would exceed pi, the cosine is lowered by ``margin * sin(margin)`` instead. A-SKD
    trains on their cross-entropy, with the defaults.

    Args:
        embeddings: (N, D).
        centres: (K, D), of unit norm or not.
        labels: (N,), the classes.
        scale: Of the logits.
        margin: In radians.

    Returns:
        Logits (N, K).
    """
    cosines = F.normalize(embeddings) @ F.normalize(centres).T
    sines = (1 - cosines.square()).clamp(1e-9, 1).sqrt()
    beyond = cosines <= -math.cos(margin)
    with_margin = torch.where(
        beyond, cosines - margin * math.sin(margin), cosines * math.cos(margin) - sines * math.sin(margin)
    )
    right = F.one_hot(labels, len(centres)).bool()
    return scale * torch.where(right, with_margin, cosines)


# --- relations ------------------------------------------------------------------------------------------------------


def relational_distance(student: Tensor, teacher: Tensor, *, distances: float = 1.0, angles: float = 2.0) -> Tensor:
    """RKD: the embeddings of a batch lie to one another as the teacher's do (Park et al., CVPR 2019).

    Args:
        student: Embeddings (N, D).
        teacher: (N, D'); D' may differ.
        distances: Weight of the pairs' distances, in units of their mean.
        angles: Weight of the cosines of the angles at one embedding between two others.
    """

    def spacing(points: Tensor) -> Tensor:
        spaces = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
        return spaces / spaces[spaces > 0].mean()

    def cosines(points: Tensor) -> Tensor:
        ways = F.normalize(points[None] - points[:, None], dim=2)
        return ways @ ways.mT

    return distances * F.smooth_l1_loss(spacing(student), spacing(teacher)) + angles * F.smooth_l1_loss(
        cosines(student), cosines(teacher)
    )


def batch_similarity_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """SP: images are as like one another as the teacher finds them (Tung and Mori, ICCV 2019).

    Pixel Distillation weighs it by 3,000, on the last features.

    Args:
        student: Features (N, …).
        teacher: The same N; the rest may differ.

    Returns:
        The mean over pairs of the squared difference of the products, whose rows have unit norm.
    """

    def products(features: Tensor) -> Tensor:
        vectors = features.flatten(1)
        return F.normalize(vectors @ vectors.T, dim=1)

    return F.mse_loss(products(student), products(teacher))


def channel_correlation_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """ICKD: channels go with one another as the teacher's do (Liu et al., ICCV 2021).

    Pixel Distillation weighs it by 2.5, on the last features. The student's go through `channel_embedding`, which its
    release never trains.

    Args:
        student: (N, C, h, w).
        teacher: (N, C, h', w').

    Returns:
        The sum of the squared differences of the products, whose rows have unit norm, divided by N * C.

    Raises:
        ShapeError: Their channels differ.
    """

    def products(features: Tensor) -> Tensor:
        maps = features.flatten(2)
        return F.normalize(maps @ maps.mT, dim=2)

    if student.shape[1] != teacher.shape[1]:
        raise ShapeError(
            f"The student's features have {student.shape[1]} channels and the teacher's {teacher.shape[1]}, which "
            "cannot be compared; give the student's a channel_embedding."
        )
    difference = products(student) - products(teacher)
    return difference.square().sum() / difference.shape[:2].numel()


def channel_embedding(channels: int, wanted: int) -> nn.Sequential:
    """Gives the student's features the teacher's channels, for `channel_correlation_distance`."""
    return nn.Sequential(nn.Conv2d(channels, wanted, 1, bias=False), nn.BatchNorm2d(wanted))


def cross_sample_distance(student: Tensor, student_other: Tensor, teacher: Tensor, teacher_other: Tensor) -> Tensor:
    """F-SKD: pixels of two images of one class are as like one another as the teacher finds them.

    With A(x, y) the products of every pixel of x with every pixel of y and d one minus the cosine,
    ``(d(A(T, T'), A(T, S')) + d(A(T, T'), A(S, T'))) / 2 + d(A(T, T'), A(S, S'))``.

    It holds (h*w)² numbers for each image, little for the maps of 7 x 7 pixels that end such networks.

    Args:
        student: Maps (N, C, h, w) of small images.
        student_other: Of other images of the same classes.
        teacher: Maps of the same images, large.
        teacher_other: The same for the others.
    """

    def products(one: Tensor, other: Tensor) -> Tensor:
        one, other = (F.normalize(maps.flatten(1)).view_as(maps).flatten(2) for maps in (one, other))
        return one.mT @ other

    wanted = products(teacher, teacher_other)
    mixed = (products(teacher, student_other), products(student, teacher_other))
    alone = _mean_cosine_distance(wanted, products(student, student_other))
    return (_mean_cosine_distance(wanted, mixed[0]) + _mean_cosine_distance(wanted, mixed[1])) / 2 + alone


# --- maps -----------------------------------------------------------------------------------------------------------


def cosine_distance(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """A-SKD: the student's maps point where the teacher's do, the mean over the batch of one minus the cosine, summed.

    A-SKD takes the channel and the spatial attention of every block, before the sigmoid, and weighs the sum by 5;
    F-SKD's repeat of it takes the mean over all maps, and F-SKD itself the mean over whole feature maps.

    Args:
        pairs: Of each map, the student's (N, …) and the teacher's of the same shape.
    """
    return torch.stack([_mean_cosine_distance(mine, theirs) for mine, theirs in pairs]).sum()


def _mean_cosine_distance(one: Tensor, other: Tensor) -> Tensor:
    return (1 - F.cosine_similarity(one.flatten(1), other.flatten(1))).mean()


def energy_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Attention transfer as F-SKD has it: the mean squared difference of where features are strong.

    Strong is the sum of squares over channels, divided by its norm over the pixels plus 1e-6.

    Args:
        student: (N, C, h, w).
        teacher: (N, C', h, w).
    """

    def energy(features: Tensor) -> Tensor:
        sums = features.square().sum(dim=1).flatten(1)
        norm: Tensor = torch.linalg.vector_norm(sums, dim=1, keepdim=True)
        return sums / (norm + 1e-6)

    return F.mse_loss(energy(student), energy(teacher))


def enlarged_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of the features of a small image, enlarged, and of the large one.

    The part without parameters of what is left in Pixel Distillation's release of its first version.

    Args:
        student: (N, C, h, w).
        teacher: (N, C, h', w').
    """
    enlarged = F.interpolate(student, teacher.shape[-2:], mode="bilinear", align_corners=True)
    return F.mse_loss(enlarged, teacher)


class ImageDecoder(nn.Module):
    """ISRD's head: tells the large image from the student's first features (Pixel Distillation, TPAMI 2024).

    A 1x1 convolution without bias, a pixel shuffle and a PReLU for each colour; what is too much is cut off at the
    bottom and at the right. It is left out of the deployed student.

    Args:
        channels: Of the features, which the release takes after the first convolution, before its normalisation.
        factor: Side of the large image by that of the features, rounded up.
        colours: Of the large image.
    """

    def __init__(self, channels: int, factor: int, *, colours: int = 3) -> None:
        super().__init__()
        self.factor = factor
        self.expand = nn.Conv2d(channels, colours * factor**2, 1, bias=False)
        self.activate = nn.PReLU(colours)

    def forward(self, features: Tensor, height: int, width: int) -> Tensor:
        """(N, channels, h, w) to (N, colours, height, width).

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
        """Mean absolute difference of the image that is told and the large one.

        The release weighs it by 50 where the student's images are a quarter as large, and by 10 where they are half.

        Args:
            features: (N, channels, h, w).
            large: (N, colours, H, W) as the teacher sees it, normalised.
        """
        return F.l1_loss(self(features, *large.shape[-2:]), large)
