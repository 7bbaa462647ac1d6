"""Made-up photographs for contracts: smooth areas, edges and some texture."""

from __future__ import annotations

import torch
from torch import Tensor

from srbench.imaging.resize import imresize


def photograph(count: int, channels: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    """Images with the statistics that matter to a test: low frequencies strong, an edge, weak texture, 8-bit values.

    Args:
        count: N.
        channels: C.
        height: Rows.
        width: Columns.
        seed: Which images.

    Returns:
        (N, C, height, width) float32, on the 255 levels in [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(count, channels, max(height // 8, 2), max(width // 8, 2), generator=generator)
    image = 0.15 + 0.7 * imresize(rough, size=(height, width)).clamp(0, 1)
    image[..., width // 2 :] *= 0.6
    image += 0.02 * torch.randn(image.shape, generator=generator)
    return (image.clamp(0, 1) * 255).round() / 255
