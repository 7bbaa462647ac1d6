"""Losses on logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def softened_divergence(student: Tensor, teacher: Tensor, temperature: float = 4.0) -> Tensor:
    """Compute the KL divergence of the softened probabilities, multiplied by the square of the temperature.

    The logits of student and teacher are (N, K); they are divided by the temperature. The mean over the batch is taken.
    """
    student_logs, teacher_logs = ((logits / temperature).log_softmax(dim=1) for logits in (student, teacher))
    return temperature**2 * F.kl_div(student_logs, teacher_logs, reduction="batchmean", log_target=True)


def hinton_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float = 4.0, share: float = 0.9
) -> Tensor:
    """Learn from labels and a teacher, ``share * divergence + (1 - share) * cross-entropy`` (Hinton et al., 2014).

    Args:
        student: Logits (N, K).
        teacher: Logits (N, K).
        labels: (N,), the classes.
        temperature: See `softened_divergence`.
        share: Weight of the teacher; 0.9 in the releases of attention transfer and of Pixel Distillation.
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
    """Weigh the probability of the right class and the shares of the others separately: DKD (Zhao et al., CVPR 2022).

    Releases add it to the cross-entropy, and raise its weight from 0 to 1 over the first 20 epochs.

    Args:
        student: Logits (N, K) of two classes or more.
        teacher: Logits (N, K).
        labels: (N,), the classes.
        target: Weight of the divergence between the right class and all others together.
        others: Weight of the divergence among the others; 2 and 8 for Pixel Distillation.
        temperature: See `softened_divergence`.
    """
    right = F.one_hot(labels, student.shape[1]).bool()

    def divided(logits: Tensor) -> tuple[Tensor, Tensor]:
        logits = logits / temperature
        rest = logits[~right].view(len(logits), -1)
        return torch.stack((logits[right], rest.logsumexp(dim=1)), dim=1), rest

    (student_pair, student_rest), (teacher_pair, teacher_rest) = map(divided, (student, teacher))
    return temperature**2 * (
        target * softened_divergence(student_pair, teacher_pair, 1.0)
        + others * softened_divergence(student_rest, teacher_rest, 1.0)
    )
