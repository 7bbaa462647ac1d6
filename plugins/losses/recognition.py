"""Losses of recognition, which compare logits with labels."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

import srbench


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the classes: of the one class of an image, or the mean over classes of which it has several.

    Args:
        logits: (N, K).
        labels: (N,), or (N, K) zeros and ones where an image may have several classes.
    """
    if labels.dim() == 2:
        return F.binary_cross_entropy_with_logits(logits, labels)
    return F.cross_entropy(logits, labels)


@srbench.hookimpl
def register_losses() -> list[srbench.LossSpec]:
    """Provide the cross-entropy."""
    return [
        srbench.LossSpec(name="cross_entropy", label="cross-entropy", build=lambda: cross_entropy, task="recognition")
    ]
