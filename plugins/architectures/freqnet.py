"""FreqNet: super-resolution in the DCT domain (Cai, Ding and Lu, 2021). A reconstruction: no code was released.

Certain, from the paper's abstract, is that images become DCT blocks, these become maps of one coefficient each, and
such maps are the network's input and target; that there is a loss on frequencies (the loss ``frequency``); and that the
output can be merged with another network's (``freqnet_on:NAME``). Blocks of 32x32, luma, the bicubic image as input and
as what stays outside the band, the width of the band and the z-score are those of a public re-implementation, which has
two streams. The network between is ours.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import ResidualBlock, conv, full_precision, thirds, zeroed

BAND = 1.336
"""Largest frequency of the band, in units of the highest that lr can hold: at x4, 100 of 32x32 coefficients."""
FULL_BAND = math.inf
DIRECT = 8
"""Largest block whose coefficients are computed each by itself; arranging rows and columns would take longer."""
GATHERED = 200
"""Training batches whose coefficients make the z-score."""


class BlockDCT(nn.Module):
    """The orthonormal DCT-II of square blocks, one map for each coefficient of a band; nothing is learned.

    Args:
        block: Side of a block.
        radius: Largest frequency ``sqrt(u² + v²) / block`` of the band; 1 is the highest along a side.

    Attributes:
        channels: Coefficients in the band, K.
        radius: (K,) the frequency of each, row by row of the block from its mean on.
    """

    def __init__(self, block: int, radius: float = FULL_BAND) -> None:
        from scipy.fft import dct  # imports slowly, and most who list plugins make no network

        super().__init__()
        frequency = np.arange(block)
        every = np.hypot(frequency[:, None], frequency) / block
        self.block = block
        self.side = int((every[0] <= radius).sum())  # beyond it lie no rows or columns of the band
        near = every[: self.side, : self.side]
        self.channels = int((near <= radius).sum())
        self.basis: Tensor
        self.places: Tensor
        self.radius: Tensor
        basis = dct(np.eye(block), axis=0, norm="ortho")[: self.side]
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.float32), persistent=False)
        self.register_buffer("places", torch.tensor(np.flatnonzero(near <= radius)), persistent=False)
        self.register_buffer("radius", torch.tensor(near[near <= radius], dtype=torch.float32), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 1, H, W), sides multiples of the block, to (N, K, H/block, W/block)."""
        count, _, height, width = image.shape
        rows, columns = height // self.block, width // self.block
        basis = self._basis(image)
        exact = image.to(basis.dtype)
        with full_precision(exact):
            if self.block <= DIRECT:
                maps = F.conv2d(exact, self.filters().to(exact.dtype), stride=self.block)
            else:
                half = basis @ exact.reshape(count, rows, self.block, width)  # (N, rows, u, W)
                both = half.view(count, rows, self.side, columns, self.block) @ basis.mT  # (N, rows, u, columns, v)
                maps = self._chosen(both.transpose(2, 3).flatten(3)).permute(0, 3, 1, 2)
        return maps.to(image.dtype)

    def inverse(self, maps: Tensor) -> Tensor:
        """(N, K, h, w) to the image (N, 1, h*block, w*block) whose coefficients outside the band are zero."""
        count, _, rows, columns = maps.shape
        basis = self._basis(maps)
        with full_precision(maps):
            square = self._spread(maps.to(basis.dtype).permute(0, 2, 3, 1))
            both = square.reshape(count, rows, columns, self.side, self.side).transpose(2, 3)
            half = (both @ basis).flatten(3)  # (N, rows, u, W)
            image: Tensor = basis.mT @ half
        return image.to(maps.dtype).flatten(1, 2).unsqueeze(1)

    def filters(self) -> Tensor:
        """The basis images, (K, 1, block, block): the transform is their convolution with the block as its stride."""
        every = torch.einsum("ui,vj->uvij", self.basis, self.basis)
        return every.flatten(0, 1).index_select(0, self.places).unsqueeze(1)

    def _chosen(self, square: Tensor) -> Tensor:
        """(N, h, w, u*v) to (N, h, w, K)."""
        return square if self.channels == self.side**2 else square.index_select(3, self.places)

    def _spread(self, maps: Tensor) -> Tensor:
        """(N, h, w, K) to (N, h, w, u*v), zero outside the band."""
        if self.channels == self.side**2:
            return maps
        return maps.new_zeros(*maps.shape[:3], self.side**2).index_copy(3, self.places, maps)

    def _basis(self, x: Tensor) -> Tensor:
        return self.basis.to(torch.promote_types(x.dtype, torch.float32))


