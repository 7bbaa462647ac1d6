"""Logits that are cosines to the centres of classes, with a margin for the right class."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def cosines_to(centres: Tensor, embeddings: Tensor) -> Tensor:
    """Return the cosines (N, K) of embeddings (N, D) to centres (K, D); half precision is raised to single first."""
    if embeddings.dtype in (torch.bfloat16, torch.float16):
        embeddings = embeddings.float()
    with torch.autocast(embeddings.device.type, enabled=False):  # a margin is lost in the rounding of half precision
        return F.normalize(embeddings) @ F.normalize(centres).T.to(embeddings.dtype)


def margin_logits(
    embeddings: Tensor, centres: Tensor, labels: Tensor, *, scale: float = 32.0, margin: float = 0.5
) -> Tensor:
    """Return cosines to centres, with a margin on the angle of the right class: ArcFace (Deng et al., CVPR 2019).

    Where the angle with the margin would exceed pi, the cosine is lowered by ``margin * sin(margin)`` instead. A-SKD
    trains on their cross-entropy, with the defaults.

    Args:
        embeddings: (N, D).
        centres: (K, D), of unit norm or not.
        labels: (N,), the classes.
        scale: Factor of the logits.
        margin: Angle in radians.

    Returns:
        Logits (N, K).
    """
    cosines = cosines_to(centres, embeddings)
    sines = (1 - cosines.square()).clamp(1e-9, 1).sqrt()
    beyond = cosines <= -math.cos(margin)
    with_margin = torch.where(
        beyond, cosines - margin * math.sin(margin), cosines * math.cos(margin) - sines * math.sin(margin)
    )
    return scale * _of_right_class(labels, with_margin, cosines)


def cosine_margin_logits(
    embeddings: Tensor, centres: Tensor, labels: Tensor, *, scale: float = 64.0, margin: float = 0.35
) -> Tensor:
    """Return cosines to centres, that of the right class lowered by a margin: CosFace (Wang et al., CVPR 2018).

    The defaults are the paper's for faces.

    Args:
        embeddings: (N, D).
        centres: (K, D), of unit norm or not.
        labels: (N,), the classes.
        scale: Factor of the logits.
        margin: What is subtracted from the cosine.

    Returns:
        Logits (N, K).
    """
    cosines = cosines_to(centres, embeddings)
    return scale * _of_right_class(labels, cosines - margin, cosines)


def quality_margin_logits(
    embeddings: Tensor,
    centres: Tensor,
    labels: Tensor,
    quality: Tensor,
    *,
    scale: float = 64.0,
    margin: float = 0.4,
) -> Tensor:
    """Return cosines to centres, with margins that depend on image quality: AdaFace (Kim et al., CVPR 2022).

    With quality q, the right class has ``cos(angle - margin * q) - margin * (1 + q)``: a margin on the angle as of
    ArcFace for q = -1, on the cosine as of CosFace for q = 0. The changed angle is kept within [0, pi].

    Args:
        embeddings: (N, D).
        centres: (K, D), of unit norm or not.
        labels: (N,), the classes.
        quality: (N,), in [-1, 1].
        scale: Factor of the logits.
        margin: Angle in radians, and what is subtracted from the cosine.

    Returns:
        Logits (N, K).
    """
    tiny = 1e-3  # the slope of the angle is infinite at its ends
    cosines = cosines_to(centres, embeddings)
    quality = quality.to(cosines.dtype)[:, None]
    angles = cosines.clamp(-1 + tiny, 1 - tiny).acos()
    with_margin = (angles - margin * quality).clamp(tiny, math.pi - tiny).cos() - margin * (1 + quality)
    return scale * _of_right_class(labels, with_margin, cosines)


def _of_right_class(labels: Tensor, with_margin: Tensor, cosines: Tensor) -> Tensor:
    return torch.where(F.one_hot(labels, cosines.shape[1]).bool(), with_margin, cosines)
