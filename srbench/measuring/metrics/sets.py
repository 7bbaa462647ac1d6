"""Distances between two sets of features: Fréchet's of two Gaussians, and the kernel distance of KID."""

from __future__ import annotations

import torch
from torch import Tensor

from srbench.errors import ShapeError, UnavailableError


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the squared Fréchet distance of the Gaussians with the means and covariances of two sets.

    |m1 − m2|² + tr(C1 + C2 − 2 (C1 C2)^½), as in FID (Heusel et al., NeurIPS 2017); C has n − 1 in the denominator.
    With C = XᵀX, the eigenvalues of C1 C2 are the squared singular values of X1 X2ᵀ, so that sets that are smaller than
    their features need no root of a singular matrix.

    Args:
        first: (n, D), n at least 2.
        second: (m, D), m at least 2.

    Raises:
        UnavailableError: A set has less than two members.
        ShapeError: D differs.
    """
    first, second = _checked(first, second)
    (mean_1, rows_1), (mean_2, rows_2) = map(_moments, (first, second))
    product = rows_1 @ rows_2.T if _is_wide(rows_1, rows_2) else _root_of(rows_1) @ _root_of(rows_2)
    spread = rows_1.square().sum() + rows_2.square().sum() - 2 * torch.linalg.svdvals(product).sum()
    return max(0.0, float((mean_1 - mean_2).square().sum() + spread))


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Return the unbiased squared maximum mean discrepancy of two sets, by the kernel (x·y / D + 1)³.

    KID (Bińkowski et al., ICLR 2018) over all pairs, without subsets. Its mean over sets from one distribution is 0, so
    that it may be negative.

    Args:
        first: (n, D), n at least 2.
        second: (m, D), m at least 2.

    Raises:
        UnavailableError: A set has less than two members.
        ShapeError: D differs.
    """
    first, second = _checked(first, second)
    within = sum(_mean_of_pairs(_kernel(own, own)) for own in (first, second))
    return float(within - 2 * _kernel(first, second).mean().item())


def _checked(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ShapeError(f"Sets of features must be (n, D), not {tuple(first.shape)} and {tuple(second.shape)}.")
    if min(len(first), len(second)) < 2:
        raise UnavailableError("a distance of sets needs at least two images")
    return first.double(), second.double()


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (D,), and rows (n, D) whose product XᵀX is the covariance."""
    mean = features.mean(dim=0)
    return mean, (features - mean) / (len(features) - 1) ** 0.5


def _is_wide(first: Tensor, second: Tensor) -> bool:
    return max(len(first), len(second)) <= first.shape[1]


def _root_of(rows: Tensor) -> Tensor:
    """Return the symmetric root (D, D) of XᵀX."""
    values, vectors = torch.linalg.eigh(rows.T @ rows)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _mean_of_pairs(kernel: Tensor) -> float:
    """Return the mean of a kernel (n, n) over pairs of different members."""
    count = len(kernel)
    return ((kernel.sum() - kernel.trace()) / (count * (count - 1))).item()