class ZScore(nn.Module):
    """Takes away every map's mean and divides by its standard deviation, both over the training images.

    They are gathered over the first training batches and then stay; in eval mode nothing changes.

    Args:
        channels: Maps.
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
        """(K, 1, 1); never less than a grey level."""
        return (self.variance + 1 / 255**2).sqrt()

    def forward(self, maps: Tensor) -> Tensor:
        """(N, K, h, w) to the same shape."""
        if self.training:
            self._gather(maps.detach())
        return (maps - self.mean) / self.deviation

    def _gather(self, maps: Tensor) -> None:
        variance, mean = torch.var_mean(maps, (0, 2, 3), correction=0)
        share = torch.where(self.seen < GATHERED, 1 / (self.seen + 1), 0.0)
        away = mean.view(-1, 1, 1) - self.mean
        self.variance += share * (variance.view(-1, 1, 1) - self.variance + (1 - share) * away.square())
        self.mean += share * away
        self.seen += 1


class BicubicUpsampler(nn.Module):
    """Bicubic interpolation by a whole factor as sums of shifted images: what `srbench.imaging.imresize` gives.

    Unlike that, it is compiled and exported for every size at once; unlike a convolution, no GPU rounds what it reads.

    Args:
        scale: Factor.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        offset = (np.arange(scale) + 0.5) / scale - 0.5
        away = np.abs(offset - np.arange(-2, 3)[:, None])  # of the five pixels that an output pixel may need
        near = 1.5 * away**3 - 2.5 * away**2 + 1
        far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
        weights = np.where(away <= 1, near, np.where(away <= 2, far, 0.0))
        self.weights: Tensor
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32).unsqueeze(-1), persistent=False)

    def forward(self, lr: Tensor) -> Tensor:
        """(N, 1, h, w) to (N, 1, scale*h, scale*w); borders are mirrored, edge pixel included."""
        image = lr.to(torch.promote_types(lr.dtype, torch.float32)).squeeze(1)
        return self._taller(self._taller(image).mT).mT.unsqueeze(1).to(lr.dtype)

    def _taller(self, image: Tensor) -> Tensor:
        """(N, h, w) to (N, scale*h, w)."""
        side = image.shape[1]
        place = (torch.arange(side + 4, device=image.device) - 2) % (2 * side)
        padded = image.index_select(1, torch.where(place < side, place, 2 * side - 1 - place)).unsqueeze(2)
        weights = self.weights.to(image.dtype)
        taller = weights[0] * padded[:, :side]
        for tap in range(1, 5):
            taller = torch.addcmul(taller, weights[tap], padded[:, tap : tap + side])
        return taller.flatten(1, 2)


class FreqNet(nn.Module):
    """Maps luma of lr to luma of sr, both in [0, 1], by correcting DCT coefficients of the bicubic image.

    Args:
        scale: 2, 3 or 4.
        block: Side of a block; divides the sides of sr.
        band: Largest frequency that is corrected, in units of the highest that lr can hold.
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
        """(N, 1, h, w) to (N, 1, scale*h, scale*w)."""
        enlarged = self.enlarge(lr)
        sr: Tensor = enlarged + self.dct.inverse(self.correction(enlarged))
        return sr

    def correction(self, enlarged: Tensor) -> Tensor:
        """What hr's coefficients have more than those of the bicubic image: (N, 1, H, W) to (N, K, H/b, W/b)."""
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
    source="ours: how the paper trained is not known",
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
    """One as near to the paper as is known, and one with small blocks and every coefficient."""
    return [
        _spec(
            "freqnet",
            "FreqNet",
            partial(FreqNet, block=32, band=BAND, n_feats=128, n_blocks=8),
            "Our reading of a paper of which the abstract is known and a re-implementation of others, which is for x4: "
            "there its band of 100 coefficients of 32x32 is this one's; at other scales the band is as wide relative "
            "to lr. The network, its training and its figures are ours; no scores to compare with are known.",
        ),
        _spec(
            "freqnet_b8",
            "FreqNet 8x8",
            partial(FreqNet, block=8, band=FULL_BAND, n_feats=64, n_blocks=8),
            "FreqNet with blocks of 8x8 and all 64 coefficients: ours, since small maps of large blocks learn slowly "
            "and the band leaves out half of what x2 needs.",
        ),
    ]
