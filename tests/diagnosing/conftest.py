"""Photographs, and folders of what somebody made of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from srbench.diagnosing.metrics import diagnose
from srbench.imaging.resize import imresize
from srbench.measuring.metrics.psnr_ssim import psnr, ssim


@dataclass(frozen=True)
class Folders:
    """Folders ``hr``, ``lr`` and ``sr`` of the same photographs, at x2."""

    base: Path
    hr: dict
    """(H, W, 3) uint8 by name."""
    sr: dict
    """As a network would enlarge."""
    soft: dict
    """By bicubic interpolation."""

    def save(self, images, name="sr", suffix=".png", **options):
        """Write images into a new folder."""
        folder = self.base / name
        folder.mkdir(exist_ok=True)
        for own, pixels in images.items():
            Image.fromarray(pixels).save(folder / f"{own}{suffix}", **options)
        return folder

    def diagnose(self, images, claim=None, **more):
        """Save images as sr, and diagnose them."""
        options = {"suffix": more.pop("suffix", ".png"), **more.pop("options", {})}
        return diagnose(self.save(images, **options), self.base / "hr", claim=claim, scale=more.pop("scale", 2), **more)


def resized(pixels, size):
    """MATLAB's bicubic resize of uint8."""
    import torch

    return imresize(torch.tensor(pixels).movedim(-1, 0), size=size, rounding="uint8").movedim(0, -1).numpy()


def reference(images, hr, score="psnr", shave=2, y=True):
    """The mean of srbench's own PSNR or SSIM."""
    import torch

    from srbench.imaging.colour import rgb_to_y

    values = []
    for name, pixels in images.items():
        pair = [torch.tensor(p).movedim(-1, 0)[None].double() / 255 for p in (pixels, hr[name])]
        pair = [p[..., shave : p.shape[-2] - shave, shave : p.shape[-1] - shave] for p in pair]
        pair = [rgb_to_y(p) for p in pair] if y else pair
        values.append({"psnr": psnr, "ssim": ssim}[score](*pair, data_range=1).item())
    return float(np.mean(values))


@pytest.fixture
def folders(tmp_path):
    """Three parts of photographs, reduced and enlarged by MATLAB's bicubic resize, sharpened as a network would."""
    photographs = {
        "astronaut": data.astronaut()[20:84, 190:254],
        "cat": data.chelsea()[90:154, 130:202],
        "cup": data.coffee()[100:164, 240:304],
    }
    hr = {name: np.ascontiguousarray(pixels) for name, pixels in photographs.items()}
    made = Folders(tmp_path, hr, {}, {})
    made.save(hr, "hr")
    lr = {name: resized(pixels, tuple(side // 2 for side in pixels.shape[:2])) for name, pixels in hr.items()}
    made.save(lr, "lr")
    for name, pixels in lr.items():
        made.soft[name] = resized(pixels, hr[name].shape[:2])
        made.sr[name] = (0.6 * made.soft[name] + 0.4 * hr[name]).round().astype(np.uint8)
    return made
