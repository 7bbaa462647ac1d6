"""FSIM and FSIMc (Zhang et al., IEEE TIP 2011), computed by the package pyiqa, which needs no weights for them.

FSIM compares luma of YIQ alone; FSIMc, which pyiqa calls fsim, compares the chroma too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import srbench
from srbench.measuring.metrics.psnr_ssim import check_pair


def load(chromatic: bool, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:  # noqa: ARG001
    """Return the metric.

    Raises:
        UnavailableError: The package is not installed.
    """
    try:
        from pyiqa.archs.fsim_arch import fsim
    except ImportError as error:
        raise srbench.UnavailableError("FSIM needs the package pyiqa; install srbench[perceptual].") from error

    def similarity(sr: Tensor, hr: Tensor) -> Tensor:
        check_pair(sr, hr, "FSIM")
        found: Tensor = fsim(sr.float(), hr.float(), chromatic=chromatic)
        return found.double()

    return similarity


@srbench.hookimpl
def register_metrics() -> list[srbench.MetricSpec]:
    """Provide both on whole images."""
    return [
        srbench.MetricSpec(name=name, label=label, shaved=False, load=partial(load, chromatic))
        for name, label, chromatic in (("fsim", "FSIM (luma)", False), ("fsim_c", "FSIMc", True))
    ]
