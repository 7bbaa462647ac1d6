"""HPINet: every patch attends to the patch of the image most like it, then to itself (Liu et al., AAAI 2023).

Keys, their order and the value range are those of the authors' release, so that its checkpoints load. Within the
network features are tokens, (…, positions, channels), which is what channels-last images are in memory.
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
"""Lines that neighbouring patches share; only the last row and column of patches may share more."""
SELF_SIMILARITY = -100.0
"""Added to the similarity of a patch with itself, so that it finds another."""
CACHED = 2**21
"""Similarities computed at once on a CPU: 8 MiB of them stay in its cache, and keep its threads busy."""


class PatchGrid:
    """Overlapping square patches that cover an image, row by row: the paper's division (CPD) at one patch size.

    Patches stand ``size - OVERLAP`` apart; the last row and the last column end at the border.

    Args:
        height: Of the image; at least ``size``.
        width: Of the image; at least ``size``.
        size: Side of a patch.
        device: Where the image is.

    Attributes:
        count: Patches in the image.
        positions: (count * size**2,) where in the flattened image each position of each patch lies.
        weights: (height * width, 1) what the sum of the patches that hold a position is multiplied by.
    """

    def __init__(self, height: int, width: int, size: int, device: torch.device) -> None:
        rows, columns = _lines(height, size, device), _lines(width, size, device)
        self.size, self.count = size, rows.shape[0] * columns.shape[0]
        self.positions = (rows[:, None, :, None] * width + columns[None, :, None, :]).reshape(-1)
        self.weights = (_weights(rows, height)[:, None] * _weights(columns, width)).reshape(-1, 1)

    def cut(self, image: Tensor) -> Tensor:
        """(N, h*w, C) to (N, count, size**2, C)."""
        return image.index_select(1, self.positions).view(image.shape[0], self.count, self.size**2, image.shape[2])

    def join(self, patches: Tensor) -> Tensor:
        """(N, count, size**2, C) to (N, h*w, C): patches are added up and weighed where they overlap."""
        image = patches.new_zeros(patches.shape[0], self.weights.shape[0], patches.shape[3])
        return image.index_add(1, self.positions, patches.flatten(1, 2)) * self.weights.to(patches.dtype)


def _lines(side: int, size: int, device: torch.device) -> Tensor:
    """(patches, size) the lines of each patch along one side of the image."""
    step = size - OVERLAP
    starts = torch.arange((side - size + step - 1) // step + 1, device=device) * step
    return starts.clamp(max=side - size)[:, None] + torch.arange(size, device=device)


def _weights(lines: Tensor, side: int) -> Tensor:
    """(side,) a half for each patch after the first that holds a line.

    Two patches are averaged. The release halves once more where the last patch starts one line after the last but one
    and three of them meet, so that such a line keeps three quarters of its mean; so it does here.
    """
    lines = lines.flatten()
    holders = torch.zeros(side, device=lines.device).index_add(0, lines, torch.ones(lines.shape, device=lines.device))
    return torch.exp2(1 - holders)


class PatchMatch(nn.Module):
    """GPA, global pixel access: finds for each patch the patch of its image whose mean is most like its own.

    In training the choice is drawn by the Gumbel softmax, which lets gradients through.

    Args:
        dim: Channels.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)

    def forward(self, patches: Tensor) -> Tensor:
        """(N, L, T, C) to the same shape: in the place of each patch, the one found for it."""
        with full_precision(patches):
            wide = torch.promote_types(patches.dtype, torch.float32)
            means = self.norm(patches.mean(dim=2, dtype=wide).to(self.norm.weight.dtype)).to(wide)
            numbers = torch.arange(means.shape[1], device=means.device).expand(means.shape[0], -1)
            if self.training:
                choices = F.gumbel_softmax(_similarities(means, numbers, means), hard=True)
                return (choices.to(patches.dtype) @ patches.flatten(2)).view_as(patches)
            run = max(1, CACHED // means.shape[1])
            found = in_runs(lambda some, at: _similarities(some, at, means).argmax(2), run, means, numbers, dim=1)
        firsts = torch.arange(patches.shape[0], device=patches.device)[:, None] * patches.shape[1]  # of each image
        return patches.flatten(0, 1).index_select(0, (firsts + found).flatten()).view_as(patches)


def _similarities(some: Tensor, numbers: Tensor, means: Tensor) -> Tensor:
    """Of some patches (N, l, C), whose numbers are (N, l), with all (N, L, C): (N, l, L)."""
    products: Tensor = some * some.shape[2] ** -0.5 @ means.mT
    themselves = numbers.unsqueeze(2)
    return products.scatter_add(2, themselves, products.new_full((), SELF_SIMILARITY).expand(themselves.shape))


class Attention(nn.Module):
    """What the positions of a patch find among those of another, or their own; one head, nothing after it.

    Args:
        dim: Channels.
        qk_dim: Of queries and keys.
    """

    def __init__(self, dim: int, qk_dim: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(dim, qk_dim, bias=False)
        self.to_k = nn.Linear(dim, qk_dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """(P, T, C), and the patches to look at if not the same, to (P, T, C)."""
        other = x if other is None else other
        query, key, value = self.to_q(x), self.to_k(other), self.to_v(other)
        if query.is_cuda:  # its fused kernels take values wider than keys; the CPU's do not
            return F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])[:, 0]
        weights = torch.softmax(query * query.shape[2] ** -0.5 @ key.mT, dim=2)
        found: Tensor = weights @ value
        return found


class FeedForward(nn.Module):
    """Two linear layers with a GELU between."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) to the same shape."""
        projected: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return projected


class Normalised(nn.Module):
    """``x + fn(norm(x), ...)``; whatever else ``fn`` takes is not normalised."""

    def __init__(self, dim: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fn = fn

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        """(..., C) to the same shape."""
        residual: Tensor = self.fn(self.norm(x), *others)
        return x + residual


class PatchTransformer(nn.Module):
    """IPSA: layers of attention within a patch; the first of them looks at the patch that was found for it.

    Args:
        dim: Channels.
        qk_dim: Of queries and keys.
        mlp_dim: Of the feed-forward networks.
        layers: How many.
    """

    def __init__(self, dim: int, qk_dim: int, mlp_dim: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([Normalised(dim, Attention(dim, qk_dim)), Normalised(dim, FeedForward(dim, mlp_dim))])
            for _ in range(layers)
        )

    def forward(self, patches: Tensor, found: Tensor) -> Tensor:
        """(P, T, C), twice, to the same shape."""
        return in_runs(self._attended, max(1, CACHED // patches.shape[1] ** 2), patches, found)

    def _attended(self, x: Tensor, found: Tensor) -> Tensor:
        others: tuple[Tensor, ...] = (found,)
        for layer in self.layers:
            attention, feed_forward = layer.children()
            x = feed_forward(attention(x, *others))
            others = ()
        return x


def in_runs(function: Callable[..., Tensor], run: int, *tensors: Tensor, dim: int = 0) -> Tensor:
    """``function(*tensors)``, on a CPU a few entries at a time, so that what it makes in between stays in the cache.

    Args:
        function: Of tensors of any length along ``dim``.
        run: Entries at a time.
        tensors: Of one length along ``dim``.
        dim: The dimension along which entries do not meet.
    """
    if tensors[0].device.type != "cpu" or torch.compiler.is_compiling():  # traced, their number is not known
        return function(*tensors)
    return torch.cat([function(*some) for some in zip(*(torch.split(t, run, dim) for t in tensors), strict=True)], dim)


class HPINet(nn.Module):
    """The network; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2 or 3 (one sub-pixel shuffle), or 4 (two of x2).
        dim: Channels.
        qk_dim: Of queries and keys.
        mlp_dim: Of the feed-forward networks.
        patch_sizes: Side of the patches, stage by stage: small and then larger, twice (CPD).
        layers: Of attention in a stage.
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
        """(N, 3, h, w) to (N, 3, scale*h, scale*w); both sides at least that of the largest patch."""
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
    return F.leaky_relu(F.pixel_shuffle(x, factor), 0.1, inplace=True)  # of what nobody else reads


VARIANTS = {
    "hpinet_s": ("HPINet-S", partial(HPINet, dim=40, qk_dim=24, mlp_dim=72, patch_sizes=(12, 16, 20, 24) * 2)),
    "hpinet_m": ("HPINet-M", partial(HPINet, dim=56, qk_dim=32, mlp_dim=100, patch_sizes=(12, 16, 20, 24) * 2)),
    "hpinet_l": ("HPINet-L", partial(HPINet, dim=64, qk_dim=36, mlp_dim=128, patch_sizes=(12, 14, 16, 20, 24) * 2)),
}

EPOCH, EPOCHS = 1_000, 420


def _patches(epoch: int) -> tuple[int, int]:
    """Side of the HR patches of an epoch, 8 more in each until they start again, and how many fit the same memory."""
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
    source="the release's training script, on one GPU: it rounds batches to a multiple of its GPUs; the length of an "
    "epoch is about what it is there",
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
    """The three sizes of the paper."""
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
            notes="Given a batch, the release lets every image take patches of the first; here each takes its own, as "
            "the release computes it for images one by one. Kept from it: where the last row of patches starts one "
            "line below the last but one and three rows meet, their line has three quarters of its weight; columns "
            "alike. What a patch finds depends on the whole image, so tiles give other scores. The scores were taken "
            "with luma rounded to 8 bits; unrounded, the released weights score 0.03 dB more at x4 and 0.09 dB more at "
            "x2. The release has M at x3 and L at x4 too.",
        )
        for name, (label, build) in VARIANTS.items()
    ]
