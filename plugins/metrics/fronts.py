"""How good the images are that a recogniser is fed: PSNR, SSIM and LPIPS against HR, on its own test images.

A network for super-resolution in front of a recogniser is so scored on the images by which its help is judged.
"""

from __future__ import annotations

from srbench_plugins.metrics import lpips, psnr_ssim

import srbench


@srbench.hookimpl
def register_metrics() -> list[srbench.FrontMetricSpec]:
    """Provide ``front_psnr_y`` and the same of all metrics of images that need no package of others."""
    return [
        srbench.FrontMetricSpec.applying(metric)
        for metric in (*psnr_ssim.register_metrics(), *lpips.register_metrics())
    ]
