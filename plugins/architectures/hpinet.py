"""HPINet: every patch attends to the most similar patch of the image, then to itself (Liu et al., AAAI 2023).

Keys, their order and the value range are those of the authors' release, so that its checkpoints load. Within the
network features are tokens, (…, positions, channels), which have the memory layout of channels-last images.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import conv, full_precision, thirds

OVERLAP = 2
"""Lines that neighbouring patches share; only the last row and column of patches can share more."""
SELF_SIMILARITY = -100.0
"""Added to the similarity of a patch with itself, so that it selects another patch."""
CACHED_SIMILARITIES = 2**21
"""Similarities computed at once on a CPU: 8 MiB, which fit its cache and keep its threads busy."""


class PatchGrid:
    """Overlapping square patches that cover an image, row by row: the paper's division (CPD) at one patch size.

    Patches start every ``size - OVERLAP`` pixels; the last row and the last column end at the border.

    Args:
        height: Height of the image; at least ``size``.
        width: Width of the image; at least ``size``.
        size: Side of a patch.
        device: Device of the image.

    Attributes:
        count: Number of patches in the image.
        positions: (count * size**2,) indices into the flattened image of all positions of all patches.
        weights: (height * width, 1) factors on the sum of the patches at each position.
    """

    def __init__(self, height: int, width: int, size: int, device: torch.device) -> None:
        rows, columns = _lines(height, size, device), _lines(width, size, device)
        self.size, self.count = size, rows.shape[0] * columns.shape[0]
        self.positions = (rows[:, None, :, None] * width + columns[None, :, None, :]).reshape(-1)
        self.weights = (_weights(rows, height)[:, None] * _weights(columns, width)).reshape(-1, 1)

    def cut(self, image: Tensor) -> Tensor:
        """Map (N, h*w, C) to (N, count, size**2, C)."""
        return image.index_select(1, self.positions).view(image.shape[0], self.count, self.size**2, image.shape[2])

    def join(self, patches: Tensor) -> Tensor:
        """Map (N, count, size**2, C) to (N, h*w, C): overlapping patches are summed and weighed."""
        image = patches.new_zeros(patches.shape[0], self.weights.shape[0], patches.shape[3])
        return image.index_add(1, self.positions, patches.flatten(1, 2)) * self.weights.to(patches.dtype)


def _lines(side: int, size: int, device: torch.device) -> Tensor:
    """The lines of each patch along one side of the image, (patches, size)."""
    step = size - OVERLAP
    starts = torch.arange((side - size + step - 1) // step + 1, device=device) * step
    return starts.clamp(max=side - size)[:, None] + torch.arange(size, device=device)


def _weights(lines: Tensor, side: int) -> Tensor:
    """The weights (side,) of the lines of an image: halved for each patch after the first that contains the line.

    Two patches are averaged. If the last patch starts one line after the one before, three patches share a line, and
    its weight is a quarter instead of a third, which is three quarters of the mean. This is the same as in the release.
    """
    lines = lines.flatten()
    holders = torch.zeros(side, device=lines.device).index_add(0, lines, torch.ones(lines.shape, device=lines.device))
    return torch.exp2(1 - holders)


class PatchMatch(nn.Module):
    """GPA, global pixel access: selects for each patch the patch of its image with the most similar mean.

    In training the selection is drawn by the Gumbel softmax, which passes gradients.

    Args:
        dim: Channels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)

    def forward(self, patches: Tensor) -> Tensor:
        """Map (N, L, T, C) to the same shape: each patch is replaced by the one selected for it."""
        with full_precision(patches):
            wide = torch.promote_types(patches.dtype, torch.float32)
            means = self.norm(patches.mean(dim=2, dtype=wide).to(self.norm.weight.dtype)).to(wide)
            numbers = torch.arange(means.shape[1], device=means.device).expand(means.shape[0], -1)
            if self.training:
                choices = F.gumbel_softmax(_similarities(means, numbers, means), hard=True)
                return (choices.to(patches.dtype) @ patches.flatten(2)).view_as(patches)
            run = max(1, CACHED_SIMILARITIES // means.shape[1])
            selected = in_runs(lambda part, at: _similarities(part, at, means).argmax(2), run, means, numbers, dim=1)
        firsts = torch.arange(patches.shape[0], device=patches.device)[:, None] * patches.shape[1]  # of each image
        return patches.flatten(0, 1).index_select(0, (firsts + selected).flatten()).view_as(patches)


def _similarities(part: Tensor, numbers: Tensor, means: Tensor) -> Tensor:
    """The similarities (N, l, L) of some patches (N, l, C), with indices (N, l), to all patches (N, L, C)."""
    products: Tensor = part * part.shape[2] ** -0.5 @ means.mT
    themselves = numbers.unsqueeze(2)
    return products.scatter_add(2, themselves, products.new_full((), SELF_SIMILARITY).expand(themselves.shape))


class Attention(nn.Module):
    """Single-head attention of the positions of a patch to those of another patch or of itself, without projection.

    Args:
        dim: Channels.
        qk_dim: Channels of queries and keys.
    """

    def __init__(self, dim: int, qk_dim: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(dim, qk_dim, bias=False)
        self.to_k = nn.Linear(dim, qk_dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """Map (P, T, C) to the same shape; ``other`` has the patches to attend to, by default ``x``."""
        other = x if other is None else other
        query, key, value = self.to_q(x), self.to_k(other), self.to_v(other)
        if query.is_cuda:  # its fused kernels support values wider than keys; those of CPUs do not
            return F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0]
        weights = torch.softmax(query * query.shape[2] ** -0.5 @ key.mT, dim=2)
        attended: Tensor = weights @ value
        return attended


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., C) to the same shape."""
        projected: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return projected


class Normalised(nn.Module):
    """``x + fn(norm(x), ...)``; further arguments of ``fn`` are not normalised."""

    def __init__(self, dim: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fn = fn

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        """Map (..., C) to the same shape."""
        residual: Tensor = self.fn(self.norm(x), *others)
        return x + residual


class PatchTransformer(nn.Module):
    """IPSA: layers of attention within a patch; the first one attends to the patch that was selected for it.

    Args:
        dim: Channels.
        qk_dim: Channels of queries and keys.
        mlp_dim: Inner channels of the feed-forward networks.
        layers: Number of layers.
    """

    def __init__(self, dim: int, qk_dim: int, mlp_dim: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([Normalised(dim, Attention(dim, qk_dim)), Normalised(dim, FeedForward(dim, mlp_dim))])
            for _ in range(layers)
        )

    def forward(self, patches: Tensor, selected: Tensor) -> Tensor:
        """Map patches (P, T, C) and the selected patches (P, T, C) to the same shape."""
        return in_runs(self._attended, max(1, CACHED_SIMILARITIES // patches.shape[1] ** 2), patches, selected)

    def _attended(self, x: Tensor, selected: Tensor) -> Tensor:
        others: tuple[Tensor, ...] = (selected,)
        for layer in self.layers:
            attention, feed_forward = layer.children()
            x = feed_forward(attention(x, *others))
            others = ()
        return x


def in_runs(function: Callable[..., Tensor], run: int, *tensors: Tensor, dim: int = 0) -> Tensor:
    """Call ``function(*tensors)``, on a CPU with a few entries at a time, so that intermediate results stay in cache.

    Args:
        function: A function of tensors of any length along ``dim``.
        run: Entries at a time.
        tensors: Tensors of equal length along ``dim``.
        dim: The dimension along which entries are independent.
    """
    if tensors[0].device.type != "cpu" or torch.compiler.is_compiling():  # the number of runs is unknown in a trace
        return function(*tensors)
    return torch.cat([function(*part) for part in zip(*(torch.split(t, run, dim) for t in tensors), strict=True)], dim)


class HPINet(nn.Module):
    """The network; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2 or 3 (one sub-pixel shuffle), or 4 (two of x2).
        dim: Channels.
        qk_dim: Channels of queries and keys.
        mlp_dim: Inner channels of the feed-forward networks.
        patch_sizes: Side of the patches in each stage: growing, twice (CPD).
        layers: Attention layers in a stage.
    """

    def __init__(
        self, scale: int, *, dim: int, qk_dim: int, mlp_dim: int, patch_sizes: tuple[int, ...], layers: int = 3
    ) -> None:
        super().__init__()
        self.scale, self.patch_sizes = scale, patch_sizes
        self.first_conv = conv(3, dim)
        self.cross_match = nn.ModuleList(PatchMatch(dim) for _ in patch_sizes)
        self.blocks = nn.ModuleList(PatchTransformer(dim, qk_dim, mlp_dim, layers) for _ in patch_sizes)
        self.mid_convs = nn.ModuleList(conv(dim, dim) for _ in patch_sizes)
        if scale == 4:
            self.upconv1 = conv(dim, dim * 4)
            self.upconv2 = conv(dim, dim * 4)
        else:
            self.upconv = conv(dim, dim * scale**2)
        self.last_conv = conv(dim, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w); both sides are at least that of the largest patch."""
        height, width = lr.shape[2:]
        grids = {size: PatchGrid(height, width, size, lr.device) for size in dict.fromkeys(self.patch_sizes)}
        features = self.first_conv(lr).contiguous(memory_format=torch.channels_last)
        stages = zip(self.patch_sizes, self.cross_match, self.blocks, self.mid_convs, strict=True)
        for size, match, block, mid_conv in stages:
            patches = grids[size].cut(features.flatten(2).mT)
            attended = block(patches.flatten(0, 1), match(patches).flatten(0, 1)).reshape(patches.shape)
            joined = grids[size].join(attended).mT.view(features.shape)
            features = features + mid_conv(joined)
        if self.scale == 4:
            enlarged = _shuffled(self.upconv2(_shuffled(self.upconv1(features), 2)), 2)
        else:
            enlarged = _shuffled(self.upconv(features), self.scale)
        interpolated = F.interpolate(lr, scale_factor=float(self.scale), mode="bilinear", align_corners=False)
        sr: Tensor = self.last_conv(enlarged) + interpolated
        return sr


def _shuffled(x: Tensor, factor: int) -> Tensor:
    return F.leaky_relu(F.pixel_shuffle(x, factor), 0.1, inplace=True)  # in place, as its input is not used elsewhere


VARIANTS = {
    "hpinet_s": ("HPINet-S", partial(HPINet, dim=40, qk_dim=24, mlp_dim=72, patch_sizes=(12, 16, 20, 24) * 2)),
    "hpinet_m": ("HPINet-M", partial(HPINet, dim=56, qk_dim=32, mlp_dim=100, patch_sizes=(12, 16, 20, 24) * 2)),
    "hpinet_l": ("HPINet-L", partial(HPINet, dim=64, qk_dim=36, mlp_dim=128, patch_sizes=(12, 14, 16, 20, 24) * 2)),
}

EPOCH, EPOCHS = 1_000, 420


def _patches(epoch: int) -> tuple[int, int]:
    """The side of the HR patches of an epoch, which grows by 8 until it starts over, and the batch for equal memory."""
    side = 192 + 8 * epoch % 528
    return side, max(8, 64 * 192 // side)


RECIPE = srbench.Recipe(
    name="hpinet_paper",
    datasets=("div2k_train",),
    patch=192,
    patch_of="hr",
    batch=64,
    progressive=tuple((EPOCH * epoch, *_patches(epoch)) for epoch in range(1, EPOCHS)),
    steps=EPOCH * EPOCHS,
    learning_rate=1.5e-4,
    schedule="halve",
    halve_every=60 * EPOCH,
    clip=1.0,
    losses={"l1": 1.0},
    source="the release's training script on one GPU, as it rounds batches to a multiple of the GPUs; the length of an "
    "epoch is approximate",
)

_PLOT = "plot in the release's README"
REPORTED = {
    "hpinet_s": (("set5", 32.47, _PLOT), ("manga109", 30.92, "plotting script of SMFANet's release")),
    "hpinet_m": (("set5", 32.60, _PLOT),),
    "hpinet_l": (("set5", 32.72, _PLOT),),
}


def _checkpoint(name: str, scale: int, sha256: str) -> srbench.Checkpoint:
    return srbench.Checkpoint(
        tag="div2k",
        scale=scale,
        file=f"hpinet/{name}",
        sha256=sha256,
        url=f"https://github.com/passerer/HPINet/raw/25d5db1422df50b1671aae6f6ec3a2953fa352c5/checkpoints/{name}",
        trained_on=frozenset({"div2k_train"}),
    )


CHECKPOINTS = {
    "hpinet_s": (
        _checkpoint("HPINet-S-x4.pth", 4, "675abc363c9a2ea92a42d54d546bbdd19118cab10bb35b3fa1eeaa18158d0f58"),
    ),
    "hpinet_m": (
        _checkpoint("HPINet-M-x2.pth", 2, "d2c6b13f459de9cf0c30877b7e7a28e78fa8b42b31e08fb30bb03d791b08b448"),
        _checkpoint("HPINet-M-x4.pth", 4, "567043542711fb3171ac0c4487a1d867698df46613cdb49e8d0b7de936d9b223"),
    ),
}


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the three sizes of the paper."""
    return [
        srbench.ArchitectureSpec(
            name=name,
            label=label,
            build=build,
            scales=frozenset({2, 3, 4}),
            paper=srbench.Paper(
                title="From Coarse to Fine: Hierarchical Pixel Integration for Lightweight Image Super-Resolution",
                venue="AAAI",
                year=2023,
                url="https://arxiv.org/abs/2211.16776",
            ),
            license="unknown (no licence file)",
            min_size=24,  # the largest patch
            taps=thirds("mid_convs", len(build.keywords["patch_sizes"])),
            recipe=RECIPE,
            checkpoints=CHECKPOINTS.get(name, ()),
            reported=tuple(
                srbench.Reported(
                    dataset=dataset, scale=4, metric="psnr_y", value=value, source=source, protocol="matlab-u8"
                )
                for dataset, value, source in REPORTED[name]
            ),
            notes="In a batch, all images of the release select patches of the first image; here each selects from "
            "itself, as in the release with single images. As in the release, lines that three patches share have "
            "three quarters of their weight. The selected patches depend on the whole image, so tiles give other "
            "scores. The reported scores were measured with luma rounded to 8 bits; unrounded, the released weights "
            "score 0.03 dB more at x4 and 0.09 dB more at x2. The release has M at x3 and L at x4 too.",
        )
        for name, (label, build) in VARIANTS.items()
    ]
