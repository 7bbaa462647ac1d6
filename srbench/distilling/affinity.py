"""How the pixels of features relate to one another, compared in bounded memory (FAKD, He et al., ICIP 2020)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

STRIP_ELEMENTS = 2**22
"""Numbers of an affinity map that are held at once: 16 MB in single precision."""


def affinity_distance(student: Tensor, teacher: Tensor, *, elements: int = STRIP_ELEMENTS) -> Tensor:
    """Compute the mean absolute difference of the spatial affinities, mean |A_S - A_T|, in bounded memory.

    The affinity A = F'^T F' holds the cosine of every pixel's features with every other's: (N, hw, hw), a gigabyte for
    a few patches. It is formed strip by strip, and the gradient along with the value, so that nothing of its size is
    kept for the backward pass. FAKD (He et al., ICIP 2020).

    Args:
        student: (N, C, h, w).
        teacher: (N, C', h, w); C' may differ.
        elements: How many numbers of the affinities are held at once.

    Returns:
        One number in [0, 2]. It can be differentiated once.
    """
    with torch.autocast(student.device.type, enabled=False):  # differences of cosines drown in half precision
        units = [unit_pixels(features).flatten(2) for features in (student, teacher)]
        rows = max(1, elements // (len(student) * units[0].shape[2]))
        distance: Tensor = _StripwiseL1.apply(*units, rows)
    return distance


def unit_pixels(features: Tensor) -> Tensor:
    """Divide every pixel of (N, C, h, w) by its norm over C plus 1e-8, in single precision at least."""
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    norms: Tensor = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    return features / (norms + 1e-8)


class _StripwiseL1(torch.autograd.Function):
    """mean |XᵀX - YᵀY| for X (N, C, P) and Y (N, C', P).

    With D the symmetric sign of the difference over the number of its elements, the gradients are 2XD and -2YD.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, student: Tensor, teacher: Tensor, rows: int) -> Tensor:
        count, _, pixels = student.shape
        elements = count * pixels**2
        total = student.new_zeros(())
        needs_gradient = ctx.needs_input_grad[:2]  # type: ignore[attr-defined]
        gradients = [
            (2.0 * sign / elements, side, torch.empty_like(side)) if needed else None
            for sign, side, needed in zip((1, -1), (student, teacher), needs_gradient, strict=True)
        ]
        for at in range(0, pixels, rows):
            strip = slice(at, at + rows)
            difference = torch.baddbmm(student[..., strip].mT @ student, teacher[..., strip].mT, teacher, alpha=-1)
            total += difference.abs().sum()
            difference.sign_()
            for found in gradients:
                if found is not None:
                    factor, side, gradient = found
                    gradient[..., strip] = factor * (side @ difference.mT)
        ctx.save_for_backward(*(found[2] if found else None for found in gradients))  # type: ignore[arg-type]
        return total / elements

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        student, teacher = (
            None if gradient is None else upstream * gradient
            for gradient in ctx.saved_tensors  # type: ignore[attr-defined]
        )
        return student, teacher, None
