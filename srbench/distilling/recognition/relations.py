"""Losses on the relations between images, between channels and between pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srbench.distilling.recognition.maps import mean_cosine_distance
from srbench.errors import ShapeError


def relational_distance(student: Tensor, teacher: Tensor, *, distances: float = 1.0, angles: float = 2.0) -> Tensor:
    """Compare the relations between the embeddings of a batch: RKD (Park et al., CVPR 2019).

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
        directions = F.normalize(points[None] - points[:, None], dim=2)
        return directions @ directions.mT

    return distances * F.smooth_l1_loss(spacing(student), spacing(teacher)) + angles * F.smooth_l1_loss(
        cosines(student), cosines(teacher)
    )


def batch_similarity_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Compare the similarities between images: SP (Tung and Mori, ICCV 2019).

    Pixel Distillation weighs it by 3,000, on the last features.

    Args:
        student: Features (N, …).
        teacher: Features (N, …), whose other dimensions may differ.

    Returns:
        The mean over pairs of the squared difference of the products, whose rows have unit norm.
    """

    def products(features: Tensor) -> Tensor:
        vectors = features.flatten(1)
        return F.normalize(vectors @ vectors.T, dim=1)

    return F.mse_loss(products(student), products(teacher))


def channel_correlation_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Compare the correlations between channels: ICKD (Liu et al., ICCV 2021).

    Pixel Distillation weighs it by 2.5, on the last features. The student's pass through `channel_embedding`,
    which its release never trains.

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


def channel_embedding(channels: int, teacher_channels: int) -> nn.Sequential:
    """Build the layers that give the student's features the teacher's channels, for `channel_correlation_distance`."""
    return nn.Sequential(nn.Conv2d(channels, teacher_channels, 1, bias=False), nn.BatchNorm2d(teacher_channels))


def cross_sample_distance(student: Tensor, student_other: Tensor, teacher: Tensor, teacher_other: Tensor) -> Tensor:
    """Compare the similarities between the pixels of two images of one class: F-SKD.

    With A(x, y) the products of every pixel of x with every pixel of y and d one minus the cosine,
    ``(d(A(T, T'), A(T, S')) + d(A(T, T'), A(S, T'))) / 2 + d(A(T, T'), A(S, S'))``.

    It holds (h*w)² numbers for each image, which are few for the last maps of such networks, 7 x 7 pixels.

    Args:
        student: Maps (N, C, h, w) of small images.
        student_other: Maps of other images of the same classes.
        teacher: Maps of the large images.
        teacher_other: Maps of the other large images.
    """

    def products(one: Tensor, other: Tensor) -> Tensor:
        one, other = (F.normalize(maps.flatten(1)).view_as(maps).flatten(2) for maps in (one, other))
        return one.mT @ other

    target = products(teacher, teacher_other)
    mixed = (products(teacher, student_other), products(student, teacher_other))
    unmixed = mean_cosine_distance(target, products(student, student_other))
    return (mean_cosine_distance(target, mixed[0]) + mean_cosine_distance(target, mixed[1])) / 2 + unmixed
