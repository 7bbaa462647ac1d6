"""FreqNet: super-resolution in the DCT domain (Cai, Ding and Lu, 2021). A reconstruction: no code was released.

From the paper's abstract: images are transformed to DCT blocks, then to one map for each coefficient, and such maps are
the network's input and target; there is a loss on frequencies (the loss ``frequency``); and the output can be merged
with another network's (``freqnet_on:NAME``). From a public reimplementation, which has two streams: blocks of 32x32,
luma, the bicubic image as input and outside the band, the width of the band, and the z-score. The network itself is our
design.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.imaging.programs import enlarge, enlarging_weights
from srbench.networks.blocks import ResidualBlock, conv, full_precision, thirds, zeroed

BAND = 1.336
"""Largest frequency of the band, in units of the highest frequency of lr: at x4, 100 of 32x32 coefficients."""
FULL_BAND = math.inf
LARGEST_DIRECT_BLOCK = 8
"""Largest block whose DCT is one convolution; for larger blocks separate rows and columns are faster."""
ZSCORE_BATCHES = 200
"""Number of first training batches that set the z-score."""


class BlockDCT(nn.Module):
    """The orthonormal DCT-II of square blocks, one map for each coefficient of a band, without parameters.

    Args:
        block: Side of a block.
        radius: Largest frequency ``sqrt(u² + v²) / block`` of the band; 1 is the highest along a side.

    Attributes:
        channels: Number of coefficients in the band, K.
        radius: Their frequencies (K,), row by row.
    """

    def __init__(self, block: int, radius: float = FULL_BAND) -> None:
        from scipy.fft import dct  # a slow import that listing plugins does not need

        super().__init__()
        frequency = np.arange(block)
        radii = np.hypot(frequency[:, None], frequency) / block
        self.block = block
        self.side = int((radii[0] <= radius).sum())  # further rows and columns are outside the band
        radii = radii[: self.side, : self.side]
        self.channels = int((radii <= radius).sum())
        self.basis: Tensor
        self.places: Tensor
        self.radius: Tensor
        basis = dct(np.eye(block), axis=0, norm="ortho")[: self.side]
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.float32), persistent=False)
        self.register_buffer("places", torch.tensor(np.flatnonzero(radii <= radius)), persistent=False)
        self.register_buffer("radius", torch.tensor(radii[radii <= radius], dtype=torch.float32), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, 1, H, W), whose sides are multiples of the block, to (N, K, H/block, W/block)."""
        count, _, height, width = image.shape
        rows, columns = height // self.block, width // self.block
        basis = self._basis(image)
        exact = image.to(basis.dtype)
        with full_precision(exact):
            if self.block <= LARGEST_DIRECT_BLOCK:
                maps = F.conv2d(exact, self.filters().to(exact.dtype), stride=self.block)
            else:
                half = basis @ exact.reshape(count, rows, self.block, width)  # (N, rows, u, W)
                both = half.view(count, rows, self.side, columns, self.block) @ basis.mT  # (N, rows, u, columns, v)
                maps = self._chosen(both.transpose(2, 3).flatten(3)).permute(0, 3, 1, 2)
        return maps.to(image.dtype)

    def inverse(self, maps: Tensor) -> Tensor:
        """Map (N, K, h, w) to the image (N, 1, h*block, w*block) whose coefficients outside the band are zero."""
        count, _, rows, columns = maps.shape
        basis = self._basis(maps)
        with full_precision(maps):
            square = self._spread(maps.to(basis.dtype).permute(0, 2, 3, 1))
            both = square.reshape(count, rows, columns, self.side, self.side).transpose(2, 3)
            half = (both @ basis).flatten(3)  # (N, rows, u, W)
            image: Tensor = basis.mT @ half
        return image.to(maps.dtype).flatten(1, 2).unsqueeze(1)

    def filters(self) -> Tensor:
        """The basis images, (K, 1, block, block); the transform is the convolution with them at stride ``block``."""
        images = torch.einsum("ui,vj->uvij", self.basis, self.basis)
        return images.flatten(0, 1).index_select(0, self.places).unsqueeze(1)

    def _chosen(self, square: Tensor) -> Tensor:
        """Map (N, h, w, u*v) to (N, h, w, K)."""
        return square if self.channels == self.side**2 else square.index_select(3, self.places)

    def _spread(self, maps: Tensor) -> Tensor:
        """Map (N, h, w, K) to (N, h, w, u*v), zero outside the band."""
        if self.channels == self.side**2:
            return maps
        return maps.new_zeros(*maps.shape[:3], self.side**2).index_copy(3, self.places, maps)

    def _basis(self, x: Tensor) -> Tensor:
        return self.basis.to(torch.promote_types(x.dtype, torch.float32))


