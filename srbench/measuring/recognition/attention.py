"""Keep where a recogniser looks in a few test images, for the picture of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from srbench.files import atomic_path
from srbench.imaging.pixels import to_uint8
from srbench.networks.recognition.recogniser import Recogniser

FILE = "attention.npz"


def spread_over(count: int, wanted: int) -> list[int]:
    """Return the numbers of at most ``wanted`` of ``count`` images, evenly spaced, since classes follow one another."""
    shown = min(count, wanted)
    return [(2 * place + 1) * count // (2 * shown) for place in range(shown)]


@torch.inference_mode()
def attention_to_places(recogniser: Recogniser, images: Tensor, size: tuple[int, int]) -> Tensor | None:
    """Return where a recogniser looks: the mean of its maps over places, of all depths.

    Args:
        recogniser: A network whose spec names its attention; see `RecogniserSpec.attention`.
        images: What it sees, (N, 3, h, w) in [0, 1].
        size: Height and width (H, W) to which each map is enlarged bilinearly.

    Returns:
        (N, H, W) in [0, 1]; None if it has no map over places.
    """
    found = recogniser.features(images, recogniser.spec.attention).values()
    maps = [logits.float().sigmoid() for logits in found if logits.shape[1] == 1]
    if not maps:
        return None
    enlarged = [F.interpolate(each, size, mode="bilinear", align_corners=False) for each in maps]
    return torch.stack(enlarged).mean(dim=0)[:, 0]


def write_attention(folder: Path, names: Sequence[str], seen: Tensor, places: Tensor) -> str:
    """Write images (n,), seen (n, h, w, 3) uint8 and places (n, H, W) float32 to ``FILE``; return its name.

    Args:
        folder: Receives the file.
        names: Of the n images.
        seen: What the recogniser saw of them, (n, 3, h, w) in [0, 1].
        places: See `attention_to_places`.
    """
    arrays = {
        "images": np.array(names, dtype=np.str_),
        "seen": to_uint8(seen.float().cpu()).permute(0, 2, 3, 1).numpy(),
        "places": places.float().cpu().numpy(),
    }
    with atomic_path(folder / FILE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return FILE
