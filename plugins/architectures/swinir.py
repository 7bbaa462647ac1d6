"""SwinIR: attention within windows, which are shifted in every other layer (Liang et al., ICCVW 2021).

Keys, their order and the value range are those of the authors' release, so that its checkpoints load.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import srbench
from srbench.networks.blocks import DIV2K_MEAN, Upsampler, conv, thirds
from srbench.networks.windows import Order, WindowAttention, kinds_of, orders, reordered, shift_masks


class SwinLayer(nn.Module):
    """STL: attention within windows, then two linear layers, each after a layer norm and with a skip (equations 4, 5).

    A shifted layer keeps masks for all windows of a training image, as the release does. Only four of them differ, and
    these are used for images of any size.

    Args:
        channels: Channels.
        window: Side of a window.
        heads: Attention heads.
        mlp_ratio: Factor by which the linear layers widen the channels.
        image: Side of the training images if windows are shifted, otherwise None.
        drop: Share of images that skip a branch in training.
    """

    attn_mask: Tensor

    def __init__(
        self, channels: int, window: int, heads: int, mlp_ratio: float, *, image: int | None, drop: float
    ) -> None:
        super().__init__()
        self.shifted, self.drop = image is not None, drop
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, window, heads)
        self.norm2 = nn.LayerNorm(channels)
        inner = int(channels * mlp_ratio)
        layers = {"fc1": nn.Linear(channels, inner), "act": nn.GELU(), "fc2": nn.Linear(inner, channels)}
        self.mlp = nn.Sequential(OrderedDict(layers))
        if image is not None:
            self.register_buffer("attn_mask", shift_masks(image, window))
            self.register_load_state_dict_pre_hook(_keep_masks)  # type: ignore[no-untyped-call]
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, order: Order, images: int) -> Tensor:
        """Map tokens (T, C) of a batch, in the order of this layer's windows, to the same shape."""
        masks = kinds_of(self.attn_mask) if self.shifted else None
        tokens = tokens + self._sometimes(self.attn(self.norm1(tokens), order.windows, masks), order, images)
        return tokens + self._sometimes(self.mlp(self.norm2(tokens)), order, images)

    def _sometimes(self, branch: Tensor, order: Order, images: int) -> Tensor:
        if not self.training or not self.drop:
            return branch
        kept = torch.full((images, 1), 1 - self.drop, dtype=branch.dtype, device=branch.device)
        return branch * (kept.bernoulli() / kept)[order.pixel // (branch.shape[0] // images)]


def _keep_masks(layer: SwinLayer, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Keep the masks of the layer, as a checkpoint of another training size has another number of equal masks."""
    key = f"{prefix}attn_mask"
    if key in state and state[key].shape[1:] == layer.attn_mask.shape[1:]:
        state[key] = layer.attn_mask


class ResidualSwinBlock(nn.Module):
    """RSTB: Swin transformer layers and a convolution, with a skip around them (equation 2).

    Args:
        layers: Layers before the convolution; every other one is shifted.
        connection: The convolution.
    """

    def __init__(self, layers: Sequence[SwinLayer], connection: nn.Module) -> None:
        super().__init__()
        self.residual_group = nn.ModuleDict({"blocks": nn.ModuleList(layers)})
        self.conv = connection

    def forward(self, x: Tensor, orders: tuple[Order, Order, Order]) -> Tensor:
        """Map (N, C, h, w), with the orders of pixels, plain windows and shifted windows, to the same shape."""
        pixels, plain, shifted = orders
        tokens, current = _tokens(x), pixels
        for layer in cast("Iterable[SwinLayer]", self.residual_group["blocks"].children()):
            previous, current = current, shifted if layer.shifted else plain
            tokens = layer(reordered(tokens, previous, current), current, x.shape[0])
        residual: Tensor = self.conv(_features(reordered(tokens, current, pixels), x))
        return x + residual


def _tokens(x: Tensor) -> Tensor:
    """Map (N, C, h, w) to (N*h*w, C), without a copy if memory is channels-last."""
    return x.permute(0, 2, 3, 1).contiguous().flatten(0, 2)


def _features(tokens: Tensor, like: Tensor) -> Tensor:
    """Map (N*h*w, C) to (N, C, h, w), channels-last in memory."""
    images, _, height, width = like.shape
    return tokens.view(images, height, width, -1).permute(0, 3, 1, 2)


def single_conv(channels: int) -> nn.Module:
    """Build one convolution."""
    return conv(channels, channels)


def three_convs(channels: int) -> nn.Module:
    """Build three convolutions with a quarter of the channels between ("3conv"), which saves parameters."""
    inner = channels // 4
    first, middle, last = conv(channels, inner), conv(inner, inner, 1), conv(inner, channels)
    return nn.Sequential(first, nn.LeakyReLU(0.2), middle, nn.LeakyReLU(0.2), last)


def tail(upsampler: str, scale: int, channels: int) -> dict[str, nn.Module]:
    """Build the modules after the body, under the release's names; the release has no names for those without weights.

    Args:
        upsampler: "pixelshuffle" (classical), "pixelshuffledirect" (light), "nearest+conv" (real photographs) or
            "" (denoising: the output is a residual of the input's size).
        scale: Up-sampling factor.
        channels: Channels of the body.
    """
    if not upsampler:
        return {"conv_last": conv(channels, 3)}
    if upsampler == "pixelshuffledirect":
        return {"upsample": nn.Sequential(conv(channels, 3 * scale**2), nn.PixelShuffle(scale))}
    parts: dict[str, nn.Module] = {"conv_before_upsample": nn.Sequential(conv(channels, 64), nn.LeakyReLU(0.01))}
    if upsampler == "pixelshuffle":
        return parts | {"upsample": Upsampler(scale, 64), "conv_last": conv(64, 3)}
    for stage in range(1, scale.bit_length()):
        parts |= {f"twice{stage}": nn.Upsample(scale_factor=2), f"conv_up{stage}": conv(64, 64)}
        parts |= {f"act{stage}": nn.LeakyReLU(0.2)}
    return parts | {"conv_hr": conv(64, 64), "act": nn.LeakyReLU(0.2), "conv_last": conv(64, 3)}


class SwinIREncoder(nn.Module):
    """SwinIR without its upsampler; maps normalised lr to features.

    Sides that are not multiples of the window are mirrored at the bottom and right, and cropped in the end.

    Args:
        channels: Channels of the features.
        depths: Layers in each residual block.
        heads: Attention heads in each residual block.
        window: Side of a window.
        image: Side of the training LR, which sizes the masks in the state dict; checkpoints of other sizes load too.
        mlp_ratio: Factor by which the linear layers of a layer widen the channels.
        drop: Share of images that skip the last layer's branches in training; earlier layers drop fewer.
        connection: Makes the last convolution of a residual block, from the number of channels.
        last: Makes the last convolution of the body, from the number of channels.
    """

    def __init__(
        self,
        *,
        channels: int = 180,
        depths: Sequence[int] = (6,) * 6,
        heads: Sequence[int] = (6,) * 6,
        window: int = 8,
        image: int = 64,
        mlp_ratio: float = 2.0,
        drop: float = 0.1,
        connection: Callable[[int], nn.Module] = single_conv,
        last: Callable[[int], nn.Module] = single_conv,
    ) -> None:
        super().__init__()
        self.window = min(window, image)
        self.conv_first = conv(3, channels)
        self.patch_embed = nn.Sequential(OrderedDict(norm=nn.LayerNorm(channels)))
        drops = iter(torch.linspace(0, drop, sum(depths), device="cpu").tolist())

        def layer(number: int, heads: int) -> SwinLayer:
            shifted = number % 2 == 1 and image > window
            size = image if shifted else None
            return SwinLayer(channels, self.window, heads, mlp_ratio, image=size, drop=next(drops))

        groups = [[layer(n, count) for n in range(depth)] for depth, count in zip(depths, heads, strict=True)]
        self.layers = nn.ModuleList(ResidualSwinBlock(group, connection(channels)) for group in groups)
        self.norm = nn.LayerNorm(channels)
        self.conv_after_body = last(channels)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, channels, h, w)."""
        return _cropped(self.encode(self.mirrored(lr)), *lr.shape[2:])

    def mirrored(self, lr: Tensor) -> Tensor:
        """Extend (N, 3, h, w) to whole windows."""
        down, across = self._windows(lr)
        return _mirrored(_mirrored(lr, 2, down * self.window), 3, across * self.window)

    def encode(self, colours: Tensor) -> Tensor:
        """Map (N, 3, h, w) of whole windows to (N, channels, h, w)."""
        shallow = self.conv_first(colours)
        deep = self._deep(shallow, orders(colours.shape[0], *self._windows(colours), self.window, colours.device))
        features: Tensor = shallow + self.conv_after_body(deep)
        return features

    def _windows(self, x: Tensor) -> tuple[int, int]:
        down, across = (-(-side // self.window) for side in x.shape[2:])
        return down, across

    def _deep(self, x: Tensor, orders: tuple[Order, Order, Order]) -> Tensor:
        features = _features(self.patch_embed(_tokens(x)), x)
        for block in self.layers:
            features = block(features, orders)
        return _features(self.norm(_tokens(features)), x)


class SwinIR(SwinIREncoder):
    """The network; maps lr in [0, 1] to sr in the same range.

    Args:
        scale: 2, 3, 4 or 8; 1 without an upsampler.
        channels: See `SwinIREncoder`.
        upsampler: See `tail`.
        mean: Mean colour, in [0, 1].
        options: Other arguments of `SwinIREncoder`.
    """

    mean: Tensor

    def __init__(
        self,
        scale: int,
        *,
        channels: int = 180,
        upsampler: str = "pixelshuffle",
        mean: Sequence[float] = DIV2K_MEAN,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(channels=channels, **options)
        self.scale = scale
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        parts = tail(upsampler, scale, channels)
        for name, part in parts.items():
            self.add_module(name, part)
        self.enlarges, self.parts = bool(upsampler), tuple(parts)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, 3, h, w) to (N, 3, scale*h, scale*w)."""
        height, width = lr.shape[2:]
        colours = self.mirrored(lr) - self.mean
        features = self.encode(colours)
        for part in self.parts:
            features = getattr(self, part)(features)
        sr: Tensor = (features if self.enlarges else features + colours) + self.mean
        return _cropped(sr, height * self.scale, width * self.scale)


def _mirrored(x: Tensor, dim: int, side: int) -> Tensor:
    """Extend one dimension by mirroring; an index keeps the size dynamic in an export."""
    last = x.shape[dim] - 1
    index = last - (torch.arange(side, device=x.device) - last).abs()
    return x.index_select(dim, index.clamp_min(0))


def _cropped(x: Tensor, height: int, width: int) -> Tensor:
    """Crop at the bottom and right; negative padding keeps the sides of an export dynamic."""
    return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))


PAPER = srbench.Paper(
    title="SwinIR: Image Restoration Using Swin Transformer",
    venue="ICCV Workshops",
    year=2021,
    url="https://arxiv.org/abs/2108.10257",
)
LIGHT_RECIPE = srbench.Recipe(
    name="swinir_light_paper",
    datasets=("div2k_train",),
    patch=64,
    batch=64,
    steps=500_000,
    learning_rate=2e-4,
    schedule="multistep",
    milestones=(250_000, 400_000, 450_000, 475_000),
    losses={"l1": 1.0},
    ema=0.999,
    start_from_scale=2,
    source="the authors' training code (KAIR), which halves the rate and all steps for x3 and x4; this recipe does not",
)
RECIPE = LIGHT_RECIPE.model_copy(
    update={
        "name": "swinir_m_paper",
        "datasets": ("div2k_train", "flickr2k"),
        "batch": 32,
        "source": f"{LIGHT_RECIPE.source}; on DIV2K alone it uses LR patches of 48",
    }
)

SETS = ("set5", "set14", "b100", "urban100", "manga109")


def table(source: str, rows: Mapping[int, Sequence[tuple[float, float]]]) -> tuple[srbench.Reported, ...]:
    """Make scores from PSNR and SSIM on the five sets, by scale."""
    return srbench.Reported.on_luma(source, {scale: dict(zip(SETS, row, strict=True)) for scale, row in rows.items()})


_TABLES = "tables of the paper and the release (figs)"
_LIGHT = table(
    _TABLES,
    {
        2: ((38.14, 0.9611), (33.86, 0.9206), (32.31, 0.9012), (32.76, 0.9340), (39.12, 0.9783)),
        3: ((34.62, 0.9289), (30.54, 0.8463), (29.20, 0.8082), (28.66, 0.8624), (33.98, 0.9478)),
        4: ((32.44, 0.8976), (28.77, 0.7858), (27.69, 0.7406), (26.47, 0.7980), (30.92, 0.9151)),
    },
)
_DF2K = table(
    f"{_TABLES}, trained on DIV2K and Flickr2K",
    {
        2: ((38.42, 0.9623), (34.46, 0.9250), (32.53, 0.9041), (33.81, 0.9427), (39.92, 0.9797)),
        3: ((34.97, 0.9318), (30.93, 0.8534), (29.46, 0.8145), (29.75, 0.8826), (35.12, 0.9537)),
        4: ((32.92, 0.9044), (29.09, 0.7950), (27.92, 0.7489), (27.45, 0.8254), (32.03, 0.9260)),
    },
)
_DIV2K = table(
    f"{_TABLES}, trained on DIV2K alone",
    {
        2: ((38.35, 0.9620), (34.14, 0.9227), (32.44, 0.9030), (33.40, 0.9393), (39.60, 0.9792)),
        3: ((34.89, 0.9312), (30.77, 0.8503), (29.37, 0.8124), (29.29, 0.8744), (34.74, 0.9518)),
        4: ((32.72, 0.9021), (28.94, 0.7914), (27.83, 0.7459), (27.07, 0.8164), (31.67, 0.9226)),
    },
)


@srbench.hookimpl
def register_architectures() -> list[srbench.ArchitectureSpec]:
    """Provide the paper's networks for lightweight and for classical super-resolution, and two small ones."""
    weights = "The weight files of release v0.0 of JingyunLiang/SwinIR load unchanged, for any training size."
    common: dict[str, Any] = {"paper": PAPER, "license": "Apache-2.0", "size_multiple": 8, "padding": "beyond"}

    def small(name: str, label: str, channels: int, notes: str) -> srbench.ArchitectureSpec:
        sizes: dict[str, Any] = {"channels": channels, "depths": (2,) * 3, "heads": (channels // 8,) * 3}
        sizes |= {"drop": 0.0, "image": 24}
        return srbench.ArchitectureSpec(
            name=name,
            label=label,
            build=partial(SwinIR, upsampler="pixelshuffledirect", **sizes),
            encoder=partial(SwinIREncoder, **sizes),
            scales=frozenset({2, 3, 4}),
            taps=thirds("layers", 3),
            notes=f"Not from the paper: {notes}",
            **common,
        )

    light: dict[str, Any] = {"channels": 60, "depths": (6,) * 4, "heads": (6,) * 4}
    return [
        small("swinir_small", "SwinIR-small", 16, "a network that a CPU trains in minutes."),
        small("swinir_medium", "SwinIR-medium", 32, "the wider teacher of swinir_small."),
        srbench.ArchitectureSpec(
            name="swinir_light",
            label="SwinIR-light",
            build=partial(SwinIR, upsampler="pixelshuffledirect", **light),
            encoder=partial(SwinIREncoder, **light),
            scales=frozenset({2, 3, 4}),
            taps=thirds("layers", 4),
            recipe=LIGHT_RECIPE,
            reported=_LIGHT,
            notes="The paper counts 878K parameters at x2, leaving out the tables of relative positions, and "
            f"multiplications for an output of 1024x720. {weights}",
            **common,
        ),
        srbench.ArchitectureSpec(
            name="swinir_m",
            label="SwinIR",
            build=SwinIR,
            encoder=SwinIREncoder,
            scales=frozenset({2, 3, 4, 8}),
            taps=thirds("layers", 6),
            recipe=RECIPE,
            reported=(*_DF2K, *(replace(score, checkpoint="div2k") for score in _DIV2K)),
            notes=f"SwinIR-M, for classical super-resolution. {weights}",
            **common,
        ),
    ]