class ZScore(nn.Module):
    """Subtracts the mean of every map and divides by its standard deviation, both over the training images.

    They are estimated from the first training batches and then stay fixed; eval mode never changes them.

    Args:
        channels: Number of maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.variance: Tensor
        self.seen: Tensor
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("variance", torch.ones(channels, 1, 1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    @property
    def deviation(self) -> Tensor:
        """The standard deviations (K, 1, 1), at least one grey level."""
        return (self.variance + 1 / 255**2).sqrt()

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, K, h, w) to the same shape."""
        if self.training:
            self._gather(maps.detach())
        return (maps - self.mean) / self.deviation

    def _gather(self, maps: Tensor) -> None:
        variance, mean = torch.var_mean(maps, (0, 2, 3), correction=0)
        share = torch.where(self.seen < ZSCORE_BATCHES, 1 / (self.seen + 1), 0.0)
        away = mean.view(-1, 1, 1) - self.mean
        self.variance += share * (variance.view(-1, 1, 1) - self.variance + (1 - share) * away.square())
        self.mean += share * away
        self.seen += 1


class BicubicUpsampler(nn.Module):
    """Bicubic interpolation by an integer factor, as `srbench.imaging.imresize` does it in a program.

    Unlike `imresize` itself, it keeps its weights on the device; unlike a convolution, GPUs do not round its inputs.

    Args:
        scale: Up-sampling factor.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.weights: Tensor
        weights = torch.tensor(enlarging_weights(scale), dtype=torch.float32)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 1, h, w) to (N, 1, scale*h, scale*w); borders are mirrored, edge pixel included."""
        image = lr.to(torch.promote_types(lr.dtype, torch.float32))
        weights = self.weights.to(image.dtype)
        return enlarge(enlarge(image, weights, -2), weights, -1).to(lr.dtype)


class FreqNet(nn.Module):
    """Maps luma of lr to luma of sr, both in [0, 1], by correcting DCT coefficients of the bicubic image.

    Args:
        scale: 2, 3 or 4.
        block: Side of a block, which must divide the sides of sr.
        band: Largest frequency that is corrected, in units of the highest frequency of lr.
        n_feats: Channels.
        n_blocks: Residual blocks.
    """

    def __init__(
        self, scale: int, *, block: int = 32, band: float = BAND, n_feats: int = 128, n_blocks: int = 8
    ) -> None:
        super().__init__()
        self.enlarge = BicubicUpsampler(scale)
        self.dct = BlockDCT(block, band / scale)
        self.normalise = ZScore(self.dct.channels)
        self.head = conv(self.dct.channels, n_feats)
        self.body = nn.Sequential(*[ResidualBlock(n_feats) for _ in range(n_blocks)], conv(n_feats, n_feats))
        self.tail = zeroed(conv(n_feats, self.dct.channels))

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 1, h, w) to (N, 1, scale*h, scale*w)."""
        enlarged = self.enlarge(lr)
        sr: Tensor = enlarged + self.dct.inverse(self.correction(enlarged))
        return sr

    def correction(self, enlarged: Tensor) -> Tensor:
        """Predict hr's coefficients minus those of the bicubic image: (N, 1, H, W) to (N, K, H/b, W/b)."""
        shallow = self.head(self.normalise(self.dct(enlarged)))
        correction: Tensor = self.tail(self.body(shallow) + shallow)
        return correction * self.normalise.deviation


PAPER = srbench.Paper(
    title="FreqNet: A Frequency-domain Image Super-Resolution Network with Discrete Cosine Transform",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2111.10800",
)
RECIPE = srbench.Recipe(
    name="freqnet_reconstructed",
    datasets=("div2k_train",),
    patch=64,
    batch=16,
    steps=300_000,
    learning_rate=3e-4,
    schedule="cosine",
    final_learning_rate=1e-6,
    warmup=1000,
    losses={"frequency": 1.0},
    source="ours, as the paper's training was not available",
)


def _spec(name: str, label: str, build: partial[FreqNet], notes: str) -> srbench.ArchitectureSpec:
    return srbench.ArchitectureSpec(
        name=name,
        label=label,
        build=build,
        scales=frozenset({2, 3, 4}),
        paper=PAPER,
        reconstruction=True,
        channels="y",
        size_multiple=build.keywords["block"],
        taps=thirds("body", build.keywords["n_blocks"]),
        recipe=RECIPE,
        notes=notes,
    )


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide a network as close to the paper as possible, and one with small blocks and all coefficients."""
    return [
        _spec(
            "freqnet",
            "FreqNet",
            partial(FreqNet, block=32, band=BAND, n_feats=128, n_blocks=8),
            "Our reading of the paper's abstract and of a reimplementation for x4, whose band has the same 100 "
            "coefficients of 32x32; at other scales the band is as wide relative to lr. The network, its training and "
            "its scores are ours; no published scores were available.",
        ),
        _spec(
            "freqnet_b8",
            "FreqNet 8x8",
            partial(FreqNet, block=8, band=FULL_BAND, n_feats=64, n_blocks=8),
            "FreqNet with blocks of 8x8 and all 64 coefficients. It is our variant, as the small maps of large blocks "
            "train slowly and the band leaves out half of what x2 needs.",
        ),
    ]
