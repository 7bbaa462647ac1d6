"""The speed of BSRGAN's degradation in batches, against the same chain image by image, and against NumPy and SciPy.

Every image has its own order of steps and its own sizes, so a batch shares hardly any call. What remains is the time of
the steps: the first row is about 1 with one thread, and the threads of a batch are its gain.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage, stats
from srbench_plugins.degradations.bsrgan import register_degradations

from benchmarks.degradations import _patches
from benchmarks.rows import Row, compare
from srbench.degrading import Size
from srbench.imaging import imresize
from srbench.profiling.freed_memory import freed_memory_kept

_SIDE, _BATCH, _SCALE = 256, 16, 4
_DRAWS = 8
"""Batches in one timing, as sizes and orders differ between draws."""
_MODES = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)

Image = NDArray[np.float32]


def rows() -> list[Row]:
    """Every comparison of this file."""
    chain = next(spec.chain for spec in register_degradations() if spec.name == "bsrgan")
    if chain is None:
        raise ValueError("bsrgan must have a chain")
    size, patches = Size(_SIDE, _SIDE, _SCALE), _patches(_BATCH)
    batch = torch.from_numpy(patches).permute(0, 3, 1, 2).contiguous()
    draws = [chain.draws(_BATCH, size, torch.Generator().manual_seed(seed)) for seed in range(_DRAWS)]
    cv2.setNumThreads(torch.get_num_threads())

    def together() -> None:
        for drawn in draws:
            chain.degrade(batch, drawn, size)

    def one_by_one() -> None:
        for drawn in draws:
            for at, own in enumerate(drawn):
                chain.degrade(batch[at : at + 1], [own], size)

    def plainly() -> None:
        for seed in range(_DRAWS):
            single = OneAtATime(seed)
            for patch in patches:
                single(patch)

    with torch.no_grad(), freed_memory_kept():
        alone, plain = compare(together, one_by_one), compare(together, plainly, repeats=5)
    what = f"BSRGAN's degradation, {_BATCH} patches of {_SIDE}²"
    return [
        Row(what, "the same chain, image by image", alone, "≥ 1 (as fast)", alone >= 1),
        Row(what, "NumPy, SciPy and OpenCV, image by image", plain, "≥ 1 (as fast)", plain >= 1),
    ]


class OneAtATime:
    """BSRGAN's degradation with NumPy, SciPy and OpenCV.

    Args:
        seed: Seed of all draws.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def __call__(self, image: Image) -> Image:
        """Make lr from one image (H, W, 3)."""
        random, scale = self.random, _SCALE
        if random.random() < 0.25:
            image, scale = self._halved(image), 2
        height, width = image.shape[:2]
        order = list(random.permutation(6))
        down, last = order.index(2), order.index(3)
        if last < down:
            order[down], order[last] = 3, 2
        for step in order:
            if step < 2:
                image = self._blurred(image, scale)
            elif step == 2:
                image = self._smaller(image, scale)
            elif step == 3:
                image = cv2.resize(image, (width // scale, height // scale), interpolation=self._mode())
            elif step == 4:
                image = self._noisy(image)
            elif random.random() < 0.9:
                image = self._jpeg(image)
            image = image.clip(0, 1)
        return self._jpeg(image)

    def _mode(self) -> int:
        return int(self.random.choice(_MODES))

    def _halved(self, image: Image) -> Image:
        if self.random.random() < 0.5:
            half = image.shape[1] // 2, image.shape[0] // 2
            return cv2.resize(image, half, interpolation=self._mode()).clip(0, 1)
        half = imresize(torch.from_numpy(image).permute(2, 0, 1), scale=0.5)
        return half.permute(1, 2, 0).contiguous().numpy().clip(0, 1)

    def _blurred(self, image: Image, scale: int) -> Image:
        random = self.random
        side = 2 * random.integers(3, 13) + 1
        if random.random() < 0.5:
            variances, angle = random.uniform(0, 4 + scale, 2), random.uniform(0, math.pi)
            turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
            grid = np.stack(np.meshgrid(*(np.arange(side) - side // 2,) * 2), axis=-1)
            covariance = turn @ np.diag(variances) @ turn.T
            kernel = stats.multivariate_normal.pdf(grid, cov=covariance, allow_singular=True)
            return self._filtered(image, kernel)
        return self._filtered(image, self._round(side, random.uniform(0, 2 + 0.2 * scale)))

    def _round(self, side: int, sigma: float) -> NDArray[np.float64]:
        line = np.exp(-0.5 * ((np.arange(side) - side // 2) / max(sigma, 1e-3)) ** 2)
        return np.outer(line, line)

    def _filtered(self, image: Image, kernel: NDArray[np.float64]) -> Image:
        return ndimage.convolve(image, (kernel / kernel.sum())[..., None], mode="mirror")

    def _smaller(self, image: Image, scale: int) -> Image:
        random = self.random
        if random.random() < 0.75:
            factor = random.uniform(1, 2 * scale)
            size = max(int(image.shape[1] / factor), 1), max(int(image.shape[0] / factor), 1)
            return cv2.resize(image, size, interpolation=self._mode())
        kernel = self._round(25, random.uniform(0.1, 0.6 * scale))
        moved = ndimage.shift(kernel, -(scale - 1) / 2, order=1, mode="nearest")
        return self._filtered(image, moved)[::scale, ::scale]

    def _noisy(self, image: Image) -> Image:
        random, shape = self.random, image.shape
        level, kind = random.integers(2, 26) / 255, random.random()
        if kind < 0.4:
            noise = random.normal(0, level, shape)
        elif kind < 0.8:
            noise = random.normal(0, level, (*shape[:2], 1))
        else:
            basis = np.linalg.svd(random.random((3, 3)))[0]
            covariance = np.abs((25 / 255) ** 2 * basis.T @ np.diag(random.random(3)) @ basis)
            noise = random.multivariate_normal(np.zeros(3), covariance, shape[:2], check_valid="ignore")
        return image + noise.astype(np.float32)

    def _jpeg(self, image: Image) -> Image:
        levels = cv2.cvtColor((image.clip(0, 1) * 255).round().astype(np.uint8), cv2.COLOR_RGB2BGR)
        quality = int(self.random.integers(30, 96))
        coded = cv2.imencode(".jpg", levels, [int(cv2.IMWRITE_JPEG_QUALITY), quality])[1]
        return cv2.cvtColor(cv2.imdecode(coded, 1), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
