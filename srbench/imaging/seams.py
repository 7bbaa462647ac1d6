"""How visible the seams of tiles are in an enlarged image."""

from __future__ import annotations

import torch
from torch import Tensor

from srbench.errors import UnavailableError, UsageError

_NEAR, _FAR = 3, 8
"""Pixels from a seam between which steps are compared with its own."""


def seam_visibility(sr: Tensor, step: int, period: int = 1) -> Tensor:
    """Return how much larger the steps at seams are than those beside them: about 1 where nothing is seen.

    The step between two neighbouring pixels is what it exceeds the mean of the steps before and after it, so that
    slopes and smooth textures have none. It is compared with steps near the seam, which have the same content.

    Args:
        sr: (N, C, H, W), any range.
        step: Pixels of sr from one seam to the next; the first is at ``step`` from the top and the left.
        period: The scale: enlarging makes steps differ by their place within a pixel of lr, so that only steps whole
            pixels of lr away are compared.

    Returns:
        (N,) float64: the ratio of both means over all seams; 1 where both are zero.

    Raises:
        UsageError: The step is too small: seams and what they are compared with would overlap.
        UnavailableError: The image is not larger than a tile.
    """
    far = max(_FAR, 2 * period)
    if step <= 2 * _NEAR:
        raise UsageError(f"Seams every {step} pixels are too near to each other; give more than {2 * _NEAR}.")
    at, beside = [], []
    for dim in (-2, -1):
        lines = sr.double().movedim(dim, -1)
        steps = lines.diff(dim=-1)
        sizes = (steps[..., 1:-1] - (steps[..., :-2] + steps[..., 2:]) / 2).abs()  # item i is the step to pixel i + 2
        seams = torch.tensor(range(step - 2, lines.shape[-1] - 3, step), device=sr.device)
        places = torch.arange(sizes.shape[-1], device=sr.device)
        distance = (places[:, None] - seams[None]).abs().amin(dim=1) if len(seams) else places + far + 1
        at.append(sizes[..., distance == 0].flatten(1))
        near = (distance >= _NEAR) & (distance <= far) & (distance % period == 0)
        beside.append(sizes[..., near].flatten(1))
    seam, other = torch.cat(at, dim=1), torch.cat(beside, dim=1)
    if not seam.shape[1]:
        raise UnavailableError(f"the image of {sr.shape[-2]}×{sr.shape[-1]} has no seams {step} pixels apart")
    means = seam.mean(dim=1), other.mean(dim=1)
    return torch.where((means[0] == 0) & (means[1] == 0), 1.0, means[0] / means[1])
