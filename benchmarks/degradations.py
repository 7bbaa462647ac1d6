"""The speed of Real-ESRGAN's degradation on batches, against NumPy and OpenCV on one image at a time.

Both draw from the same distributions; the last rows test whether their outputs have equal distributions too. JPEG is
the release's arithmetic on both sides: OpenCV's codec has another luminance table, and smooths the chroma.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special, stats
from skimage import data
from srbench_plugins.degradations.realesrgan import chain

from benchmarks.rows import Row, compare
from srbench.degrading import Random, Size
from srbench.imaging import jpeg
from srbench.profiling.freed_memory import freed_memory_kept

_SIDE, _BATCH, _SCALE = 256, 16, 4
_DRAWS = 12
"""Batches in one timing, as sizes and kinds of noise differ between draws."""
_COMPARED = 320
"""Images whose statistics are compared."""

Image = NDArray[np.float32]


def rows() -> list[Row]:
    """Every comparison of this file."""
    return [batches_against_images(), *distributions()]


def batches_against_images() -> Row:
    """Degrade 16 RGB patches of 256² to lr at x4, over several draws."""
    patches = _patches(_BATCH)
    batch = torch.from_numpy(patches).permute(0, 3, 1, 2).contiguous()
    batched = chain()

    def together() -> None:
        for seed in range(_DRAWS):
            batched(batch, _SCALE, torch.Generator().manual_seed(seed))

    def one_by_one() -> None:
        for seed in range(_DRAWS):
            single = OneAtATime(seed)
            for patch in patches:
                single(patch)

    with torch.no_grad(), freed_memory_kept():  # as everywhere in srbench; it speeds up both
        ratio = compare(together, one_by_one)
    what = f"Real-ESRGAN's degradation, {_BATCH} patches of {_SIDE}²"
    return Row(what, "NumPy and OpenCV, image by image", ratio, "≥ 5 times as fast", ratio >= 5)


def distributions() -> list[Row]:
    """Compare statistics of lr from both ways on the same patches by the Kolmogorov-Smirnov test."""
    patches = _patches(_COMPARED)
    batched, size = chain(), Size(_SIDE, _SIDE, _SCALE)
    batch_statistics, single_statistics = [], []
    single = OneAtATime(1)
    for start in range(0, _COMPARED, _BATCH):
        hr = torch.from_numpy(patches[start : start + _BATCH]).permute(0, 3, 1, 2).contiguous()
        # a stream for each image even for what a batch shares, as the test assumes independent images
        drawn = [batched.draw(Random(start + at, Random(10**6 + start + at)), size) for at in range(len(hr))]
        with torch.no_grad():
            lr = batched.degrade(hr, drawn, size).permute(0, 2, 3, 1).numpy()
        batch_statistics += [statistics_of(image) for image in lr]
        single_statistics += [statistics_of(single(patch)) for patch in patches[start : start + _BATCH]]
    rows = []
    for name in batch_statistics[0]:
        samples = [[image[name] for image in images] for images in (batch_statistics, single_statistics)]
        least = 0.01 / len(batch_statistics[0])  # Bonferroni: one of a hundred runs may fail by chance
        p = float(stats.ks_2samp(*samples).pvalue)
        rows.append(Row(f"{name} of lr", "the same, image by image", p, f"p ≥ {least:.1g}", p >= least))
    return rows


def statistics_of(lr: Image) -> dict[str, float]:
    """Statistics of one image (h, w, 3) that differ between degradations: brightness, contrast, colour, spectrum."""
    luma = lr @ np.array([0.299, 0.587, 0.114], np.float32)
    colour = lr[..., 0] - luma
    power = np.abs(np.fft.fft2(luma - luma.mean())) ** 2 / luma.size
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in luma.shape), indexing="ij"))
    bands = {"lowest": (0.0, 0.05), "low": (0.05, 0.15), "middle": (0.15, 0.3), "high": (0.3, 0.5), "corner": (0.5, 1)}
    found = {f"spectrum, {name}": np.log(power[(frequency > a) & (frequency <= b)].mean() + 1e-12)
             for name, (a, b) in bands.items()}  # fmt: skip
    quantiles = dict(zip(("5 %", "median", "95 %"), np.quantile(luma, (0.05, 0.5, 0.95)), strict=True))
    moments = {"mean": luma.mean(), "deviation": luma.std(), "deviation of colour": colour.std()}
    grain = {"colour between neighbours": np.abs(np.diff(colour, axis=1)).mean()}
    return {name: float(value) for name, value in (moments | quantiles | grain | found).items()}


class OneAtATime:
    """Real-ESRGAN's degradation with NumPy and OpenCV.

    Args:
        seed: Seed of all draws.
    """

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def __call__(self, image: Image) -> Image:
        """Make lr from one image (H, W, 3)."""
        random, (height, width) = self.random, image.shape[:2]
        image = cv2.filter2D(image, -1, self._kernel(3.0))
        image = cv2.resize(image, None, fx=(factor := self._factor(0.2, 0.7, 1.5, 0.15)), fy=factor,
                           interpolation=self._mode())  # fmt: skip
        image = self._jpeg(self._noise(image, 30, 3.0))
        if random.random() < 0.8:
            image = cv2.filter2D(image, -1, self._kernel(1.5))
        factor = self._factor(0.3, 0.4, 1.2, 0.3)
        goal = int(width / _SCALE * factor), int(height / _SCALE * factor)
        image = self._noise(cv2.resize(image, goal, interpolation=self._mode()), 25, 2.5)
        last = random.random() < 0.5
        image = image if last else self._jpeg(image)
        image = cv2.resize(image, (width // _SCALE, height // _SCALE), interpolation=self._mode())
        if random.random() < 0.8:
            image = cv2.filter2D(image, -1, self._sinc(random.choice(range(7, 22, 2)), math.pi / 3))
        image = self._jpeg(image) if last else image
        return image.clip(0, 1)

    def _factor(self, up: float, down: float, most: float, least: float) -> float:
        kind = self.random.random()
        if kind < up:
            return self.random.uniform(1, most)
        return self.random.uniform(least, 1) if kind < up + down else 1.0

    def _mode(self) -> int:
        return int(self.random.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC]))

    def _kernel(self, widest: float) -> NDArray[np.float64]:
        random = self.random
        side = int(random.choice(range(7, 22, 2)))
        if random.random() < 0.1:
            return self._sinc(side, math.pi / (3 if side < 13 else 5))
        kind = random.choice(6, p=(0.45, 0.25, 0.12, 0.03, 0.12, 0.03))
        first = second = random.uniform(0.2, widest)
        angle = 0.0
        if kind % 2:
            second, angle = random.uniform(0.2, widest), random.uniform(-math.pi, math.pi)
        y, x = np.mgrid[:side, :side] - side // 2
        along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
        distance = (along / first) ** 2 + (across / second) ** 2
        low, high = ((1, 1), (0.5, 4), (1, 2))[kind // 2]
        beta = random.uniform(low, 1) if random.random() < 0.5 else random.uniform(1, high)
        weights = 1 / (1 + distance**beta) if kind >= 4 else np.exp(-0.5 * distance**beta)
        return weights / weights.sum()

    def _sinc(self, side: int, lowest: float) -> NDArray[np.float64]:
        omega = self.random.uniform(lowest, math.pi)
        radius = np.hypot(*(np.mgrid[:side, :side] - side // 2))
        radius[side // 2, side // 2] = 1
        weights = omega * special.j1(omega * radius) / (2 * math.pi * radius)
        weights[side // 2, side // 2] = omega**2 / (4 * math.pi)
        return weights / weights.sum()

    def _noise(self, image: Image, level: float, strength: float) -> Image:
        random, shape = self.random, image.shape
        gaussian, grey = random.random() < 0.5, random.random() < 0.4
        if gaussian:
            noise = random.standard_normal((*shape[:2], 1) if grey else shape, dtype=np.float32)
            return (image + noise * np.float32(random.uniform(1, level) / 255)).clip(0, 1)
        seen = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None] if grey else image
        seen = (seen * 255).round().clip(0, 255) / 255
        peak = 2 ** math.ceil(math.log2(len(np.unique(seen))))
        noise = (random.poisson(seen * peak) / peak - seen).astype(np.float32)
        return (image + noise * np.float32(random.uniform(0.05, strength))).clip(0, 1)

    def _jpeg(self, image: Image) -> Image:
        """DiffJPEG: matrix products over rows and columns of blocks, with as few copies as NumPy allows."""
        quality = self.random.uniform(30, 95)
        factor = np.float32((5000 / quality if quality < 50 else 200 - 2 * quality) / 100)
        height, width = image.shape[:2]
        padded = cv2.copyMakeBorder(image.clip(0, 1) * 255, 0, -height % 16, 0, -width % 16, cv2.BORDER_CONSTANT)
        luma, red, blue = cv2.split(cv2.cvtColor(padded, cv2.COLOR_RGB2YCrCb))
        halves = luma.shape[1] // 2, luma.shape[0] // 2
        offset = np.float32(0.5)  # OpenCV's chroma of floats is about 0.5
        planes = [(luma - 128, _LUMA_STEPS)] + [
            (cv2.resize(plane - offset, halves, interpolation=cv2.INTER_AREA), _CHROMA_STEPS) for plane in (red, blue)
        ]
        luma, red, blue = (_on_steps(plane, steps * factor) for plane, steps in planes)
        whole = luma.shape[1], luma.shape[0]
        red, blue = (cv2.resize(plane, whole, interpolation=cv2.INTER_NEAREST) + offset for plane in (red, blue))
        rgb = cv2.cvtColor(cv2.merge([luma + 128, red, blue]), cv2.COLOR_YCrCb2RGB)
        return rgb[:height, :width].clip(0, 255) / np.float32(255)


_COSINES = cv2.dct(np.eye(8, dtype=np.float32), flags=cv2.DCT_ROWS).T
_LUMA_STEPS, _CHROMA_STEPS = (
    jpeg._table(channel, "transposed").numpy().astype(np.float32) for channel in ("luma", "chroma")
)


def _on_steps(plane: Image, steps: Image) -> Image:
    height, width = plane.shape
    blocks = _COSINES @ (plane.reshape(-1, 8) @ _COSINES.T).reshape(height // 8, 8, width)
    coefficients = (blocks.reshape(height // 8, 8, width // 8, 8) / steps).round() * steps
    return ((_COSINES.T @ coefficients.reshape(height // 8, 8, width)).reshape(-1, 8) @ _COSINES).reshape(height, width)


def _patches(count: int) -> Image:
    """Crop patches (count, 256, 256, 3) in [0, 1] from photographs."""
    random = np.random.default_rng(0)
    photographs = [data.astronaut(), data.coffee(), data.chelsea()]
    crops = []
    for at in range(count):
        photograph = photographs[at % len(photographs)]
        top, left = (random.integers(0, side - _SIDE + 1) for side in photograph.shape[:2])
        crops.append(photograph[top : top + _SIDE, left : left + _SIDE])
    return np.stack(crops).astype(np.float32) / 255
